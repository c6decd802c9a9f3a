"""Work on the store beside an event loop: a few threads, one writer where the database has one, and a bounded queue."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from sqlalchemy import Connection

from llm_gateway.store.connect import Store
from llm_gateway.store.errors import StoreUnavailable

Result = TypeVar("Result")

MOST_WAITING = 1000


class Threads:
    """Each call runs one transaction in a thread. A call that is cancelled before its turn never runs."""

    def __init__(self, store: Store, most_waiting: int = MOST_WAITING) -> None:
        self.store = store
        self._most = most_waiting
        self._readers = ThreadPoolExecutor(store.readers, "store")
        self._writers = ThreadPoolExecutor(1, "store-writer") if store.single_writer else self._readers
        self._waiting = 0

    async def read(self, work: Callable[[Connection], Result]) -> Result:
        """Store.read. Raises StoreError; StoreUnavailable, too, if too many others wait."""
        return await self._run(self._readers, self.store.read, work)

    async def write(self, work: Callable[[Connection], Result]) -> Result:
        """Store.write. Raises as `read` does. Cancelled while it runs, it is done all the same."""
        return await self._run(self._writers, self.store.write, work)

    async def _run(
        self,
        threads: ThreadPoolExecutor,
        transaction: Callable[[Callable[[Connection], Result]], Result],
        work: Callable[[Connection], Result],
    ) -> Result:
        if self._waiting >= self._most:
            raise StoreUnavailable(f"{self.store.where}: {self._waiting} transactions wait already")
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(threads, transaction, work)
        finally:
            self._waiting -= 1

    def close(self) -> None:
        """Ends the threads when what they do is done, and closes the store. What still waits is cancelled. Blocks."""
        self._writers.shutdown(cancel_futures=True)
        self._readers.shutdown(cancel_futures=True)
        self.store.close()
