"""When keys were last used: workers tell it every few seconds, and the store gets it once a minute."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from llm_gateway.channel.hub import Worker
from llm_gateway.control.storing import Transactions
from llm_gateway.core.clock import Clock
from llm_gateway.store import keys
from llm_gateway.store.errors import StoreError
from llm_gateway.telemetry.journal import Log

SECONDS = 60.0
MOST = 200_000
"""Keys remembered between two writes. Of more, the rest is noted when it is used again."""
BATCH = 5_000


class Uses:
    """One per control process."""

    def __init__(self, store: Transactions, clock: Clock, log: Log, seconds: float = SECONDS) -> None:
        self._store = store
        self._clock = clock
        self._log = log
        self._seconds = seconds
        self._last: dict[str, int] = {}
        self._renewed: dict[str, bytes] = {}
        self._task: asyncio.Task[None] | None = None

    def told(self, _worker: Worker, body: Any) -> None:
        """A worker: ids of keys that were used, and digests under the current pepper of those found under an older one. Raises
        msgspec.ValidationError.
        """
        self.noted(*msgspec.convert(body, tuple[list[str], dict[str, bytes]]))

    def noted(self, used: Iterable[str], renewed: Mapping[str, bytes]) -> None:
        """The same of keys that were used here, at the admin API."""
        now = int(self._clock.now() * 1000)
        for ident in used:
            if ident in self._last or len(self._last) < MOST:
                self._last[ident] = now
        for ident, digest in renewed.items():
            if len(self._renewed) < MOST:
                self._renewed[ident] = digest

    def last(self, ident: str) -> int | None:
        """What the store is not told yet."""
        return self._last.get(ident)

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._always())

    async def close(self) -> None:
        """With what is left."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self.write()

    async def _always(self) -> None:
        while True:
            await asyncio.sleep(self._seconds)
            await self.write()

    async def write(self) -> None:
        """What was told since the last time. While the store is away, it is kept."""
        last, renewed = self._last, self._renewed
        self._last, self._renewed = {}, {}
        pending = sorted(last)
        try:
            while pending:
                batch = {ident: last[ident] for ident in pending[:BATCH]}
                await self._store.write(lambda connection, batch=batch: keys.used(connection, batch))  # type: ignore[misc]
                del pending[:BATCH]
            if renewed:
                await self._store.write(lambda connection: keys.redigest(connection, renewed))
                renewed = {}
        except StoreError as error:
            self._log("warning", "uses_not_written", why=str(error))
            self._last = {**{ident: last[ident] for ident in pending[:MOST]}, **self._last}
            self._renewed = {**renewed, **self._renewed}
