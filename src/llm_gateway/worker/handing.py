"""What a worker has for control and control has not taken yet: handed in in turn, again and again, within bytes and time."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Awaitable, Callable, Hashable, Iterable
from typing import Generic, TypeVar

from llm_gateway.channel.peer import Failed, Unanswered
from llm_gateway.core.clock import Clock
from llm_gateway.core.within import within
from llm_gateway.edge.stored_messages import AWAY, STARTING
from llm_gateway.telemetry.journal import Log

Key = TypeVar("Key", bound=Hashable)
Item = TypeVar("Item")

AT_ONCE = 16
"""Questions on their way."""
OLDEST = 86_400.0
"""Seconds that one waits at most. Control remembers twice as long what was deleted meanwhile."""
_PAUSES = (0.05, 0.1, 0.2, 0.5, 1.0)
_TRANSIENT = frozenset({AWAY, STARTING, "busy", "unsent"})
"""Kinds of refusals after which it is tried again."""


class Waiting(Generic[Item]):
    """One. `done` is set when it waits no more: taken, refused, too old, or withdrawn; `taken` says which."""

    __slots__ = ("done", "item", "made", "size", "taken")

    def __init__(self, item: Item, size: int, made: float) -> None:
        self.item = item
        self.size = size
        self.made = made
        """Unix seconds."""
        self.done = asyncio.Event()
        self.taken = False


class Handing(Generic[Key, Item]):
    """By key: what is handed in under a key takes the place of what waits there."""

    def __init__(
        self,
        send: Callable[[Key, Waiting[Item]], Awaitable[bool]],
        clock: Clock,
        log: Log,
        what: str,
        most: int,
    ) -> None:
        """`send`: whether it was taken; raises Unanswered. `what`: for the log. `most`: bytes of all."""
        self._send = send
        self._clock = clock
        self._log = log
        self._what = what
        self._most = most
        self._waiting: dict[Key, Waiting[Item]] = {}
        self._sending: dict[Key, asyncio.Event] = {}
        self._task: asyncio.Task[None] | None = None
        self._again = asyncio.Event()
        self._told = False
        self.bytes = 0
        self.lost = 0
        """That were to be kept, and are not."""

    def __len__(self) -> int:
        return len(self._waiting)

    def get(self, key: Key) -> Item | None:
        """What waits there."""
        found = self._waiting.get(key)
        return None if found is None else found.item

    def add(self, key: Key, item: Item, size: int) -> Waiting[Item] | None:
        """None: there is no room."""
        before = self._waiting.get(key)
        if self.bytes + size - (before.size if before is not None else 0) > self._most:
            self._lose("too many wait")
            return None
        self._drop(key)
        made = self._waiting[key] = Waiting(item, size, self._clock.now())
        self.bytes += size
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._work())
        return made

    async def withdraw(self, key: Key) -> bool:
        """Whether one waited there. When this returns none is on its way."""
        found = self._drop(key)
        sending = self._sending.get(key)
        if sending is not None:
            await sending.wait()
        return found is not None

    async def settle(self, keys: Iterable[Key], seconds: float) -> bool:
        """Hand in what waits under these keys, now; whether any did."""
        found = [one for key in keys if (one := self._waiting.get(key)) is not None]
        if not found:
            return False
        self._again.set()
        waits = [asyncio.ensure_future(one.done.wait()) for one in found]
        _, late = await asyncio.wait(waits, timeout=seconds)
        for wait in late:
            wait.cancel()
        return True

    async def close(self, seconds: float) -> None:
        """Hand in the rest within this time."""
        task = self._task
        if task is not None:
            self._again.set()
            await asyncio.wait((task,), timeout=seconds)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        if self._waiting:
            self.lost += len(self._waiting)
            self._log("error", "not_kept", what=self._what, number=self.lost, why="control is away, and the worker ends")

    def _drop(self, key: Key) -> Waiting[Item] | None:
        found = self._waiting.pop(key, None)
        if found is not None:
            self.bytes -= found.size
            found.done.set()
        return found

    async def _work(self) -> None:
        failures = 0
        try:
            while self._waiting:
                self._again.clear()
                keys = list(itertools.islice(self._waiting, AT_ONCE))
                done = await asyncio.gather(*(self._one(key) for key in keys))
                if all(done):
                    failures, self._told = 0, False
                    continue
                if not self._told and failures >= len(_PAUSES):
                    self._told = True
                    self._log("warning", "keeping_late", what=self._what, number=len(self._waiting))
                pause = _PAUSES[min(failures, len(_PAUSES) - 1)]
                failures += 1
                with contextlib.suppress(TimeoutError):
                    await within(self._again.wait(), pause)
        finally:
            self._task = None

    async def _one(self, key: Key) -> bool:
        """False: it waits on."""
        waiting = self._waiting.get(key)
        if waiting is None:
            return True
        sent = self._sending[key] = asyncio.Event()
        try:
            waiting.taken = await self._send(key, waiting)
        except Unanswered as error:
            final = isinstance(error, Failed) and error.kind not in _TRANSIENT
            if not final and self._clock.now() - waiting.made < OLDEST:
                if self._waiting.get(key) is waiting:
                    self._waiting[key] = self._waiting.pop(key)  # the others first
                return False
            self._lose(str(error))
        except Exception as bug:  # noqa: BLE001 - the others are handed in all the same
            self._lose(type(bug).__name__)
        finally:
            del self._sending[key]
            sent.set()
        if self._waiting.get(key) is waiting:
            self._drop(key)
        waiting.done.set()
        return True

    def _lose(self, why: str) -> None:
        self.lost += 1
        if self.lost & (self.lost - 1) == 0:  # the first, the second, the fourth ...
            self._log("error", "not_kept", what=self._what, number=self.lost, why=why)
