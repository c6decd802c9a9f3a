"""Control's side of what is kept, in this process, between a real store and a worker's view of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import msgspec

from llm_gateway.channel.peer import Failed, Refused, Unanswered
from llm_gateway.config.schema import Config
from llm_gateway.control.keeping import Keeping
from llm_gateway.core.clock import Clock, SystemClock
from llm_gateway.credentials.ring import Ring
from llm_gateway.store.connect import Store
from llm_gateway.store.threads import Threads
from llm_gateway.worker.control_store import ControlStore

MASTER = b"m" * 32


class Database:
    """The store as control has it: it can be away."""

    def __init__(self, store: Store) -> None:
        self.threads = Threads(store)
        self.there = asyncio.Event()
        self.there.set()
        self.fails: Exception | None = None
        self.transactions = 0

    async def read(self, work: Any) -> Any:
        return await self._run(self.threads.read, work)

    async def write(self, work: Any) -> Any:
        return await self._run(self.threads.write, work)

    async def _run(self, transaction: Any, work: Any) -> Any:
        self.transactions += 1
        if self.fails is not None:
            raise self.fails
        return await transaction(work)


class Control:
    """The control process. `away`: it was killed."""

    def __init__(self, store: Store, clock: Clock, config: Config | None = None, ring: Ring | None = None) -> None:
        self.clock = clock
        self.config = config or Config()
        self.database = Database(store)
        self.lines: list[tuple[str, str, dict[str, Any]]] = []
        self.ring = ring or Ring([MASTER])
        self.workers: list[ControlStore] = []
        self.away = False
        self.asked: list[str] = []
        self.settled: list[Any] = []
        self.keeping = self.new()

    def new(self) -> Keeping:
        """Another process at the same store."""
        return Keeping(
            self.database,
            self.ring,
            self.clock,
            self.log,
            config=lambda: self.config,
            hub=lambda: SimpleNamespace(ask_all=self._ask_all),
        )

    def log(self, level: str, event: str, **fields: Any) -> None:
        self.lines.append((level, event, fields))

    def worker(self) -> ControlStore:
        """A worker's view of it."""
        worker = SimpleNamespace(run=f"run{len(self.workers)}")

        async def ask(method: str, body: Any, seconds: float) -> Any:
            await asyncio.sleep(0)
            if self.away:
                raise Unanswered("the control process is away")
            self.asked.append(method)
            try:
                answer = await self.keeping.asked[method](worker, msgspec.msgpack.decode(msgspec.msgpack.encode(body)))
            except Refused as refused:
                raise Failed(refused.kind, str(refused)) from None
            return msgspec.msgpack.decode(msgspec.msgpack.encode(answer))

        made = ControlStore(ask, self.clock, self.log)
        self.workers.append(made)
        return made

    async def _ask_all(self, method: str, body: Any, seconds: float) -> None:
        assert method == "settle"
        self.settled.append(body)
        await asyncio.gather(*(worker.settle(body, 0.2) for worker in self.workers))


@asynccontextmanager
async def control_at(store: Store, clock: Clock | None = None, **more: Any) -> AsyncIterator[Control]:
    """Ends in the order of the processes: workers, control, its threads."""
    control = Control(store, clock or SystemClock(), **more)
    try:
        yield control
    finally:
        control.away = False
        control.database.fails = None
        for worker in control.workers:
            await worker.close()
        await control.keeping.close()
        await asyncio.to_thread(control.database.threads.close)
