"""The store as control has it: opened in the background, tried again for ever, and away without harm.

Requests of models go on without it; what needs it is told StoreUnavailable.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Protocol, TypeVar

from sqlalchemy import Connection

from llm_gateway.config.schema.database import Database
from llm_gateway.core.clock import Clock
from llm_gateway.core.within import within
from llm_gateway.store.connect import Store
from llm_gateway.store.errors import StoreError, StoreUnavailable, WrongSchema
from llm_gateway.store.ready import ready_store
from llm_gateway.store.threads import Threads
from llm_gateway.telemetry.journal import Log

Result = TypeVar("Result")
OPEN_SECONDS = 5.0
"""How long the first ones wait for it to be opened."""
_BACKOFF = (0.2, 0.5, 1.0, 2.0, 5.0)
_WRONG_SCHEMA = 10.0
"""Somebody migrates it, perhaps."""


class Transactions(Protocol):
    """Storing, and store.threads.Threads. Both raise StoreError."""

    async def read(self, work: Callable[[Connection], Result]) -> Result: ...

    async def write(self, work: Callable[[Connection], Result]) -> Result: ...


class Storing:
    """One per control process."""

    def __init__(
        self,
        database: Database,
        state: Path,
        clock: Clock,
        log: Log,
        *,
        opened: Callable[[Database, Path, Clock], Store] = ready_store,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._database = database
        self._state = state
        self._clock = clock
        self._log = log
        self._opened = opened
        self._sleep = sleep
        self._threads: Threads | None = None
        self._task: asyncio.Task[None] | None = None
        self._tried = asyncio.Event()
        self.there = asyncio.Event()
        """Set when the store can be used for the first time."""
        self.why = "it is being opened"
        """Why there is no store yet."""

    @property
    def threads(self) -> Threads | None:
        """None: not opened yet."""
        return self._threads

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._open())

    async def read(self, work: Callable[[Connection], Result]) -> Result:
        """Threads.read. Raises StoreError."""
        return await (await self._known()).read(work)

    async def write(self, work: Callable[[Connection], Result]) -> Result:
        """Threads.write. Raises StoreError."""
        return await (await self._known()).write(work)

    async def close(self) -> None:
        """What runs is finished."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._threads is not None:
            await asyncio.to_thread(self._threads.close)

    async def _known(self) -> Threads:
        if self._threads is None and not self._tried.is_set():
            with contextlib.suppress(TimeoutError):
                await within(self._tried.wait(), OPEN_SECONDS)
        if self._threads is None:
            raise StoreUnavailable(f"the store is not there yet: {self.why}")
        return self._threads

    async def _open(self) -> None:
        failures = 0
        while True:
            try:
                store = await self._in_thread()
            except StoreError as error:
                self._tried.set()
                if str(error) != self.why:
                    self._log("error", "store_away", why=str(error))
                self.why = str(error)
                pause = _WRONG_SCHEMA if isinstance(error, WrongSchema) else _BACKOFF[min(failures, len(_BACKOFF) - 1)]
                await self._sleep(pause)
                failures += 1
                continue
            self._threads, self.why = Threads(store), ""
            self._tried.set()
            self._log("info", "store_ready", where=store.where)
            self.there.set()
            return

    async def _in_thread(self) -> Store:
        """Whoever is cancelled meanwhile closes what came of it. Raises StoreError."""
        thread = ThreadPoolExecutor(1, "store-opening")
        opening = thread.submit(self._opened, self._database, self._state, self._clock)
        thread.shutdown(wait=False)
        try:
            return await asyncio.wrap_future(opening)
        except asyncio.CancelledError:
            opening.add_done_callback(_closed)  # in that thread: the loop may have ended by then
            raise


def _closed(opening: Future[Store]) -> None:
    if not opening.cancelled() and opening.exception() is None:
        opening.result().close()
