"""What all resources work with: the store, the audit log, the clock, ids. A change of the store has its entry, or is none."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar

import msgspec
from sqlalchemy import Connection

from llm_gateway.control.api import replays
from llm_gateway.control.audit import Entry, Event
from llm_gateway.control.audit_log import RECORD_SECONDS, AuditUnavailable
from llm_gateway.control.storing import Transactions
from llm_gateway.core.clock import Clock
from llm_gateway.core.ids import Ids
from llm_gateway.core.security_event import Noted
from llm_gateway.credentials.ring import Ring

if TYPE_CHECKING:
    from llm_gateway.control.api.route import Answer, Asked

Result = TypeVar("Result")


class Audit(Protocol):
    """control.audit_log.AuditLog."""

    def note(self, event: Event) -> None: ...

    async def record(self, event: Event) -> Entry: ...


@dataclass(frozen=True)
class Change:
    """What a transaction did, and what is answered. `before` and `after` go to the audit log: what differs, secrets hidden."""

    answer: Answer
    action: str
    """`tenant.created`"""
    resource: str
    """`tenants/acme`"""
    before: Any = None
    after: Any = None
    result: Literal["success", "failure", "denied"] = "success"


@dataclass
class Desk:
    """One per control process."""

    store: Transactions
    audit: Audit
    clock: Clock
    ids: Ids
    ring: Ring
    noted: Noted
    """Security events, which go to the audit log once a second."""
    changed: list[Callable[[], None]] = field(default_factory=list)
    """Called in the event loop after each change that was committed."""

    @property
    def now(self) -> int:
        """Unix milliseconds."""
        return int(self.clock.now() * 1000)

    async def read(self, work: Callable[[Connection], Result]) -> Result:
        """Raises StoreError."""
        return await self.store.read(work)

    async def change(self, work: Callable[[Connection], Change], asked: Asked) -> Answer:
        """Raises StoreError, AuditUnavailable, and what `work` raises."""
        loop = asyncio.get_running_loop()
        recorded: list[tuple[Event, Entry]] = []

        def whole(connection: Connection) -> Change:
            change = work(connection)
            event = self.event(change, asked)
            if not recorded or recorded[-1][0] != event:  # run again, it may have come to something else
                recorded.append((event, self._recorded(event, loop)))
            if asked.claim is not None:
                replays.finish(connection, asked, change.answer, self.ring, self.now)
            return change

        try:
            change = await self.store.write(whole)
        except Exception as error:
            for event, entry in recorded:
                self._undone(event, entry, error)
            raise
        if asked.claim is not None:
            asked.claim = None
        for each in self.changed:
            each()
        return change.answer

    def event(self, change: Change, asked: Asked) -> Event:
        """A change as the audit log has it."""
        return Event(
            action=change.action,
            actor=asked.principal.id,
            resource=change.resource,
            result=change.result,
            before=change.before,
            after=change.after,
            ip=asked.ip,
            user_agent=asked.user_agent,
            request_id=asked.request_id,
        )

    async def record(self, event: Event) -> Entry:
        """Raises AuditUnavailable."""
        return await self.audit.record(event)

    def _recorded(self, event: Event, loop: asyncio.AbstractEventLoop) -> Entry:
        """From a thread of the store: its transaction waits until the entry is on the disk."""
        waiting = asyncio.run_coroutine_threadsafe(self.audit.record(event), loop)
        try:
            return waiting.result(RECORD_SECONDS + 1)
        except TimeoutError:
            waiting.cancel()
            raise AuditUnavailable("The audit log could not be written in time, so this action is refused.") from None

    def _undone(self, event: Event, entry: Entry, error: Exception) -> None:
        """The log says that something was done which then was not: it is told so."""
        facts = {"entry": entry.seq, "reason": type(error).__name__}
        self.audit.note(
            msgspec.structs.replace(event, action=f"{event.action}.undone", result="failure", before=None, after=facts)
        )
