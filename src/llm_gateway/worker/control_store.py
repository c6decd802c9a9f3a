"""Stored objects as a worker sees them where a control process keeps them: asked for over the channel, handed in behind it.

Control that was killed is back within a second or two, and who asks meanwhile waits for it. Once it was away for longer, what
needs the store is told so at once, and what is to be kept waits in memory until it is back.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Collection, Mapping
from math import inf
from typing import Any

import msgspec

from llm_gateway.channel.large import MOST, Ask, Asking
from llm_gateway.channel.peer import Failed, Unanswered
from llm_gateway.core.clock import Clock
from llm_gateway.core.errors import StorageUnavailable
from llm_gateway.core.within import within
from llm_gateway.edge.ownership import Place
from llm_gateway.edge.stored import LONGEST_ID, Stored
from llm_gateway.edge.stored_messages import (
    CHAIN,
    DELETE,
    DISOWN,
    ITEMS,
    OWN,
    OWNERS,
    PUT,
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
from llm_gateway.telemetry.journal import Log
from llm_gateway.worker.handing import Handing, Waiting

PATIENCE = 10.0
"""Seconds that a caller waits for control, or for its answer."""
MOST_ASKING = 256
"""Callers that wait at one time."""
HANDING_SECONDS = 5.0
"""For one question that hands something in."""
KEPT_SECONDS = 0.5
"""That an answer waits for being kept where it will stay; afterwards it is kept behind it."""
MOST_WAITING = 64 << 20
"""Bytes of responses that wait to be handed in."""
MOST_ITEMS = 100_000
"""Files and batches of which the same is true."""
ENDING_SECONDS = 3.0
ONE_ANSWER = 16 << 20
"""Bytes of a conversation that are asked for at once; a single response may be larger."""
_PAUSE = 0.05


class Control:
    """Asks control, with patience."""

    def __init__(self, ask: Ask, clock: Clock) -> None:
        self._large = Asking(ask)
        self._clock = clock
        self._asking = 0
        self._away_since = self._failed = -inf
        """When control was found away first, and last."""

    def until(self, seconds: float) -> int:
        return int((self._clock.now() + seconds) * 1000)

    async def tell(self, method: str, message: Any, shape: Any) -> Any:
        """Once. Raises Unanswered."""
        answer = await self._large(method, packed(message), HANDING_SECONDS)
        self._failed = -inf
        return unpacked(answer, shape)

    async def ask(self, method: str, message: Any, shape: Any) -> Any:
        """For a caller. Raises StorageUnavailable."""
        if self._asking >= MOST_ASKING:
            raise _away("too many wait for it")
        self._asking += 1
        try:
            return await self._patiently(method, message, shape)
        finally:
            self._asking -= 1

    async def _patiently(self, method: str, message: Any, shape: Any) -> Any:
        end = self._clock.monotonic() + PATIENCE
        body = packed(message)
        while True:
            left = end - self._clock.monotonic()
            try:
                answer = await self._large(method, body, max(left, _PAUSE))
            except Unanswered as error:
                if isinstance(error, Failed) and error.kind != STARTING:
                    raise _away("the store does not answer") from None
                self._check_away(end)
            else:
                self._failed = -inf
                return unpacked(answer, shape)
            await asyncio.sleep(_PAUSE)

    def _check_away(self, end: float) -> None:
        """Raises StorageUnavailable where waiting is of no use any more."""
        now = self._clock.monotonic()
        if now - self._failed > PATIENCE:  # nothing was known of it lately
            self._away_since = now
        self._failed = now
        if now >= end or now - self._away_since >= PATIENCE:
            raise _away("the control process does not answer")


def _away(why: str) -> StorageUnavailable:
    return StorageUnavailable(f"What is kept cannot be looked at now: {why}. Try again.", retry_after=1.0)


class ControlResponses:
    """A ResponseStore."""

    def __init__(self, control: Control, clock: Clock, log: Log) -> None:
        self._control = control
        self._clock = clock
        self._handing: Handing[tuple[str, str], Stored] = Handing(self._send, clock, log, "responses", MOST_WAITING)

    async def get(self, owner: str, ident: str) -> Stored | None:
        found = await self.chain(owner, ident, 1, 0)
        return found[0] if found else None

    async def chain(self, owner: str, ident: str, links: int, size: int) -> list[Stored]:
        found: list[Stored] = []
        wanted: str | None = ident
        while wanted is not None and len(found) < links and size >= 0:
            waiting = self._handing.get((owner, wanted))
            more = [waiting] if waiting is not None else await self._rest(owner, wanted, links - len(found), size)
            if not more:
                break
            found += more
            size -= sum(len(one.response) + len(one.items) for one in more)
            wanted = more[-1].previous
        return found

    async def put(self, owner: str, ident: str, stored: Stored) -> bool:
        waiting = self._add(owner, ident, stored)
        if waiting is None:
            return False
        try:
            await within(waiting.done.wait(), KEPT_SECONDS)
        except TimeoutError:
            return True  # it waits, and is found while it does
        return waiting.taken

    def begin(self, owner: str, ident: str, stored: Stored) -> bool:
        return self._add(owner, ident, stored) is not None

    async def delete(self, owner: str, ident: str) -> bool:
        waited = await self._handing.withdraw((owner, ident))
        if not 0 < len(ident) <= LONGEST_ID:
            return False
        there: bool = await self._control.ask(DELETE, Name(owner, ident, self._control.until(PATIENCE)), bool)
        return there or waited

    async def settle(self, owner: str, ident: str, seconds: float) -> bool:
        """Control looks for it."""
        return await self._handing.settle(((owner, ident),), seconds)

    async def close(self) -> None:
        await self._handing.close(ENDING_SECONDS)

    def _add(self, owner: str, ident: str, stored: Stored) -> Waiting[Stored] | None:
        size = len(stored.response) + len(stored.items) + 1000
        if not 0 < len(ident) <= LONGEST_ID or size > MOST:
            return None
        return self._handing.add((owner, ident), stored, size)

    async def _send(self, key: tuple[str, str], waiting: Waiting[Stored]) -> bool:
        put = Put(*key, waiting.item, int(waiting.made * 1000), self._control.until(HANDING_SECONDS))
        return await self._control.tell(PUT, put, bool)  # type: ignore[no-any-return]

    async def _rest(self, owner: str, ident: str, links: int, size: int) -> list[Stored]:
        if not 0 < len(ident) <= LONGEST_ID:
            return []
        return await self._control.ask(CHAIN, Chain(owner, ident, links, min(size, ONE_ANSWER)), list[Stored])  # type: ignore[no-any-return]


class ControlOwners:
    """Owners of files and batches."""

    def __init__(self, control: Control, clock: Clock, log: Log) -> None:
        self._control = control
        self._handing: Handing[tuple[str, str, str], str] = Handing(self._send, clock, log, "owners", MOST_ITEMS)

    async def owners(self, place: Place, ids: Collection[str]) -> Mapping[str, str]:
        found: dict[str, str] = {}
        unknown = []
        for item in ids:
            waiting = self._handing.get((*place, item))
            if waiting is None:
                unknown.append(item)
            else:
                found[item] = waiting
        if unknown:
            found |= await self._control.ask(OWNERS, Items(*place, unknown), dict[str, str])
        return found

    async def add(self, place: Place, ids: Collection[str], owner: str) -> None:
        waits = [self._handing.add((*place, item), owner, 1) for item in ids if self._handing.get((*place, item)) is None]
        if any(wait is None for wait in waits):
            raise _away("too much waits for it")
        ends = [asyncio.ensure_future(wait.done.wait()) for wait in waits if wait is not None]
        if ends:
            _, late = await asyncio.wait(ends, timeout=KEPT_SECONDS)
            for one in late:
                one.cancel()

    async def forget(self, place: Place, item: str) -> None:
        await self._handing.withdraw((*place, item))
        with contextlib.suppress(StorageUnavailable):  # it is gone at its provider; that it was somebody's does no harm
            await self._control.ask(DISOWN, Items(*place, [item]), None)

    async def settle(self, place: Place, items: Collection[str], seconds: float) -> bool:
        """Control looks for them."""
        return await self._handing.settle([(*place, item) for item in items], seconds)

    async def close(self) -> None:
        await self._handing.close(ENDING_SECONDS)

    async def _send(self, key: tuple[str, str, str], waiting: Waiting[str]) -> bool:
        provider, kind, item = key
        await self._control.tell(OWN, Own(provider, kind, [item], waiting.item, int(waiting.made * 1000)), None)
        return True


class ControlStore:
    """Both, for one worker process."""

    def __init__(self, ask: Callable[[str, Any, float], Awaitable[Any]], clock: Clock, log: Log) -> None:
        control = Control(ask, clock)
        self.responses = ControlResponses(control, clock, log)
        self.owners = ControlOwners(control, clock, log)

    async def settle(self, body: Any, seconds: float) -> bool:
        """What control asks: Settle. Whether something of it waited here."""
        asked = msgspec.convert(body, Settle)
        if asked.what == ITEMS:
            return await self.owners.settle((asked.first, asked.second), asked.items, seconds)
        return await self.responses.settle(asked.first, asked.second, seconds)

    async def close(self) -> None:
        """Hand in what waits. No request runs any more."""
        await asyncio.gather(self.responses.close(), self.owners.close())
