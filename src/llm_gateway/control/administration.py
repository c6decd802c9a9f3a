"""The admin API with all that it needs: the store, the audit log, the roster of who there is, and the frame that serves it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.routing import BaseRoute

from llm_gateway.channel.hub import Hub, Worker
from llm_gateway.config.load import Loaded, Overlay
from llm_gateway.config.schema import Config
from llm_gateway.config.tree import Node
from llm_gateway.control.admission import Admission
from llm_gateway.control.api.desk import Desk
from llm_gateway.control.api.frame import Frame
from llm_gateway.control.api.pages import Pages
from llm_gateway.control.api.principals import Principals
from llm_gateway.control.api.route import Route
from llm_gateway.control.audit import Event, of_worker
from llm_gateway.control.audit_open import install_id, open_log
from llm_gateway.control.audit_store import TableAudit
from llm_gateway.control.builder import Builder
from llm_gateway.control.caching.resource import KeptAnswers
from llm_gateway.control.caching.workers import Keepers
from llm_gateway.control.configuring.wired import Configured, Seen
from llm_gateway.control.content.log import ContentLog
from llm_gateway.control.content.resource import ContentRecords
from llm_gateway.control.guarding import Guard
from llm_gateway.control.keeping import Keeping
from llm_gateway.control.ledger.resources import Usage
from llm_gateway.control.ledger.wired import Keeping as Ledger
from llm_gateway.control.objects.provider_keys import reseal
from llm_gateway.control.objects.resources import identity_routes
from llm_gateway.control.objects.roster import Roster
from llm_gateway.control.objects.uses import Uses
from llm_gateway.control.signin.wired import SigningIn
from llm_gateway.control.storing import Storing
from llm_gateway.core.clock import Clock
from llm_gateway.core.ids import Ids
from llm_gateway.core.security_event import SecurityEvent
from llm_gateway.credentials.once import StateFileUnusable
from llm_gateway.credentials.ring import load_ring
from llm_gateway.identity.keys import Pepper
from llm_gateway.store import idempotency
from llm_gateway.store.errors import StoreError
from llm_gateway.telemetry.journal import Log

NOTED_SECONDS = 1.0
HOUSEKEEPING_SECONDS = 300.0


class Administration:
    """One per control process."""

    def __init__(  # noqa: PLR0913 - what it is wired to, each by name
        self,
        config: Config,
        peppers: Sequence[bytes],
        clock: Clock,
        ids: Ids,
        log: Log,
        builder: Builder,
        hub: Callable[[], Hub],
        environ: Mapping[str, str] = MappingProxyType({}),
        *,
        load: Callable[[Overlay], Awaitable[Loaded]],
        seen: Seen,
        guard: Guard | None = None,
    ) -> None:
        """`load` reads files, with objects of the API beside them; `seen`: what there is to see of workers; `guard`: of wrong
        credentials, over all processes (None: one of its own).

        Raises OSError: the state directory's secrets cannot be used.
        """
        state = Path(config.state.dir)
        try:
            ring = load_ring(state, config.secrets)
            self.storing = Storing(config.database, state, clock, log)
            self._table = TableAudit(self.storing, install_id(state))
            self.audit = open_log(config, ids, clock, log, ring=ring, store=self._table)
        except StateFileUnusable as error:
            raise OSError(str(error)) from None
        self._log = log
        self._hub = hub
        self._config = lambda: builder.config
        self._keeping = Keeping(self.storing, ring, clock, log, config=lambda: builder.config or config, hub=hub)
        try:
            self.ledger = Ledger(state, self.storing, clock, log, config=lambda: builder.config or config, environ=environ)
        except StateFileUnusable as error:
            raise OSError(str(error)) from None
        self._guard = guard = guard or Guard(clock, log, hub)
        self.noted = guard.noted
        self.desk = Desk(self.storing, self.audit, clock, ids, ring, self.noted)
        self.roster = Roster(self.storing, ring, clock, log, built=builder.redirect, push=self._revoked)
        self.desk.changed.append(self.roster.soon)
        self.configured = Configured(self.storing, ring, clock, log, builder, load=load, audit=self.audit.note, seen=seen)
        self._uses = Uses(self.storing, clock, log)
        self.contents = ContentLog(state, ring, clock, log, lambda: builder.config or config)
        self.principals = Principals(Admission(lambda: builder.built, clock, self._uses.noted, guard))
        self.signing_in = SigningIn(self.desk, self.principals, lambda: builder.built, environ, log)
        self._pepper = Pepper(peppers[0])
        self._frame = Frame(self.desk, self.principals, ids)
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def told(self) -> Mapping[str, Callable[[Worker, Any], None]]:
        """What workers tell: topics and who listens."""
        return {"security": self._security, "uses": self._uses.told, "content": self.contents.told, **self._guard.told}

    @property
    def asked(self) -> Mapping[str, Callable[[Worker, Any], Awaitable[Any]]]:
        """What workers ask: methods and who answers."""
        return {**self._keeping.asked, **self.ledger.asked, **self._guard.asked}

    def table(self) -> tuple[Route, ...]:
        """All routes of the admin API. A new resource is added here."""
        identity = identity_routes(self.desk, self.roster, self._uses, self._pepper, self._revoked, self.signing_in.keep_password)
        usage = Usage(self.desk, self.ledger.budgets, self.ledger.shipper.status)
        kept = KeptAnswers(Keepers(self._hub), self._config)
        return (
            *identity,
            *self.configured.routes(),
            *usage.routes(),
            *ContentRecords(self.contents).routes(),
            *kept.routes(),
        )

    def routes(self) -> list[BaseRoute]:
        """The same, served, with the document that describes them."""
        table = self.table()
        return [*Pages(table).routes(), *self.signing_in.routes(), *self._frame.served(table)]

    async def recognised(self, request: Request) -> Any:
        """The Principal of a request. Raises Unauthenticated, Forbidden, Overloaded."""
        return await self.principals(request)

    def accepted(self, config: Config, tree: Node) -> None:
        """What the file says from now on."""
        self.roster.file(config, tree)
        self._guard.configure(config)  # what workers tell counts before anybody asks here

    def turned_away(self, peer: str, code: str) -> None:
        """Somebody was not let in at this port: for the audit log."""
        self.noted.add(SecurityEvent(self.desk.now, "auth.refused_address", ip=peer, resource="admin", reason=code))

    def start(self) -> None:
        """Everything in the background: nothing here keeps anybody waiting."""
        loop = asyncio.get_running_loop()
        self.storing.start()
        self.roster.start()
        self.configured.start()
        self._uses.start()
        self._keeping.start()
        self.ledger.start()
        self.contents.start()
        self._tasks = [loop.create_task(self._audited()), loop.create_task(self._note()), loop.create_task(self._housekeeping())]

    async def close(self) -> None:
        """What was recorded is written; the store is closed last."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.roster.close()
        await self.configured.close()
        await self._uses.close()
        await self.signing_in.close()
        await self._keeping.close()
        await self.ledger.close()
        await self.contents.close()
        self._flush()
        await self.audit.close()
        await self.storing.close()

    def _revoked(self, ids: list[str]) -> None:
        """Before any snapshot: a worker that misses it gets the next one."""
        self._hub().push("revoked", ids[:10_000])

    def _security(self, _worker: Worker, body: Any) -> None:
        """Raises msgspec.ValidationError."""
        events, beyond = msgspec.convert(body, tuple[list[SecurityEvent], int])
        for event in events:
            self.audit.note(of_worker(event))
        if beyond:
            self.audit.note(Event(action="auth.more", actor="unknown", result="failure", after={"count": beyond}))

    def _flush(self) -> None:
        events, beyond = self.noted.take()
        for event in events:
            self.audit.note(of_worker(event))
        if beyond:
            self.audit.note(Event(action="auth.more", actor="unknown", result="failure", after={"count": beyond}))

    async def _note(self) -> None:
        while True:
            await asyncio.sleep(NOTED_SECONDS)
            self._flush()

    async def _audited(self) -> None:
        """The audit log, begun; while its folder cannot be used, actions are refused. An empty one goes on behind the store."""
        pause = 1.0
        beginning = None
        with contextlib.suppress(StoreError):
            beginning = await self._table.last()
        while True:
            try:
                await self.audit.start(beginning)
            except OSError as error:
                self._log("error", "audit_not_opened", why=error.strerror or str(error))
                await asyncio.sleep(pause)
                pause = min(pause * 2, 30.0)
            else:
                return

    async def _housekeeping(self) -> None:
        """Answers that are kept for 24 hours, and no longer; seals of a master key that was replaced."""
        await self.storing.there.wait()
        with contextlib.suppress(StoreError):
            await reseal(self.storing, self.desk.ring, self._log)
        while True:
            await asyncio.sleep(HOUSEKEEPING_SECONDS)
            try:
                await self.storing.write(lambda connection: idempotency.expire(connection, self.desk.now))
            except StoreError:
                continue  # it is away: later
