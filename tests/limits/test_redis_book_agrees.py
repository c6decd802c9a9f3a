"""The book in memory and the book in Redis are the same book: whatever is taken and settled, they answer alike."""

from __future__ import annotations

import asyncio

import hypothesis.strategies as st
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import RuleBasedStateMachine, rule

from limits.redis_support import CLOCK, make
from llm_gateway.limits.memory import MemoryBook
from llm_gateway.limits.meter import Charge, Meter, Taken
from servers import RedisServer

SLOW = 1e10  # seconds: nothing of a rate comes back while the test runs
METERS = (
    Meter("key", "k", "requests", 20, SLOW),
    Meter("key", "k", "tokens", 1000, SLOW, burst=500),
    Meter("project", "p", "tokens", 800, SLOW, hard=False),
    Meter("key", "k", "concurrent", 3),
    Meter("tenant", "t", "cost", 1000, calendar="month"),
    Meter("tag", "x", "cost", 700, calendar="total", hard=False),
)
AMOUNTS = st.dictionaries(st.sampled_from(range(len(METERS))), st.sampled_from([0, 1, 2, 100, 300, 600, 2000]), min_size=1)
HOLDS = st.sampled_from("abcde")


def _machine(url: str) -> type[RuleBasedStateMachine]:
    class Books(RuleBasedStateMachine):
        number = 0

        def __init__(self) -> None:
            super().__init__()
            type(self).number += 1
            self.loop = asyncio.new_event_loop()
            self.meters = [
                Meter(
                    **{f: getattr(m, f) for f in m.__struct_fields__ if f not in {"name", "key"}}, name=f"{m.name}{self.number}"
                )
                for m in METERS
            ]
            self.memory = MemoryBook(CLOCK)
            self.redis = make(url, f"machine{self.number}", timeout=5.0)
            self.loop.run_until_complete(self.redis.start())
            self.version = 0
            self.round = 0
            self.holds: dict[str, str] = {}

        def teardown(self) -> None:
            self.loop.run_until_complete(self.redis.close())
            self.loop.close()

        def _charges(self, amounts: dict[int, int]) -> list[Charge]:
            return [Charge(self.meters[i], min(amount, 2) if i == 3 else amount) for i, amount in sorted(amounts.items())]

        @rule(hold=HOLDS, amounts=AMOUNTS)
        def take(self, hold: str, amounts: dict[int, int]) -> None:
            charges, now = self._charges(amounts), CLOCK.now()
            name = self.holds.setdefault(hold, f"{hold}{self.number}-{self.round}")
            here = self.memory.take(name, charges, now, 600.0)
            there = self.loop.run_until_complete(self.redis.take(name, charges, now, 600.0))
            assert isinstance(there, Taken)
            seen = [[(state.left, state.settled, state.reserved) for state in taken.states] for taken in (here, there)]
            assert (here.refused, seen[0]) == (there.refused, seen[1])

        @rule(hold=HOLDS, amounts=AMOUNTS, times=st.integers(1, 2))
        def settle(self, hold: str, amounts: dict[int, int], times: int) -> None:
            charges, now = self._charges(amounts), CLOCK.now()
            name = self.holds.pop(hold, f"{hold}{self.number}-{self.round}")
            self.round += 1
            for _ in range(times):
                self.memory.settle(name, charges, now)
                self.redis.settle(name, charges, now)

        @rule(spent=st.integers(0, 900), version=st.integers(1, 5))
        def seed(self, spent: int, version: int) -> None:
            key = self.meters[4].key
            self.take("seed", {4: 0})
            self.memory.seed(key, spent, version)
            self.redis.seed(key, spent, version)
            self.loop.run_until_complete(asyncio.sleep(0.002))

    return Books


def test_books_agree(redis_server: RedisServer) -> None:
    """No sequence of takes, top-ups, settlements and seeds tells the books apart."""
    case = _machine(redis_server.url)
    case.TestCase.settings = settings(
        max_examples=40, stateful_step_count=20, deadline=None, phases=(Phase.generate,), suppress_health_check=list(HealthCheck)
    )
    case.TestCase("runTest").runTest()
