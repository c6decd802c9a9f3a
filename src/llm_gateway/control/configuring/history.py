"""Which configurations held, since when, by whom and why: kept in the store, sealed, the newest ones."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from typing import Any, Protocol

import msgspec
from sqlalchemy import Connection

from llm_gateway.config.schema import Config
from llm_gateway.control.audit import Event
from llm_gateway.control.configuring.compare import differences, fingerprinted
from llm_gateway.control.configuring.kinds import Made
from llm_gateway.control.configuring.overlay import in_order
from llm_gateway.control.storing import Transactions
from llm_gateway.core.clock import Clock
from llm_gateway.credentials.ring import Ring, Unsealable
from llm_gateway.store import snapshots
from llm_gateway.store.errors import StoreError
from llm_gateway.telemetry.journal import Log

SETTLE_SECONDS = 5.0
RETRY_SECONDS = 5.0
_ROW = "snapshots"
FILE = "file"
"""By whom: whoever wrote the configuration file, or had it read again."""


class Cause(msgspec.Struct, frozen=True):
    """Why a configuration is another one."""

    by: str
    reason: str = ""
    action: str = ""
    resource: str = ""


class Kept(msgspec.Struct, frozen=True):
    """What held: the effective configuration with fingerprints in the place of secrets, and the API's objects as they were."""

    config: dict[str, Any]
    objects: tuple[Made, ...]


class Summary(msgspec.Struct, frozen=True):
    """Beside a kept one, in the clear."""

    content: str
    """Tells whether two are the same."""
    reason: str = ""
    causes: tuple[Cause, ...] = ()
    changed: tuple[str, ...] = ()
    """The first places that were another one before."""
    counts: dict[str, int] = {}


@dataclass(frozen=True)
class _Waiting:
    """What is to be kept. `number` is the workers' of it."""

    config: Config
    objects: tuple[Made, ...]
    number: int
    causes: tuple[Cause, ...]


class Numbered(Protocol):
    """channel.snapshot.Snapshot."""

    @property
    def number(self) -> int: ...


class Current(Protocol):
    """control.builder.Builder."""

    @property
    def current(self) -> Numbered: ...


@dataclass
class History:
    """One per control process."""

    store: Transactions
    ring: Ring
    clock: Clock
    log: Log
    builder: Current
    audit: Callable[[Event], None]
    """Told of what nobody asked for over the API: another file."""
    number: int = 0
    """Of the newest one that was kept from here; 0: none was yet."""
    _causes: list[Cause] = field(default_factory=list)
    _waiting: _Waiting | None = None
    _seen: tuple[Made, ...] | None = None
    _task: asyncio.Task[None] | None = None

    @property
    def fingerprints(self) -> bytes:
        """The key of secrets' fingerprints."""
        return self.ring.derive("fingerprints")

    def because(self, cause: Cause | None) -> None:
        """Of the next one. None: what was said last is taken back."""
        if cause is None:
            self._causes.clear()
        else:
            self._causes.append(cause)

    def note(self, config: Config, objects: Sequence[Made]) -> None:
        """What holds now. It is kept soon; while the store is away, the newest one waits."""
        before = () if self._waiting is None else self._waiting.causes
        self._waiting = _Waiting(config, tuple(objects), self.builder.current.number, (*before, *self._causes))
        self._causes.clear()
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._keep())

    async def settled(self) -> int:
        """The number under which what holds is kept; the workers' number of it while the store is away."""
        if self._task is not None:
            await asyncio.wait((self._task,), timeout=SETTLE_SECONDS)
        return self.number or self.builder.current.number

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _keep(self) -> None:
        while self._waiting is not None:
            waiting = self._waiting
            try:
                self.number, summary = await self.store.write(partial(self._add, waiting))
            except StoreError:
                await asyncio.sleep(RETRY_SECONDS)
                continue
            self._seen = waiting.objects
            if summary is not None and not waiting.causes:
                cause, told = summary.causes[0], {"reason": summary.reason, "changed": list(summary.changed)}
                self.audit(Event(action="config.changed", actor=cause.by, resource=f"snapshots/{self.number}", after=told))
            if self._waiting is waiting:
                self._waiting = None

    def _add(self, waiting: _Waiting, connection: Connection) -> tuple[int, Summary | None]:
        """Not if it is what the newest one is already: of several nodes, one keeps it. Its number, and what was added."""
        config, objects = waiting.config, waiting.objects
        content = content_of(config, objects)
        newest = next(iter(snapshots.listed(connection, limit=1)), None)
        before = None if newest is None else read_summary(newest.summary)
        if newest is not None and before is not None and before.content == content:
            return newest.number, None
        kept = Kept(fingerprinted(config, self.fingerprints), tuple(in_order(objects)))
        changed: tuple[str, ...] = ()
        if newest is not None and (old := self.read(connection, newest.number)) is not None:
            changed = tuple(difference.path for difference in differences(old.config, kept.config)[:20])
        causes = waiting.causes or (self._guess(objects, first=newest is None),)
        reason = "; ".join(dict.fromkeys(cause.reason for cause in causes if cause.reason))
        counts = {"providers": len(config.providers), "models": len(config.models), "rules": len(config.routing.rules)}
        summary = Summary(content, reason, causes, changed, {**counts, "objects": len(objects)})
        made = snapshots.add(
            connection,
            at_least=waiting.number,
            by=", ".join(dict.fromkeys(cause.by for cause in causes)),
            digest=config.digest,
            summary=msgspec.json.encode(summary).decode(),
            document=self.ring.seal(msgspec.msgpack.encode(kept), _ROW),
            now=int(self.clock.now() * 1000),
        )
        snapshots.retain(connection, config.state.history)
        return made, summary

    def _guess(self, objects: tuple[Made, ...], *, first: bool) -> Cause:
        """Nobody said why: it was the file, or somebody at another node."""
        newest = max(objects, key=lambda made: made.updated_at, default=None)
        if first or newest is None or self._seen is None or in_order(self._seen) == in_order(objects):
            return Cause(FILE, "the first one" if first else "the configuration was read again")
        return Cause(newest.updated_by, "changed at another node, or before a restart")

    def read(self, connection: Connection, number: int) -> Kept | None:
        """None: there is none of this number, or it cannot be opened any more."""
        sealed = snapshots.document(connection, number)
        if sealed is None:
            return None
        try:
            return msgspec.msgpack.decode(self.ring.open(sealed, _ROW), type=Kept)
        except (Unsealable, msgspec.MsgspecError) as error:
            self.log("error", "snapshot_unreadable", number=number, why=str(error))
            return None


def content_of(config: Config, objects: Sequence[Made]) -> str:
    """A digest over what holds and what the API owns of it."""
    documents = [(one.kind, one.name, one.document) for one in in_order(objects)]
    return sha256(config.digest.encode() + msgspec.json.encode(documents, order="sorted")).hexdigest()


def read_summary(text: str) -> Summary:
    return msgspec.json.decode(text, type=Summary)
