"""The limiter on a book that is asked over a network: what arrives when nobody waits for it any more."""

from __future__ import annotations

import asyncio

import pytest

from limits.redis_support import CLOCK, book, run, take, told
from limits_support import Limited, budget, caller
from llm_gateway.config.schema import Allowance, Rate
from llm_gateway.core.caller import Caller
from llm_gateway.core.exchange import Exchange
from llm_gateway.core.usage import Usage
from llm_gateway.limits.meter import Charge, StoreDown, Taken
from llm_gateway.limits.redis_book import RedisBook
from servers import RedisServer


async def _topping_up(one: RedisBook, who: Caller) -> tuple[Limited, Exchange]:
    """A stream that has come to twice what it reserved, and whose top-up was just asked for."""
    limited = Limited(book=one, now=CLOCK.now())
    ex = limited.exchange(who, stream=True)
    waiting = limited.limiter.hold(ex)
    assert waiting is not None
    await waiting
    ex.hold.more(int(ex.hold.due) * 2)
    return limited, ex


def test_a_stream_that_ends_while_its_top_up_is_under_way(redis_server: RedisServer) -> None:
    """What Redis gives to a stream that was settled meanwhile is free at once, and not only when its lease is over."""

    async def story() -> None:
        async with book(redis_server.url) as one:
            limited, ex = await _topping_up(one, caller(Allowance(tokens=Rate(day=100_000)), budget(1, period="total")))
            limited.settle(ex, Usage(input=100, output=2_000), 2_100_000)
            tokens, money = (meter for meter, _, _ in ex.hold.measured)
            await take(one, "next", (tokens, 0))  # Redis answers in order: it has answered the top-up before
            assert one.holding == 1, "only the next one holds something"
            await told(one)
            stands = await take(one, "last", (tokens, 0), (money, 0))
            assert [state.settled for state in stands.states] == [2_100, 2_100_000]
            assert stands.states[1].reserved == 0

    run(story)


def test_a_stream_that_ends_while_redis_hangs(redis_server: RedisServer) -> None:
    """The same of what a worker gives on its own, because Redis did not answer in time."""

    async def story() -> None:
        async with book(redis_server.url, timeout=0.2) as one:
            who = caller(Allowance(tokens=Rate(day=100_000)))
            limited = Limited(book=one, now=CLOCK.now())
            ex = limited.exchange(who, stream=True)
            await limited.limiter.hold(ex)  # type: ignore[misc]  # Redis is asked
            redis_server.pause()
            ex.hold.more(int(ex.hold.due) * 2)
            (topping,) = limited.limiter._tasks
            limited.settle(ex, Usage(input=100, output=2_000), 0)
            await topping
            redis_server.go_on()
            assert not one._alone.has(ex.id)

    run(story)


class Later:
    """A book that answers when it is told what."""

    def __init__(self) -> None:
        self.asked: list[asyncio.Future[Taken]] = []
        self.settled: list[list[int]] = []

    def take(self, hold: str, charges: list[Charge], now: float, lease: float) -> asyncio.Future[Taken]:
        self.asked.append(asyncio.get_running_loop().create_future())
        return self.asked[-1]

    def settle(self, hold: str, charges: list[Charge], now: float) -> None:
        self.settled.append([amount for _, amount in charges])

    def seed(self, key: str, spent: int, version: int) -> None: ...


@pytest.mark.parametrize(
    ("answer", "settled"),
    [(Taken(-1, ()), [[30], [0]]), (Taken(0, ()), [[30]]), (StoreDown("away"), [[30]])],
    ids=["taken", "refused", "away"],
)
def test_only_what_was_taken_is_given_back(answer: Taken | StoreDown, settled: list[list[int]]) -> None:
    """A top-up that was refused, or that nobody could be asked for, holds nothing: there is nothing to settle."""

    async def story() -> None:
        later = Later()
        limited = Limited(book=later)
        ex = limited.exchange(caller(Allowance(tokens=Rate(minute=100_000))), stream=True)
        waiting = asyncio.ensure_future(limited.limiter.hold(ex))  # type: ignore[arg-type]  # it is asked
        await asyncio.sleep(0)
        later.asked[0].set_result(Taken(-1, ()))
        await waiting
        ex.hold.more(int(ex.hold.due) * 2)
        (topping,) = limited.limiter._tasks
        limited.settle(ex, Usage(input=10, output=20), 0)
        if isinstance(answer, StoreDown):
            later.asked[1].set_exception(answer)
        else:
            later.asked[1].set_result(answer)
        await topping
        assert later.settled == settled
        assert ex.hold.ending is None

    run(story)
