"""One process that is kept running."""

from __future__ import annotations

import os
import signal
import sys

from llm_gateway.channel.messages import Unfit
from llm_gateway.supervisor.child import PAUSES, STEADY_SECONDS, Child, Forked, told_why
from serving import run, until


def test_pauses_grow_and_begin_anew():
    """At once the first time; half a minute at most; whoever ran for long is forgiven."""
    child = Child("x", "none", (), ())
    assert [child.pause(0.0) for _ in range(10)] == [*PAUSES, PAUSES[-1], PAUSES[-1]]
    child.began = 100.0
    assert child.pause(100.0 + STEADY_SECONDS) == PAUSES[0]


def test_why_it_ended():
    """The signal by its name, and its own words."""
    assert told_why(None, -9) == {"status": -9, "signal": "SIGKILL"}
    assert told_why(Unfit("os", "no"), 1) == {"status": 1, "why": "no"}


def test_a_process_that_cannot_be_run_is_seen_to_end(tmp_path):
    """It ends before it said anything; whoever waits for it goes on."""

    async def test() -> None:
        child = Child("x", "llm_gateway.no_such_module", (), ())
        lock = os.open(tmp_path, os.O_RDONLY)
        child.spawn({"PATH": os.environ["PATH"]}, lock)
        os.close(lock)
        await child.connect()
        await child.ready
        await until(lambda: child.ended() is not None)
        assert child.ended() != 0
        child.kill()
        child.process.wait()
        child.forget()
        assert (child.pid, child.ended()) == (None, None)

    sys.stderr.flush()
    run(test)


def test_a_forked_process_is_reaped():
    """Its status is known once, and it can be asked again."""
    pid = os.fork()
    if not pid:
        os._exit(7)
    forked = Forked(pid)
    while forked.poll() is None:
        pass
    assert (forked.poll(), forked.poll()) == (7, 7)
    forked.send_signal(signal.SIGKILL)
