"""What a worker asks control about budgets, and what it tells of them. Control may be away: then both wait."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Any

import msgspec

from llm_gateway.channel.peer import Failed, Unanswered
from llm_gateway.limits.alerts import Alert
from llm_gateway.limits.remembered import Answer, Later, Question
from llm_gateway.telemetry.journal import Log
from llm_gateway.worker.forward import Ask

SPENT = "spent"
SPENT_BY_OTHERS = "spent_by_others"
ALERTS = "budget_alerts"
AWAY = "away"
"""What control refuses with while it has no store."""
SECONDS = 10.0
RETRY = 1.0
MOST = 1000
"""Alerts that wait. Of more, the oldest go: they were in the log when they came."""


class Budgets:
    """One per process."""

    def __init__(self, control: Ask, node: str, log: Log) -> None:
        """`node`: what all ids that this process gives to requests have in common."""
        self._control = control
        self._node = node
        self._log = log
        self._alerts: deque[Alert] = deque(maxlen=MOST)
        self._telling: asyncio.Task[None] | None = None
        self._unheard = ""
        """Why it was not told last time what other nodes spend."""

    async def ask(self, questions: Sequence[Question]) -> Sequence[Answer] | None:
        """See limits.remembered.Ask."""
        try:
            told = await self._control(SPENT, [self._node, [list(one) for one in questions]], SECONDS)
            return [Answer(*one) for one in msgspec.convert(told, list[tuple[int, int, int]])]
        except Failed as error:
            return () if error.kind == AWAY else None
        except (Unanswered, msgspec.ValidationError):
            return None

    async def ask_again(self, questions: Sequence[Question]) -> Sequence[Later]:
        """See limits.remembered.AskAgain."""
        try:
            told = await self._control(SPENT_BY_OTHERS, [self._node, [list(one) for one in questions]], SECONDS)
            found = [Later(*one) for one in msgspec.convert(told, list[tuple[str, int, int, float]])]
            why = ""
        except (Unanswered, msgspec.ValidationError) as error:
            found, why = [], str(error)
        if why and why != self._unheard:
            self._log("warning", "budgets_of_others_unheard", why=why)
        self._unheard = why
        return found

    def alert(self, alert: Alert) -> None:
        """A threshold was passed. Control tells whoever wants to know, once for all workers and nodes."""
        self._alerts.append(alert)
        if self._telling is None:
            self._telling = asyncio.get_running_loop().create_task(self._tell())

    async def close(self) -> None:
        if self._telling is not None:
            self._telling.cancel()
            await asyncio.gather(self._telling, return_exceptions=True)

    async def _tell(self) -> None:
        while self._alerts:
            told: list[Any] = [msgspec.to_builtins(alert) for alert in self._alerts]
            try:
                await self._control(ALERTS, told, SECONDS)
            except Unanswered:
                await asyncio.sleep(RETRY)
                continue
            for _ in range(min(len(told), len(self._alerts))):
                self._alerts.popleft()
        self._telling = None
