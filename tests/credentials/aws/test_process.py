"""credential_process, with real programs."""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec
import pytest

from credentials.support import SECRETS, at, means, shows_no_secret
from llm_gateway.credentials.aws.process import from_process
from llm_gateway.credentials.refreshing import Unavailable
from serving import run, until


def program(folder: Path, source: str) -> str:
    file = folder / f"a program {len(list(folder.iterdir()))}.py"
    file.write_text(source)
    return f'{sys.executable} "{file}" "an argument"'


def printing(folder: Path, text: str) -> str:
    return program(folder, f"import sys; sys.stdout.write({text!r}); sys.stderr.write('SECRET-KEY-0123')")


def test_it_prints_keys(tmp_path):
    """Quotes in the command work, the environment is the gateway's own, and the keys have their end."""

    async def test() -> None:
        async with means({"WHO": "ASIAPROC"}) as m:
            document = {"Version": 1, "SecretAccessKey": SECRETS[0], "SessionToken": "t", "Expiration": at(m.clock, 60)}
            source = f"""
import os, sys
assert sys.argv[1] == "an argument"
print({msgspec.json.encode(document).decode()!r}[:-1] + ', "AccessKeyId": "' + os.environ["WHO"] + '"}}')
"""
            fetched = await from_process(m, program(tmp_path, source))()
            assert (fetched.value.access_key, fetched.value.session_token, fetched.lifetime) == ("ASIAPROC", "t", 60)

    run(test)


def test_what_it_can_do_wrong(tmp_path):
    """Each is said without a word of its output."""

    async def test() -> None:
        async with means() as m:
            for command, match in [
                (printing(tmp_path, '{"Version": 2}'), "another version than 1"),
                (printing(tmp_path, "SECRET-KEY-0123"), "did not print the expected JSON"),
                (printing(tmp_path, '{"Version": 1, "AccessKeyId": 5}'), "did not print the expected JSON"),
                (printing(tmp_path, "x" * 70_000), "printed too much"),
                ("/no/such/program", "cannot be started"),
                ("'", "a quote is not closed"),
                (" ", "is empty"),
                (f"{sys.executable} -c 'raise SystemExit(3)'", "ended with status 3"),
            ]:
                with pytest.raises(Unavailable, match=match) as caught:
                    await from_process(m, command)()
                shows_no_secret(caught.value)

    run(test)


def test_it_is_ended_with_what_it_started(tmp_path):
    """A program that hangs does not stay behind, nor does its child."""

    async def test() -> None:
        mark = tmp_path / "pids"
        source = f"""
import os, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
open({str(mark)!r}, "w").write(f"{{os.getpid()}} {{child.pid}}")
time.sleep(60)
"""
        async with means() as m:
            with pytest.raises(Unavailable, match="took longer than 1 s"):
                await from_process(m, program(tmp_path, source), seconds=1)()
        pids = mark.read_text().split()
        assert len(pids) == 2
        await until(lambda: not any(alive(pid) for pid in pids))

    run(test)


def alive(pid: str) -> bool:
    """Whether a process still runs; one that nobody has waited for yet does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
