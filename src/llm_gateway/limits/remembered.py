"""A Book that knows what was spent before this process began: the ledger is asked about each budget when it is first met.

Requests that a budget concerns wait until the answer is there, but not for longer than `PATIENCE`: without control and database
the gateway serves on, with what it counted itself, and learns the rest when they are back.

Where other nodes fold into the same ledger, it is asked again every few seconds, of some budgets after the others: nobody waits
for that.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import NamedTuple

from llm_gateway.core.clock import Clock
from llm_gateway.limits.meter import Book, Charge, Meter, Taken

PATIENCE = 10.0
"""Seconds that a request waits to learn what was spent before: control, which is starting as well, may take a while."""
RETRY = 0.1
AWAY = 1.0
AT_ONCE = 500
MOST = 300_000
"""Budgets that are asked about; beyond that, new ones begin at nothing."""
EVERY = 5.0
"""Seconds between two looks at what other nodes have spent."""
MOST_AGAIN = 2000
"""Budgets of one look; with more, each has its turn less often."""
SKEW = 5
"""Milliseconds between a request's admission and the moment in which its budgets are first met."""


class Question(NamedTuple):
    """`since`: from when on this process counts what its own requests spend, Unix milliseconds."""

    key: str
    scope: str
    name: str
    calendar: str
    timezone: str
    since: int


class Answer(NamedTuple):
    """Nano-dollars in the period of now: everybody's, and everybody's but this process's own since it began to count."""

    spent: int
    others: int
    version: int


Ask = Callable[[Sequence[Question]], Awaitable[Sequence[Answer] | None]]
"""An answer for each question; None: there is nobody to ask yet. Empty: nobody can tell before long. Raises nothing."""


class Later(NamedTuple):
    """What others have spent by now, as of `at` (Unix seconds)."""

    key: str
    others: int
    version: int
    at: float


AskAgain = Callable[[Sequence[Question]], Awaitable[Sequence[Later]]]
"""Of those of which somebody can tell. Raises nothing."""


class _Open(NamedTuple):
    """Not answered yet. `until`: monotonic; requests wait no longer."""

    meter: Meter
    question: Question
    until: float
    answered: asyncio.Future[None]


class Remembered:
    """In front of another Book."""

    def __init__(
        self, book: Book, ask: Ask, tell: Callable[[Meter, Answer], None], clock: Clock, *, patience: float = PATIENCE
    ) -> None:
        """`tell`: gives the book an answer."""
        self.book = book
        self._ask = ask
        self._clock = clock
        self._tell = tell
        self._patience = patience
        self._met: dict[str, Question] = {}
        self._again: asyncio.Task[None] | None = None
        self._open: dict[str, _Open] = {}
        self._task: asyncio.Task[None] | None = None
        self.settle = book.settle
        self.seed = book.seed

    @property
    def unanswered(self) -> int:
        """Budgets of which it is not known what was spent before."""
        return len(self._open)

    def know(self, meters: Iterable[Meter]) -> None:
        """They may be charged soon. Asks about those among them that are budgets, once."""
        new = [one for one in meters if one.calendar is not None and one.key not in self._met]
        if not new:
            return
        loop = asyncio.get_running_loop()
        since, until = int(self._clock.now() * 1000) - SKEW, self._clock.monotonic() + self._patience
        for meter in new[: max(MOST - len(self._met), 0)]:
            question = Question(meter.key, meter.scope, meter.name, meter.calendar or "total", meter.timezone, since)
            self._met[meter.key] = question
            self._open[meter.key] = _Open(meter, question, until, loop.create_future())
        if self._task is None and self._open:
            self._task = loop.create_task(self._learn())

    def take(self, hold: str, charges: Sequence[Charge], now: float, lease: float) -> Taken | Awaitable[Taken]:
        """See Book."""
        if self._open:
            at = self._clock.monotonic()
            waits = [self._open[meter.key] for meter, _ in charges if meter.key in self._open]
            futures = [one.answered for one in waits if one.until > at]
            if futures:
                return self._later(futures, max(one.until for one in waits) - at, (hold, charges, now, lease))
        return self.book.take(hold, charges, now, lease)

    def follow(self, ask: AskAgain, tell: Callable[[Later], None], every: float = EVERY) -> None:
        """From now on it is learned what other nodes spend. `tell`: gives it to the book. `every`: in seconds."""
        self._again = asyncio.get_running_loop().create_task(self._follow(ask, tell, every))

    async def close(self) -> None:
        """Nobody asks any more."""
        for task in (self._task, self._again):
            if task is not None:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
        for one in self._open.values():
            one.answered.cancel()
        self._open.clear()

    async def _later(
        self, futures: list[asyncio.Future[None]], seconds: float, wanted: tuple[str, Sequence[Charge], float, float]
    ) -> Taken:
        await asyncio.wait(futures, timeout=seconds)
        taken = self.book.take(*wanted)
        return taken if isinstance(taken, Taken) else await taken

    async def _follow(self, ask: AskAgain, tell: Callable[[Later], None], every: float) -> None:
        turn: list[Question] = []
        while True:
            await asyncio.sleep(every)
            turn = turn or list(self._met.values())
            now, turn = turn[:MOST_AGAIN], turn[MOST_AGAIN:]
            asked = [question for question in now if question.key not in self._open]
            for start in range(0, len(asked), AT_ONCE):
                for later in await ask(asked[start : start + AT_ONCE]):
                    tell(later)

    async def _learn(self) -> None:
        """Until nothing is open."""
        while self._open:
            asked = list(self._open.values())[:AT_ONCE]
            answers = await self._ask([one.question for one in asked])
            if answers is None:
                await asyncio.sleep(RETRY)
                continue
            if len(answers) != len(asked):
                self._wait_no_longer()
                await asyncio.sleep(AWAY)
                continue
            for one, answer in zip(asked, answers, strict=True):
                self._tell(one.meter, answer)
                del self._open[one.question.key]
                one.answered.set_result(None)
        self._task = None

    def _wait_no_longer(self) -> None:
        """The ledger is away, which may take long: what was spent is learned when it is back."""
        for key, one in self._open.items():
            if one.until:
                self._open[key] = one._replace(until=0.0, answered=asyncio.get_running_loop().create_future())
                one.answered.set_result(None)
