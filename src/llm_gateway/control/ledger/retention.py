"""What goes with time: rows older than `ledger.keep_days`, budgets of periods long over. Daily sums stay."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from sqlalchemy import Connection

from llm_gateway.config.schema.ledger import Ledger as Section
from llm_gateway.control.storing import Transactions
from llm_gateway.core.clock import Clock
from llm_gateway.store import ledger, partitions, spending
from llm_gateway.store.errors import StoreError
from llm_gateway.store.rollups import DAY
from llm_gateway.telemetry.journal import Log

EVERY = 3600.0
AWAY = 30.0
"""Seconds until a store that was away is asked again."""
PAUSE = 0.05
"""Seconds between two batches, in which others may write."""
BUDGETS_KEPT = 100 * DAY
"""Milliseconds for which the spending of periods that are over is kept: longer than any period."""


class Retention:
    """One per control process."""

    def __init__(
        self,
        store: Transactions,
        section: Callable[[], Section],
        clock: Clock,
        log: Log,
        *,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._store = store
        self._section = section
        self._clock = clock
        self._log = log
        self._sleep = sleep
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def once(self) -> None:
        """Raises StoreError."""
        now = int(self._clock.now() * 1000)
        await self._store.write(lambda connection: partitions.prepare(connection, now))
        await self._store.write(lambda connection: spending.retain(connection, now - BUDGETS_KEPT))
        kept = self._section().keep_days
        if not kept:
            return
        before = now - kept * DAY

        def work(connection: Connection) -> bool:
            return ledger.retain(connection, before)

        while await self._store.write(work):
            await self._sleep(PAUSE)

    async def _run(self) -> None:
        while True:
            try:
                await self.once()
                await self._sleep(EVERY)
            except StoreError as error:
                self._log("warning", "ledger_retention_waits", why=str(error))
                await self._sleep(AWAY)
