"""`llm-gateway audit`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Connection, text

from credentials.support import Lines
from llm_gateway.cli.main import main
from llm_gateway.config.schema import Config, State
from llm_gateway.control.audit import Entry, Event
from llm_gateway.control.audit_open import install_id, open_files, open_log
from llm_gateway.control.audit_store import TableAudit
from llm_gateway.core.clock import FakeClock, SystemClock
from llm_gateway.core.ids import Ids
from llm_gateway.store.ready import ready_store
from llm_gateway.store.threads import Threads

Run = Callable[..., Result]
FILE = "state/audit/audit-000000000001.jsonl"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """llm-gateway ARGUMENTS in a folder whose gateway recorded three things."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GATEWAY_CONFIG", raising=False)
    monkeypatch.setenv("COLUMNS", "300")

    async def record() -> None:
        clock = FakeClock()
        log = open_log(Config(state=State(dir="state")), Ids(clock.now), clock, Lines())
        await log.start()
        for action in ("key.created", "key.revoked", "tenant.created"):
            await log.record(Event(action=action, actor="key_1", resource="keys/a", ip="10.0.0.1", after={"secret": "x"}))
            clock.advance(3600)
        await log.close()

    asyncio.run(record())
    return lambda *arguments: CliRunner().invoke(main, arguments, prog_name="llm-gateway", catch_exceptions=False)


def test_verify(run: Run, tmp_path: Path) -> None:
    """0 and the number of entries; 1 and the first broken one, for people and for scripts."""
    done = run("audit", "verify")
    assert (done.exit_code, done.stdout) == (0, "whole: 3 entries, up to number 3\n")
    assert msgspec.json.decode(run("--json", "audit", "verify").stdout) == {"whole": True, "entries": 3, "last": 3}
    file = tmp_path / FILE
    file.write_bytes(file.read_bytes().replace(b"key.revoked", b"key.rotated"))
    done = run("audit", "verify")
    assert done.exit_code == 1
    assert done.stderr.startswith("broken at entry 2: entry 2 is not what was written")
    details = msgspec.json.decode(run("--json", "audit", "verify").stderr)["error"]["details"]
    assert (details["seq"], details["problem"], details["entries"]) == (2, "changed", 1)


def test_verify_the_copy_in_the_store(run: Run, tmp_path: Path) -> None:
    """It may end before the files do; a row that was changed is found there too."""

    def change(connection: Connection) -> None:
        connection.execute(text("UPDATE audit SET actor = 'nobody' WHERE seq = 2"))

    config = Config(state=State(dir="state"))
    store = ready_store(config.database, tmp_path / "state", SystemClock())
    entries = [entry for entry in open_files(config)[0].read() if isinstance(entry, Entry)]
    try:
        for upto, words in ((0, "there are no entries"), (2, "whole: 2 entries"), (3, "whole: 3 entries")):
            asyncio.run(TableAudit(Threads(store), install_id(tmp_path / "state")).append(entries[:upto]))
            assert words in run("audit", "verify", "--store").stdout
        store.write(change)
        done = run("audit", "verify", "--store")
        assert (done.exit_code, done.stderr.split(":")[0]) == (1, "broken at entry 2")
    finally:
        store.close()


def test_export(run: Run, tmp_path: Path) -> None:
    """Everything, or by action, actor and time; to standard output or to a file that is not there yet."""
    assert run("audit", "export").stdout_bytes == (tmp_path / FILE).read_bytes()
    lines = [msgspec.json.decode(line) for line in run("audit", "export", "--action", "key").stdout.splitlines()]
    assert [(line["action"], line["after"]) for line in lines] == [
        ("key.created", {"secret": "***"}),
        ("key.revoked", {"secret": "***"}),
    ]
    assert run("audit", "export", "--actor", "nobody").stdout == ""
    between = run("audit", "export", "--since", "2023-11-14T23:00:00", "--until", "2023-11-15T00:00:00").stdout
    assert msgspec.json.decode(between)["seq"] == 2
    assert run("audit", "export", "-o", "out.jsonl").stdout == "3 entries written to out.jsonl\n"
    assert (tmp_path / "out.jsonl").read_bytes() == (tmp_path / FILE).read_bytes()
    assert run("audit", "export", "-o", "out.jsonl").exit_code == 1
    with (tmp_path / FILE).open("ab") as file:
        file.write(b"{}\n")
    assert run("audit", "export").exit_code == 1


def test_tail(run: Run) -> None:
    """The newest entries, the newest last."""
    lines = run("audit", "tail", "-n", "2").stdout.splitlines()
    assert [line.split()[:4] for line in lines] == [
        ["2", "2023-11-14T23:13:20.000Z", "key_1", "key.revoked"],
        ["3", "2023-11-15T00:13:20.000Z", "key_1", "tenant.created"],
    ]
    assert msgspec.json.decode(run("--json", "audit", "tail", "-n", "1").stdout)["action"] == "tenant.created"


def test_the_wrong_folder(run: Run) -> None:
    """Is told, and no keys are made there."""
    done = run("audit", "verify", "--set", "state.dir=elsewhere")
    assert done.exit_code == 1
    assert "There is no audit log in elsewhere/audit" in done.stderr
    assert not Path("elsewhere").exists()
