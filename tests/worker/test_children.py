"""Child processes that the gateway runs."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from llm_gateway.worker import children
from llm_gateway.worker.children import Child, ChildFailed
from serving import run, until

READY = 'import sys, os\nprint(\'{"url": "http://127.0.0.1:1/%d"}\' % os.getpid(), flush=True)\n'
WAIT = "sys.stdin.buffer.read()\n"
LOOPS = ("uvloop", "asyncio")


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """Makes a module of a text, importable by child processes."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(children, "_BACKOFF", (0.01, 0.05))

    def make(text: str) -> str:
        (tmp_path / "played.py").write_text(text)
        return "played"

    return make


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize("loop", LOOPS)
def test_a_child_says_where_it_is_and_ends_with_its_input(script, loop):
    """Other lines before that are passed over; closing its input is enough to end it."""
    module = script("print('loading', flush=True)\nprint('[1]', flush=True)\n" + READY + WAIT)

    async def test() -> None:
        child = Child("c", module)
        assert await child.start() == f"http://127.0.0.1:1/{child.pid}"
        pid = child.pid
        await child.stop()
        assert not alive(pid)
        assert child.pid is None
        await child.stop()

    run(test, loop)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("import sys; sys.exit(3)", "ended before it was ready (status 3)"),
        ('print(\'{"error": "no weights"}\')', "c: no weights"),
        ("print('x' * 1000000)", "printed a line that is too long"),
        ("import time; time.sleep(60)", "was not ready after"),
    ],
)
def test_why_it_did_not_come_up(script, monkeypatch, text, why):
    """In its own words if it had any; nothing is left running."""
    monkeypatch.setattr(children, "START_SECONDS", 0.3 if "sleep" in text else 10.0)
    monkeypatch.setattr(children, "STOP_SECONDS", 0.1)
    module = script(text)

    async def test() -> None:
        child = Child("c", module)
        with pytest.raises(ChildFailed, match=why.replace("(", r"\(").replace(")", r"\)")):
            await child.start()
        assert child.pid is None

    run(test)


def test_what_cannot_be_executed_has_failed(script, monkeypatch):
    """The system's refusal is a ChildFailed like every other."""
    monkeypatch.setattr(children.sys, "executable", "/nowhere/python")

    async def test() -> None:
        with pytest.raises(ChildFailed, match="could not be started"):
            await Child("c", script("")).start()

    run(test)


def test_one_that_does_not_listen_is_killed(script, monkeypatch):
    """Politely first, by force after STOP_SECONDS."""
    monkeypatch.setattr(children, "STOP_SECONDS", 0.1)
    module = script(READY + "import time\nwhile True: time.sleep(1)\n")

    async def test() -> None:
        child = Child("c", module)
        await child.start()
        pid = child.pid
        await child.stop()
        assert not alive(pid)

    run(test)


def kept(child: Child) -> tuple[list[str], list[str]]:
    """Keeps it; the URLs of its restarts and the reasons of its ends."""
    urls: list[str] = []
    reasons: list[str] = []

    async def restarted(again: Child) -> None:
        urls.append(again.url)

    child.keep(restarted, lambda _, why: reasons.append(why))
    return urls, reasons


def killing(test: Callable[[Child], Awaitable[None]], module: str) -> None:
    async def main() -> None:
        child = Child("c", module)
        await child.start()
        try:
            await test(child)
        finally:
            await child.stop()

    run(main)


def test_one_that_dies_is_started_again(script):
    """It has a new URL then, which is told, as is how it ended."""

    async def test(child: Child) -> None:
        first = child.url
        urls, reasons = kept(child)
        os.kill(child.pid, signal.SIGKILL)
        await until(lambda: len(urls) == 1)
        assert urls == [child.url] != [first]
        assert alive(child.pid)
        assert reasons == ["ended with status -9"]

    killing(test, script(READY + WAIT))


def test_a_restart_that_fails_is_tried_again(script, tmp_path):
    """It used to give up for good: the watcher tried to end itself. Now it comes back when it can."""
    module = script(READY + WAIT)

    async def test(child: Child) -> None:
        urls, reasons = kept(child)
        script("import sys; sys.exit(7)")
        os.kill(child.pid, signal.SIGKILL)
        await until(lambda: len(reasons) >= 3, 5)
        assert "status 7" in reasons[1]
        script(READY + WAIT)
        await until(lambda: len(urls) == 1, 5)
        assert alive(child.pid)

    killing(test, module)


def test_stopping_while_it_is_away(script):
    """No process and no task is left, in the middle of a pause as well."""

    async def test(child: Child) -> None:
        _, reasons = kept(child)
        script("import sys; sys.exit(7)")
        os.kill(child.pid, signal.SIGKILL)
        await until(lambda: len(reasons) >= 1)
        await child.stop()
        assert child.pid is None
        count = len(reasons)
        await asyncio.sleep(0.15)
        assert len(reasons) == count

    killing(test, script(READY + WAIT))


def test_what_it_prints_later_does_not_stop_it(script):
    """A pipe that nobody reads fills up, and the next print would wait for ever."""
    text = READY + "print('x' * 1000000)\nprint('y' * 1000000, flush=True)\nopen(__file__ + '.done', 'w').close()\n" + WAIT

    async def test(child: Child) -> None:
        kept(child)
        done = Path(os.environ["PYTHONPATH"]) / "played.py.done"
        await until(done.exists, 5)

    killing(test, script(text))
