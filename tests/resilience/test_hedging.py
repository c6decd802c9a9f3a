"""Hedging: who wins, who pays, and that a loser is let go of."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from msgspec import Raw

from llm_gateway.core.chat import ChatRequest, Message, Text, Tool
from llm_gateway.resilience.hedging import LEAST_SAMPLES, Delay, harmless, race

LONG = 5.0


class Runner:
    """An attempt that takes `seconds` and comes to `outcome`."""

    def __init__(self, seconds: float, outcome: Any) -> None:
        self.seconds = seconds
        self.outcome = outcome
        self.cancelled = False

    async def __call__(self) -> Any:
        try:
            await asyncio.sleep(self.seconds)
        except asyncio.CancelledError:
            self.cancelled = True
            raise
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome


def raced(first: Runner, second: Runner, *, delay: float = 0.01, start: bool = True) -> tuple[Any, bool, list[Any]]:
    lost: list[Any] = []

    async def main() -> tuple[Any, bool]:
        return await race(first(), second, delay, lambda: start, lost.append)

    return (*asyncio.run(main()), lost)


def test_a_fast_first_is_alone():
    """Who answers before the delay is over is the only one that is asked."""
    second = Runner(0, "second")
    assert raced(Runner(0, "first"), second, delay=LONG) == ("first", False, [])


def test_the_second_wins_over_a_slow_first():
    """The first content wins, and the other attempt is cancelled at once."""
    first = Runner(LONG, "first")
    assert raced(first, Runner(0, "second")) == ("second", True, [])
    assert first.cancelled


def test_the_first_may_still_win():
    """A second that is slower yet is cancelled."""
    second = Runner(LONG, "second")
    assert raced(Runner(0.03, "first"), second) == ("first", False, [])
    assert second.cancelled


def test_nobody_second_without_leave():
    """When the allowance says no, the first is waited for."""
    assert raced(Runner(0.03, "first"), Runner(0, "second"), start=False) == ("first", False, [])


def test_a_failure_never_wins():
    """A broken second that answers first leaves the race to the first; and the other way round."""
    assert raced(Runner(0.05, "first"), Runner(0, ValueError("broken")))[:2] == ("first", False)
    assert raced(Runner(0.03, ValueError("broken")), Runner(0.05, "second"))[:2] == ("second", True)


def test_two_failures_are_the_firsts():
    """When both fail, the first's failure is told."""
    with pytest.raises(ValueError, match="one"):
        raced(Runner(0.02, ValueError("one")), Runner(0, ValueError("two")))


def test_an_answer_that_lost_is_handed_over():
    """When both begin in the same turn of the loop the one that is not used can be closed."""

    async def main() -> tuple[Any, list[Any]]:
        lost: list[Any] = []
        gate = asyncio.Event()

        async def waiting(name: str) -> str:
            await gate.wait()
            return name

        asyncio.get_running_loop().call_later(0.03, gate.set)
        won, _ = await race(waiting("first"), lambda: waiting("second"), 0.01, lambda: True, lost.append)
        return won, lost

    assert asyncio.run(main()) == ("first", ["second"])


def test_cancelled_both_are():
    """A caller who leaves ends both attempts."""
    first, second = Runner(LONG, "first"), Runner(LONG, "second")

    async def main() -> None:
        task = asyncio.ensure_future(race(first(), second, 0.0, lambda: True, lambda _: None))
        await asyncio.sleep(0.02)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert (first.cancelled, second.cancelled) == (True, True)


def test_the_delay_is_learned():
    """Nothing is known at first; then it is the 95th percentile of what was seen lately."""
    delay = Delay(None, 0.02)
    for count in range(LEAST_SAMPLES - 1):
        delay.add(count / 100, 500, 1.0)
        assert delay.after(500) is None
    for count in range(LEAST_SAMPLES - 1, 112):
        delay.add(count / 100, 500, 1.0)
    assert delay.after(500) == pytest.approx(1.06)
    assert Delay(0.25, 0.02).after(500) == 0.25


def test_long_prompts_are_measured_by_long_ones():
    """What takes long to read is not slow for that; and short ones do not wait for as long as those take."""
    delay = Delay(None, 0.02)
    for count in range(100):
        delay.add(0.4 + count / 1000, 300, 1.0)
        delay.add(2.0 + count / 1000, 9000, 30.0)
    assert delay.after(400) == pytest.approx(0.5, abs=0.02)
    assert delay.after(10) == delay.after(400)
    assert delay.after(12_000) == pytest.approx(2.1, abs=0.02)
    assert delay.after(100_000) is None


def test_the_first_request_may_be_asked_twice():
    """Where the delay is written down nothing has to be learned; but what that one cost is earned before the next."""
    delay = Delay(0.2, 0.1)
    assert delay.take(1.0)
    for _ in range(10):
        assert not delay.take(1.0)
        delay.add(0.1, 500, 1.0)
    delay.add(0.1, 500, 1.0)
    assert delay.take(1.0)


@pytest.mark.parametrize("second", [0.3, 1.0])
def test_the_allowance_is_a_share_of_the_cost(second):
    """Of 10,000 requests that all would be hedged, no more than the share of their cost is spent, and a hedge or two."""
    delay = Delay(0.0, 0.02)
    spent = total = 0.0
    for number in range(10_000):
        cost = 1.0 + number % 7  # the dear ones are the slow ones
        if cost > 5.0 and delay.take(second * cost):
            spent += second * cost
        delay.add(1.0, 500, cost)
        total += cost
    assert 0.0195 * total <= spent <= 0.02 * total + 2 * 7


@pytest.mark.parametrize(
    ("request_", "fine"),
    [
        ({}, True),
        ({"tools": (Tool("f", schema=Raw(b"{}")),)}, True),
        ({"tools": (Tool("search", raw=Raw(b'{"type":"web_search"}')),)}, False),
        ({"dialect": "openai_chat", "extra": {"store": Raw(b"true")}}, False),
        ({"dialect": "openai_chat", "extra": {"store": Raw(b"false")}}, True),
        ({"dialect": "openai_responses"}, False),
        ({"dialect": "openai_responses", "extra": {"store": Raw(b"false")}}, False),
        ({"dialect": "openai_chat", "extra": {"store": Raw(b"0")}}, False),
        ({"dialect": "anthropic_messages", "extra": {"mcp_servers": Raw(b"[]")}}, False),
    ],
)
def test_only_what_has_no_side_effects_is_asked_twice(request_, fine):
    """What a provider keeps or runs is not given to two of them."""
    assert harmless(ChatRequest("m", (Message("user", (Text("hi"),)),), **request_)) is fine
