"""What is kept for too long, or is too much, goes: once a minute, and sooner where much was written."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from sqlalchemy import Connection

from llm_gateway.channel.peer import Refused
from llm_gateway.config.schema import Config
from llm_gateway.control.kept import Kept
from llm_gateway.core.clock import Clock
from llm_gateway.store import owners, responses
from llm_gateway.telemetry.journal import Log

Result = TypeVar("Result")

EVERY = 60.0
SOONEST = 5.0
SECONDS = 30.0
"""For one transaction: summing up is more than looking one up."""
BATCH = 1000


class Sweeps:
    """Of one control process. Others at the same database do the same: what is gone already does no harm."""

    def __init__(
        self,
        kept: Kept,
        clock: Clock,
        log: Log,
        config: Callable[[], Config],
        *,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._kept = kept
        self._clock = clock
        self._log = log
        self._config = config
        self._sleep = sleep

    async def run(self) -> None:
        """For ever."""
        while True:
            await self._wait()
            try:
                gone = await self.sweep()
            except Refused:
                continue  # the store is away; who needs it is told, and it is tried again
            if gone:
                self._log("info", "responses_let_go", number=gone)

    async def sweep(self) -> int:
        """How many responses had to go. Raises Refused."""
        self._kept.written = 0
        config, now = self._config(), int(self._clock.now() * 1000)
        said = config.responses
        before, deleted = now - int(float(said.ttl) * 1000), now - responses.DELETED
        while await self._write(lambda c: responses.expire(c, before, BATCH, deleted=deleted)) == BATCH:
            await self._sleep(0)
        since = now - int(float(config.files.remember) * 1000)
        await self._write(lambda c: owners.retain(c, since=since, most=config.files.entries))
        if said.store != "database":
            return 0  # what another setting kept goes with time
        each = None if said.key_size is None else int(said.key_size)
        return await self._write(lambda c: responses.shrink(c, said.most, each))

    async def _wait(self) -> None:
        waited = 0.0
        while waited < EVERY:
            await self._sleep(SOONEST)
            waited += SOONEST
            if self._kept.written > self._config().responses.most // 10:
                return

    async def _write(self, work: Callable[[Connection], Result]) -> Result:
        return await self._kept.write(work, SECONDS)
