"""Stored objects in the control process, wired: what workers ask, and what goes with time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec

from llm_gateway.channel.hub import Hub
from llm_gateway.channel.large import Answers
from llm_gateway.config.schema import Config
from llm_gateway.control.kept import Database, Kept
from llm_gateway.control.kept_sweeps import Sweeps
from llm_gateway.core.clock import Clock
from llm_gateway.credentials.ring import Ring
from llm_gateway.edge.stored_messages import SETTLE, Settle
from llm_gateway.telemetry.journal import Log

SETTLE_SECONDS = 1.0
"""How long workers may take to hand something in that somebody asks for."""


class Keeping:
    """One per control process."""

    def __init__(
        self,
        database: Database,
        ring: Ring,
        clock: Clock,
        log: Log,
        *,
        config: Callable[[], Config],
        hub: Callable[[], Hub],
    ) -> None:
        self._hub = hub
        self._kept = Kept(database, ring, clock, log, config=config, settle=self._settle)
        self._sweeps = Sweeps(self._kept, clock, log, config)
        self._answers = Answers(self._kept.methods)
        self._task: asyncio.Task[None] | None = None

    @property
    def asked(self) -> Mapping[str, Callable[[Any, Any], Awaitable[Any]]]:
        """Of workers, for the Hub."""
        return self._answers.asked

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._sweeps.run())

    async def close(self) -> None:
        """Before the store is."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._kept.close()
        self._answers.close()

    async def _settle(self, what: Settle) -> None:
        """A worker that does not answer keeps nobody waiting for longer."""
        await self._hub().ask_all(SETTLE, msgspec.to_builtins(what), SETTLE_SECONDS)
