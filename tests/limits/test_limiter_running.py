"""The limiter while a request runs: streams that reserve ahead, budgets that cut, books that answer later, and what a reload keeps."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from limits_support import Limited, budget, caller, left, rpm
from llm_gateway.config.schema import Allowance, Limiting, Rate, Spending
from llm_gateway.core.caller import Caller
from llm_gateway.core.errors import BudgetExceeded, Overloaded, RateLimited
from llm_gateway.core.usage import Usage
from llm_gateway.limits.held import STEP
from llm_gateway.limits.meter import StoreDown, Taken

TOKENS = Allowance(tokens=Rate(minute=100_000))


def test_guesses_are_not_learned_from():
    """What the ledger estimated says nothing about the next request."""
    limited = Limited()
    who = caller(TOKENS)
    limited.settle(limited.hold(who), Usage(input=5, output=5), 0, estimated=True)
    assert limited.hold(who).hold.output == 1000


def test_a_running_stream_reserves_ahead():
    """What was reserved is written: more is taken, so that others see it; a limit that does not cut never ends the stream."""
    limited = Limited()
    who = caller(TOKENS, budget(0.003))
    ex = limited.hold(who, stream=True)
    assert ex.hold.more(100) is None
    before = left(ex, 1)
    assert ex.hold.due == 200_000
    assert ex.hold.more(200_000) is None
    assert ex.hold.output == 1000 + STEP
    assert left(ex, 1) == before - STEP * 1000
    for written in range(200_000, 2_000_000, 50_000):
        assert ex.hold.more(written) is None
    assert left(ex, 1) == 0
    limited.settle(ex, Usage(input=100, output=10_000), 10_100_000)
    assert ex.hold.states[1].reserved == 0
    assert ex.hold.more(9_000_000) is None
    assert limited.refused(who).status == 402


def test_a_budget_that_cuts_ends_the_stream():
    """When it has no more money: with an error of its own, before more than was reserved was generated."""
    limited = Limited()
    who = caller(None, budget(0.002, cut=True))
    ex = limited.hold(who, stream=True)
    written, error = 0, None
    while error is None:
        written += 1_000
        error = ex.hold.more(written)
    assert isinstance(error, BudgetExceeded)
    assert error.code == "budget_exceeded"
    assert ex.hold.more(written) is error
    cost = 101_000 + int(written / 200) * 1000
    assert 1_800_000 < cost <= 2_000_000
    limited.settle(ex, Usage(input=101, output=int(written / 200)), cost)
    assert ex.hold.states[0].settled <= 2_000_000


def test_alerts_come_once():
    """50, 80 and 100 % of a budget, soft or hard, each once in its period."""
    limited = Limited()
    who = caller(None, budget(1, hard=False))
    for _ in range(12):
        limited.use(who, 10, 10**8)
    assert [(one.percent, one.spent) for one in limited.alerts] == [(50, 5 * 10**8), (80, 8 * 10**8), (100, 10**9)]


def test_a_soft_budget_refuses_nobody():
    """It is counted and told."""
    limited = Limited()
    who = caller(None, budget(0.000001, hard=False))
    for _ in range(3):
        limited.use(who, 10, 10**8)


def test_header_lines_and_refusals_show_the_state():
    """On answers that were let by and on those that were not."""
    limited = Limited()
    who = caller(rpm(2))
    ex = limited.hold(who)
    assert b"X-RateLimit-Remaining: 1\r\n" in ex.hold.lines()
    limited.hold(who)
    error = limited.refused(who)
    assert b"X-RateLimit-Remaining: 0\r\n" in error.ex.hold.lines()
    limited.settle(error.ex, Usage(input=5), 5)  # it held nothing
    limited.clock.advance(30)
    limited.hold(who)


def test_a_reload_goes_on_with_the_counters():
    """Another limiter on the same book: what was used is used; a caller that is known from before gets the new limits."""
    limited = Limited()
    who = caller(rpm(3))
    for _ in range(3):
        limited.hold(who)
    old = limited.limiter
    limited.limiter = type(old)(
        Limiting(everyone=Spending(limits=rpm(1))),
        limited.book,
        limited.estimates,
        limited.clock,
        prices=old._prices,
        name=old._name,
    )
    assert limited.refused(who).details["scope"] == "key"
    free = Caller("free")
    limited.hold(free)
    assert limited.refused(free).details["scope"] == "everyone"


class Slow:
    """A book that answers later, or not at all."""

    def __init__(self, answer: object) -> None:
        self.answer = answer
        self.settled: list[tuple[str, list[int]]] = []

    def take(self, hold, charges, now, lease):
        async def later():
            await asyncio.sleep(0)
            if isinstance(self.answer, Exception):
                raise self.answer
            return self.answer

        return later()

    def settle(self, hold, charges, now):
        self.settled.append((hold, [amount for _, amount in charges]))

    def seed(self, key, spent, version): ...


def test_a_book_that_answers_later_is_waited_for():
    """And what it says holds; if it cannot be reached and nothing may go by uncounted, that is 503, not 429."""

    async def asked(answer: object):
        limited = Limited(book=Slow(answer))
        ex = limited.exchange(caller(rpm(5)))
        waiting = limited.limiter.hold(ex)
        assert waiting is not None
        await waiting
        limited.settle(ex)
        return limited.book.settled

    assert asyncio.run(asked(Taken(-1, ()))) == [("id-1", [1])]
    with pytest.raises(Overloaded) as caught:
        asyncio.run(asked(StoreDown("no route")))
    assert (caught.value.status, caught.value.code) == (503, "limits_unavailable")


def test_a_caller_who_leaves_while_the_book_is_asked():
    """Nobody knows whether it was taken: it is settled at nothing, once."""

    async def leave():
        limited = Limited(book=Slow(Taken(-1, ())))
        ex = limited.exchange(caller(Allowance(concurrent=5)))
        task = asyncio.ensure_future(limited.limiter.hold(ex))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        limited.settle(ex)
        return limited.book.settled

    assert asyncio.run(leave()) == [("id-1", [0])]


def test_a_book_that_cannot_be_reached_at_once():
    """The same, where it says so without waiting."""

    class Down(Slow):
        def take(self, hold, charges, now, lease):
            raise StoreDown

    limited = Limited(book=Down(None))
    assert limited.refused(caller(rpm(1))).code == "limits_unavailable"


def test_topping_up_with_a_book_that_answers_later():
    """The stream goes on meanwhile; it is cut at the next look if there was no money."""

    async def stream():
        from llm_gateway.limits.meter import State

        limited = Limited(book=Slow(Taken(-1, ())))
        ex = limited.exchange(caller(None, budget(1, cut=True)), stream=True)
        await limited.limiter.hold(ex)
        assert ex.hold.more(200_000) is None
        await asyncio.sleep(0.01)
        assert ex.hold.more(200_001) is None
        limited.book.answer = Taken(0, (State(0, 10**9, 0, 1.0, 1.0),))
        assert ex.hold.more(10**6) is None
        await asyncio.sleep(0.01)
        cut = ex.hold.more(10**6)
        assert cut is not None
        limited.book.answer = StoreDown("gone")
        other = limited.exchange(caller(None, budget(1, cut=True)), stream=True)
        other.hold = None
        return cut.code

    assert asyncio.run(stream()) == "budget_exceeded"


@settings(max_examples=60)
@given(
    st.integers(1, 4),
    st.lists(st.tuples(st.integers(0, 3000), st.booleans(), st.booleans()), min_size=1, max_size=60),
)
def test_a_hard_budget_is_not_overspent_beyond_the_slack(cents, requests):
    """However many run at once: spent never exceeds the limit by more than answers were longer than their reservations; and while
    nothing runs, only what is spent refuses.
    """
    limited = Limited()
    most = cents * 10**6
    who = caller(None, budget(cents / 1000))
    running = []
    slack = spent = 0
    for output, ends, fails in requests:
        ex = limited.exchange(who)
        try:
            limited.limiter.hold(ex)
            running.append((ex, output, fails))
        except (RateLimited, BudgetExceeded) as error:
            refusal = error
            assert running or refusal.status == 402
            assert running or spent + refusal.details["needed"] * 1e9 > most - 1
        if ends and running:
            done, tokens, failed = running.pop(0)
            usage = Usage() if failed else Usage(input=100, output=tokens)
            cost = usage.total * 1000
            reserved = done.hold.charges[0][1]
            limited.settle(done, usage, cost)
            limited.settle(done, usage, cost)
            spent += cost
            slack += max(cost - reserved, 0)
        assert spent <= most + slack
