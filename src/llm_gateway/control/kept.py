"""Stored responses and the owners of files and batches: what workers ask for, answered from the store.

What a response holds is sealed under the key ring before it is written, together with whose it is and its id: a database that is
read by others tells them who asked, when and how much, and never what; and a row that is given to another owner does not open.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol, TypeVar

from sqlalchemy import Connection

from llm_gateway.channel.peer import Refused
from llm_gateway.config.schema import Config
from llm_gateway.core.clock import Clock
from llm_gateway.core.within import within
from llm_gateway.credentials.ring import Ring, Unsealable
from llm_gateway.edge.stored import Stored
from llm_gateway.edge.stored_messages import (
    AWAY,
    CHAIN,
    DELETE,
    DISOWN,
    ITEMS,
    OWN,
    OWNERS,
    PUT,
    RESPONSES,
    STARTING,
    Chain,
    Items,
    Name,
    Own,
    Put,
    Settle,
    packed,
    unpacked,
)
from llm_gateway.store import owners, responses
from llm_gateway.store.errors import StoreError
from llm_gateway.store.rows import ResponseRow
from llm_gateway.telemetry.journal import Log

Result = TypeVar("Result")

AT_ONCE = 64
"""Transactions; whoever comes then is told that the store is away, so that the channel is free for everything else."""
SECONDS = 4.0
"""For one of them. Workers wait a little longer."""
STARTING_SECONDS = 10.0
REST_SECONDS = 0.5
"""After a failure nobody asks the database for so long."""
USES = 20
"""A use is written down when so many of them would fit into the time that a response is kept without one."""
MOST_TOUCHES = 64
FEW = 50
"""So many files that nobody knows are looked for among the workers."""


class Database(Protocol):
    """The store: control.storing's Storing."""

    there: asyncio.Event

    async def read(self, work: Callable[[Connection], Result]) -> Result: ...
    async def write(self, work: Callable[[Connection], Result]) -> Result: ...


class Kept:
    """One per control process."""

    def __init__(
        self,
        database: Database,
        ring: Ring,
        clock: Clock,
        log: Log,
        *,
        config: Callable[[], Config],
        settle: Callable[[Settle], Awaitable[object]],
    ) -> None:
        """`settle` has the workers hand in what they have of something, and returns when they have."""
        self._database = database
        self._ring = ring
        self._clock = clock
        self._log = log
        self._config = config
        self._settle = settle
        self._begun = clock.monotonic()
        self._rest_until = 0.0
        self._running = 0
        self._touches: set[asyncio.Task[None]] = set()
        self._unreadable = False
        self.written = 0
        """Bytes since somebody looked."""

    @property
    def methods(self) -> Mapping[str, Callable[[bytes], Awaitable[bytes]]]:
        """For channel.large.Answers. All of them raise Refused."""
        return {
            PUT: self._put,
            CHAIN: self._chain,
            DELETE: self._delete,
            OWNERS: self._owners,
            OWN: self._own,
            DISOWN: self._disown,
        }

    async def write(self, work: Callable[[Connection], Result], seconds: float = SECONDS) -> Result:
        """Raises Refused."""
        return await self._done(self._database.write, work, seconds)

    async def close(self) -> None:
        for task in list(self._touches):
            task.cancel()
        await asyncio.gather(*self._touches, return_exceptions=True)

    async def _put(self, body: bytes) -> bytes:
        asked: Put = unpacked(body, Put)
        stored, said = asked.stored, self._config().responses
        each = said.most if said.key_size is None else min(int(said.key_size), said.most)

        def work(connection: Connection) -> bool:
            now = self._now(asked.until)
            row = ResponseRow(
                self._ring.seal(stored.response, _row(asked.owner, asked.id, "response")),
                self._ring.seal(stored.items, _row(asked.owner, asked.id, "items")),
                stored.previous,
                stored.provider,
                stored.at_provider,
                stored.partial,
                stored.finished,
            )
            return responses.put(connection, asked.owner, asked.id, row, made=asked.made, now=now, capacity=each)

        kept = await self.write(work)
        self.written += len(stored.response) + len(stored.items)
        return packed(kept)

    async def _chain(self, body: bytes) -> bytes:
        asked: Chain = unpacked(body, Chain)
        found: list[Stored] = []
        wanted: str | None = asked.id
        size, looked_for = asked.size, ""
        while wanted is not None and len(found) < asked.links and size >= 0:
            more = await self._read_chain(asked.owner, wanted, asked.links - len(found), size)
            if more:
                found += more
                size -= sum(len(one.response) + len(one.items) for one in more)
                wanted = more[-1].previous
            elif wanted == looked_for:
                break
            else:
                looked_for = wanted
                await self._settle(Settle(RESPONSES, asked.owner, wanted))
        return packed(found)

    async def _read_chain(self, owner: str, ident: str, links: int, size: int) -> list[Stored]:
        now, ttl = self._now(), int(float(self._config().responses.ttl) * 1000)
        old: list[str] = []

        def work(connection: Connection) -> list[Stored]:
            rows = responses.chain(connection, owner, ident, now=now, ttl=ttl, links=links, size=size)
            old[:] = [one.id for one in rows if one.used_at < now - ttl // USES]
            return [self._opened(owner, one.id, one.row) for one in rows]

        try:
            found = await self._done(self._database.read, work, SECONDS)
        except Unsealable as error:
            if not self._unreadable:
                self._unreadable = True
                self._log("error", "stored_response_unreadable", why=str(error))
            raise Refused("unreadable", "what is kept does not open") from None
        if old:
            self._touch(owner, old, now)
        return found

    def _opened(self, owner: str, ident: str, row: ResponseRow) -> Stored:
        """Raises Unsealable."""
        return Stored(
            self._ring.open(row.response, _row(owner, ident, "response")),
            self._ring.open(row.items, _row(owner, ident, "items")),
            row.previous,
            row.provider,
            row.at_provider,
            row.partial,
            row.finished,
        )

    def _touch(self, owner: str, idents: list[str], now: int) -> None:
        """Behind the answer: nobody waits for it."""

        async def write() -> None:
            try:
                await self.write(lambda connection: responses.touch(connection, owner, idents, now))
            except Refused:
                return  # they are used again, or the loss is a twentieth of their time

        if len(self._touches) < MOST_TOUCHES:
            task = asyncio.get_running_loop().create_task(write())
            self._touches.add(task)
            task.add_done_callback(self._touches.discard)

    async def _delete(self, body: bytes) -> bytes:
        asked: Name = unpacked(body, Name)
        ttl = int(float(self._config().responses.ttl) * 1000)
        await self._settle(Settle(RESPONSES, asked.owner, asked.id))  # another worker may have it still

        def work(connection: Connection) -> bool:
            return responses.delete(connection, asked.owner, asked.id, now=self._now(asked.until), ttl=ttl)

        return packed(await self.write(work))

    async def _owners(self, body: bytes) -> bytes:
        asked: Items = unpacked(body, Items)
        found = await self._read_owners(asked, asked.items)
        unknown = [item for item in asked.items if item not in found]
        if 0 < len(unknown) <= FEW:
            await self._settle(Settle(ITEMS, asked.provider, asked.kind, unknown))
            found |= await self._read_owners(asked, unknown)
        return packed(found)

    async def _read_owners(self, asked: Items, items: list[str]) -> dict[str, str]:
        place, since = (asked.provider, asked.kind), self._since()
        return await self._done(self._database.read, lambda connection: owners.get(connection, place, items, since), SECONDS)

    async def _own(self, body: bytes) -> bytes:
        asked: Own = unpacked(body, Own)
        place, since = (asked.provider, asked.kind), self._since()
        await self.write(
            lambda connection: owners.add(connection, place, asked.items, asked.owner, now=asked.made, since=since),
        )
        return packed(None)

    async def _disown(self, body: bytes) -> bytes:
        asked: Items = unpacked(body, Items)

        def work(connection: Connection) -> None:
            for item in asked.items:
                owners.forget(connection, (asked.provider, asked.kind), item)

        await self.write(work)
        return packed(None)

    def _since(self) -> int:
        """What was made before that is forgotten."""
        return self._now() - int(float(self._config().files.remember) * 1000)

    def _now(self, until: int | None = None) -> int:
        """Raises Refused after `until`."""
        now = int(self._clock.now() * 1000)
        if until is not None and now > until:
            raise Refused(AWAY, "it is too late")
        return now

    async def _done(
        self,
        transaction: Callable[[Callable[[Connection], Result]], Awaitable[Result]],
        work: Callable[[Connection], Result],
        seconds: float,
    ) -> Result:
        """Raises Refused, and what `work` raises."""
        now = self._clock.monotonic()
        if not self._database.there.is_set():
            raise Refused(STARTING if now - self._begun < STARTING_SECONDS else AWAY, "the store is not open")
        if now < self._rest_until or self._running >= AT_ONCE:
            raise Refused(AWAY, "the store did not answer a moment ago, or has too much to do")
        self._running += 1
        try:
            return await within(transaction(work), seconds)
        except (StoreError, TimeoutError) as error:
            self._rest_until = self._clock.monotonic() + REST_SECONDS
            raise Refused(AWAY, str(error) or "the store is too slow") from None
        finally:
            self._running -= 1


def _row(owner: str, ident: str, part: str) -> str:
    """What a sealed blob belongs to. No id that is stored has a NUL in it."""
    return f"responses\0{owner}\0{ident}\0{part}"
