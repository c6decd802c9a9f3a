"""Budgets of which it is first asked what was spent before."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from llm_gateway.core.clock import FakeClock
from llm_gateway.limits.memory import MemoryBook
from llm_gateway.limits.meter import Charge, Meter, Taken
from llm_gateway.limits.remembered import Answer, Later, Question, Remembered

BUDGET = Meter("key", "k", "cost", 100, calendar="month")
RATE = Meter("key", "k", "requests", 10, 60.0)


class World:
    """A memory book with a ledger behind it that can be away."""

    def __init__(self, spent: int = 60, patience: float = 5.0) -> None:
        self.clock = FakeClock()
        self.memory = MemoryBook(self.clock)
        self.spent = spent
        self.away = False
        self.lost = False
        self.asked: list[Question] = []
        self.book = Remembered(self.memory, self.ask, self.tell, self.clock, patience=patience)

    async def ask(self, questions: Sequence[Question]) -> Sequence[Answer] | None:
        await asyncio.sleep(0)
        if self.lost:
            return ()
        if self.away:
            return None
        self.asked += questions
        return [Answer(self.spent, self.spent, 1) for _ in questions]

    def tell(self, meter: Meter, answer: Answer) -> None:
        self.memory.others(meter.key, answer.others, answer.version)

    async def take(self, amount: int, *meters: Meter) -> bool:
        taken = self.book.take(str(amount), [Charge(meter, amount) for meter in meters or (BUDGET,)], self.clock.now(), 60)
        found = taken if isinstance(taken, Taken) else await taken
        return found.refused < 0


def test_a_request_waits_until_it_is_known_what_was_spent() -> None:
    """L#26672, L#13280: a restart forgets no spending, not even for the first request."""

    async def run() -> None:
        world = World()
        world.book.know([BUDGET, RATE])
        assert world.book.unanswered == 1
        assert not await world.take(41)
        assert await world.take(40)
        world.book.know([BUDGET])
        await world.book.close()
        assert [question.key for question in world.asked] == [BUDGET.key]

    asyncio.run(run())


def test_what_is_no_budget_does_not_wait() -> None:
    """Rates begin anew; nobody is asked about them."""

    async def run() -> None:
        world = World()
        world.book.know([RATE])
        assert isinstance(world.book.take("a", [Charge(RATE, 1)], world.clock.now(), 60), Taken)
        world.book.know([BUDGET])
        assert isinstance(world.book.take("b", [Charge(RATE, 1)], world.clock.now(), 60), Taken)
        await world.book.close()

    asyncio.run(run())


def test_without_an_answer_it_serves_on() -> None:
    """Control or database away: after a while nobody waits any more, and what was spent meanwhile is put to what is told later."""

    async def run() -> None:
        world = World(patience=0.05)
        world.away = True
        world.book.know([BUDGET])
        assert await world.take(30)
        world.memory.settle("30", [Charge(BUDGET, 30)], world.clock.now())
        world.clock.advance(1)
        assert isinstance(world.book.take("x", [Charge(BUDGET, 1)], world.clock.now(), 60), Taken)
        world.memory.settle("x", [Charge(BUDGET, 0)], world.clock.now())
        world.away = False
        while world.book.unanswered:
            await asyncio.sleep(0.01)
        assert world.memory.state(BUDGET).settled == 90
        await world.book.close()

    asyncio.run(run())


def test_closing_ends_what_waits() -> None:
    """Nothing is asked any more, and nobody waits for ever."""

    async def run() -> None:
        world = World(patience=0.05)
        world.away = True
        world.book.know([BUDGET])
        waiting = asyncio.ensure_future(world.take(1))
        await asyncio.sleep(0)
        await world.book.close()
        assert await waiting
        assert world.book.unanswered == 0

    asyncio.run(run())


def test_nobody_waits_for_a_ledger_that_is_away() -> None:
    """Control says that its store cannot be reached: that may take long, and requests go on at once."""

    async def run() -> None:
        world = World(patience=30.0)
        world.lost = True
        world.book.know([BUDGET])
        assert await asyncio.wait_for(world.take(41), 1)
        assert isinstance(world.book.take("x", [Charge(BUDGET, 1)], world.clock.now(), 60), Taken)
        assert world.book.unanswered == 1
        await world.book.close()

    asyncio.run(run())


def test_what_other_nodes_spend_is_learned_while_it_runs() -> None:
    """Every budget has its turn, a few at a time; an answer that does not come, or says nothing of some, changes nothing."""

    async def run() -> None:
        world = World(spent=0)
        meters = [Meter("key", f"k{number}", "cost", 100, calendar="month") for number in range(3)]
        world.book.know(meters)
        assert await world.take(10, meters[0])
        asked: list[str] = []

        async def again(questions: Sequence[Question]) -> list[Later]:
            asked.extend(question.key for question in questions)
            if len(asked) < 4:
                return []
            return [Later(meters[0].key, 85, 2, world.clock.now())]

        world.book.follow(again, lambda told: world.memory.others(*told), every=0.001)
        while world.memory.state(meters[0]).settled != 85:
            await asyncio.sleep(0.001)
        assert set(asked) == {meter.key for meter in meters}
        assert await world.take(5, meters[0])
        assert not await world.take(1, meters[0])
        await world.book.close()
        count = len(asked)
        await asyncio.sleep(0.01)
        assert len(asked) == count

    asyncio.run(run())
