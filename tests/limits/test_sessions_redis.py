"""Sessions of several workers that count together in Redis."""

from __future__ import annotations

import asyncio

from limits.redis_support import CLOCK, book, run, told, until
from limits_support import CENT, Limited, budget, caller
from llm_gateway.config.schema import Allowance, Limiting
from llm_gateway.config.values import Duration
from llm_gateway.core.errors import GatewayError
from llm_gateway.core.exchange import Exchange
from llm_gateway.core.usage import Usage
from llm_gateway.dialects.openai_realtime import RealtimeFront
from llm_gateway.limits.redis_book import RedisBook
from llm_gateway.limits.sessions import SessionHold
from servers import RedisServer

WHO = caller(Allowance(concurrent=3), budget(0.1, period="total"))


class Session:
    """One of a worker."""

    def __init__(self, worker: RedisBook, name: str, *, lease: float = 60.0) -> None:
        self.limited = Limited(Limiting(lease=Duration(lease)), book=worker, now=CLOCK.now())
        self.ex: Exchange = self.limited.exchange(WHO, stream=True, body=b"", front=RealtimeFront("m"))
        self.ex.id = self.ex.ledger_id = name
        self.ended: list[GatewayError] = []

    async def begin(self) -> None:
        WHO.meters = None  # each worker has a caller of its own
        waiting = self.limited.limiter.hold(self.ex)
        assert waiting is not None
        await waiting
        self.hold = SessionHold(self.ex, self.ended.append)

    async def told(self, cost: int) -> None:
        WHO.meters = None
        self.hold.told(self.limited.limiter, Usage(input=1, output=1), cost, answer=True)
        while self.hold._taking is not None:
            await asyncio.sleep(0.001)

    def end(self) -> None:
        self.hold.end()
        self.limited.settle(self.ex, Usage(), 0, estimated=True)


def test_workers_share_a_budget(redis_server: RedisServer) -> None:
    """Who is told something counts for everybody at once; whoever finds no room is ended, and nothing is held in the end."""

    async def story() -> None:
        async with book(redis_server.url, "one") as one, book(redis_server.url, "two") as two:
            sessions = [Session(one, "a"), Session(two, "b"), Session(one, "c")]
            for session in sessions:
                await session.begin()
            spent = 0
            for turn in range(30):
                session = sessions[turn % 3]
                if not session.ended:
                    await session.told(CENT)
                    spent += CENT
            assert all(session.ended for session in sessions)
            assert 8 * CENT <= spent <= 10 * CENT
            for session in sessions:
                session.end()
            await told(one)
            await told(two)
            (key,) = (key for key in redis_server.command("KEYS", "*cost*") if not key.endswith(b":l"))
            assert [int(redis_server.command("HGET", key, name)) for name in ("s", "r")] == [spent, 0]
            assert (one.holding, two.holding) == (0, 0)

    run(story)


def test_a_silent_session_keeps_what_it_holds(redis_server: RedisServer) -> None:
    """Redis forgets who does not say in time that he is there; a session says so, and takes nothing by that."""

    async def story() -> None:
        async with book(redis_server.url) as one:
            session = Session(one, "a", lease=0.3)
            await session.begin()
            await session.told(CENT)
            loop = asyncio.get_running_loop()
            end = loop.time() + 0.5
            while loop.time() < end:
                session.hold.renew(session.limited.limiter, loop.time())
                await asyncio.sleep(0.02)
            other = Session(one, "b", lease=0.3)
            await other.begin()  # whoever takes lets go of what nobody holds any more
            (key,) = (key for key in redis_server.command("KEYS", "*cost*") if not key.endswith(b":l"))
            assert int(redis_server.command("HGET", key, "ha.1")) == CENT
            (places,) = redis_server.command("KEYS", "*concurrent*")
            assert redis_server.command("ZCARD", places) == 2
            session.end()
            other.end()
            await told(one)
            assert int(redis_server.command("HGET", key, "r")) == 0
            assert redis_server.command("KEYS", "*concurrent*") == []

    run(story)


def test_redis_goes_away_and_comes_back(redis_server: RedisServer) -> None:
    """The session goes on, by its worker's part of the budget; Redis learns all that was told, once, and holds nothing in the end."""

    async def story() -> None:
        async with book(redis_server.url) as one:
            session = Session(one, "a")
            await session.begin()
            for _ in range(2):
                await session.told(CENT)
            await told(one)
            redis_server.command("SAVE")
            await asyncio.to_thread(redis_server.stop)
            for _ in range(3):
                await session.told(CENT)
            await asyncio.to_thread(redis_server.start, kept=True)
            await until(lambda: not one.degraded and not one.apart)
            await session.told(CENT)
            assert session.ended == []
            session.end()
            await told(one)
            (key,) = (key for key in redis_server.command("KEYS", "*cost*") if not key.endswith(b":l"))
            assert [int(redis_server.command("HGET", key, name)) for name in ("s", "r")] == [6 * CENT, 0]
            assert one.holding == 0

    run(story)
