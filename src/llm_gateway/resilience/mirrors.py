"""Mirrors: a rule may have a request asked of another deployment as well, whose answer nobody is given.

The caller is never slowed: a mirror runs beside, in a bounded number, and is given up when the request's time is over. It is paid
for, so that it has a line of its own in the access log (outcome "mirrored") with what it used.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager
from copy import copy

from llm_gateway.core.errors import GatewayError, release
from llm_gateway.core.exchange import Exchange
from llm_gateway.dialects.base import Operation
from llm_gateway.providers.answer import StreamAnswer, WholeAnswer
from llm_gateway.resilience.attempts import Answer, AskDeployment, Attempts
from llm_gateway.routing.candidate import Candidate
from llm_gateway.routing.features import LOW

MOST = 100
"""Under way at once; what would be one more is left out and counted."""
_OPERATIONS = (Operation.CHAT, Operation.COMPLETION, Operation.EMBEDDING, Operation.RERANK)
_STATEFUL = "openai_responses"


class Nowhere:
    """Where the answers of mirrors go. Stands for the engine's Reply."""

    gone = False
    finished = False
    started = False
    source: object | None = None

    def write(self, data: bytes) -> None:
        """Nobody reads it."""


class Mirrors:
    """One per process."""

    def __init__(
        self,
        attempts: Attempts,
        observe: Callable[[Exchange], AbstractContextManager[None]],
        report: Callable[[Exchange, Exception], None],
    ) -> None:
        """`observe`: as the pipeline has it; `report`: of bugs."""
        self._attempt = attempts
        self._observe = observe
        self._report = report
        self._tasks: set[asyncio.Task[None]] = set()
        self.left_out = 0
        """Ever, because too many were under way."""

    def send(self, ex: Exchange, candidate: Candidate, ask: AskDeployment, seconds: float) -> None:
        """Begin one, and return at once. `seconds`: how long it may take. What keeps state at the gateway is not mirrored."""
        if ex.front.operation not in _OPERATIONS or ex.front.name == _STATEFUL:
            return
        if len(self._tasks) >= MOST:
            self.left_out += 1
            return
        mine = copy(ex)
        mine.id = f"{ex.id}.mirror"
        mine.attempts, mine.reply, mine.running = [], Nowhere(), None
        mine.entry, mine.hold, mine.ledger_id = None, None, ""  # it is nobody's: it has a row of its own, and holds nothing
        mine.trace = None if ex.trace is None else ex.trace.inner()
        mine.on_cut = "error"  # nobody goes on with what nobody reads
        task = asyncio.get_running_loop().create_task(self._run(mine, candidate, ask, seconds))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Give up those that are under way."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _run(self, ex: Exchange, candidate: Candidate, ask: AskDeployment, seconds: float) -> None:
        with self._observe(ex):
            ex.outcome = "mirrored"
            loop = asyncio.get_running_loop()
            task = asyncio.current_task()
            assert task is not None  # noqa: S101 - `send` made it
            timer = loop.call_later(seconds, task.cancel)
            try:
                await self._asked(ex, candidate, ask, seconds)
            except GatewayError as error:
                ex.error, ex.status = error, error.status
                release(error)
            except Exception as bug:  # noqa: BLE001 - a mirror's bug is nobody's request's
                self._report(ex, bug)
                release(bug)
            finally:
                timer.cancel()

    async def _asked(self, ex: Exchange, candidate: Candidate, ask: AskDeployment, seconds: float) -> None:
        deadline = ex.received + seconds
        await self._attempt.place((candidate,), LOW, deadline)
        answer = await self._attempt(ex, candidate, ask, deadline)
        attempt = ex.attempts[-1]
        ex.served_provider, ex.served_model, ex.committed, ex.status = attempt.provider, attempt.model, attempt.ended, 200
        if isinstance(answer, WholeAnswer):
            ex.usage = answer.usage
            return
        complete = False
        try:
            await _drained(ex, answer)
            complete = answer.error is None
        finally:
            ex.usage = answer.usage
            self._attempt.ended(ex, complete=complete, error=answer.error)
            answer.close()


async def _drained(ex: Exchange, answer: Answer) -> None:
    """The rest of a stream goes nowhere."""
    assert isinstance(answer, StreamAnswer)  # noqa: S101 - what passes through is not mirrored
    answer.attach(ex.reply)
    if not answer.over.done():
        await answer.over
