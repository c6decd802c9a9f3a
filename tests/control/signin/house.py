"""A control process's sign-in for tests: the real endpoints on a real store, and browsers that keep cookies."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import msgspec
from argon2 import PasswordHasher
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from llm_gateway.config.schema import Auth, Config
from llm_gateway.config.schema.signin import SignIn
from llm_gateway.control.api.desk import Desk
from llm_gateway.control.app import application
from llm_gateway.control.audit import Event, of_worker
from llm_gateway.control.signin.entering import Entering
from llm_gateway.control.signin.outside import Outside
from llm_gateway.control.signin.passwords import Passwords
from llm_gateway.control.signin.routes import SignInRoutes
from llm_gateway.control.signin.sessions import Sessions
from llm_gateway.core.clock import FakeClock
from llm_gateway.core.errors import Unauthenticated
from llm_gateway.core.ids import Ids
from llm_gateway.core.security_event import Noted as SecurityNotes
from llm_gateway.credentials.ring import Ring
from llm_gateway.identity.keysets import KeySets
from llm_gateway.identity.roles import Principal
from llm_gateway.store import people
from llm_gateway.store.rows import PersonRow
from llm_gateway.store.threads import Threads
from store_support import new_store

CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
PASSWORD = "correct horse battery"
HERE = "http://gateway.test"


class Noted:
    """An audit log that stays in memory."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def note(self, event: Event) -> None:
        self.events.append(event)

    async def record(self, event: Event) -> Any:
        self.events.append(event)

    @property
    def actions(self) -> list[str]:
        return [event.action for event in self.events]

    def failures(self, notes: SecurityNotes) -> list[Event]:
        """What failed since the last time, as the audit log gets it."""
        return [of_worker(event) for event in notes.take()[0]]


class House:
    def __init__(self, folder: Path) -> None:
        self.clock = FakeClock()
        self.audit = Noted()
        self.ring = Ring([bytes(32)])
        self.config = msgspec.structs.replace(Config(), auth=Auth(admin=SignIn()))
        self.threads = Threads(new_store("sqlite", folder))
        ids = Ids(self.clock.now)
        self.notes = SecurityNotes()
        desk = Desk(self.threads, self.audit, self.clock, ids, self.ring, self.notes)
        self.sessions = Sessions(self.threads, self.ring, self.clock, lambda: self.config.auth.admin.session)
        self.passwords = Passwords(CHEAP)
        self.outside = Outside({})
        self.keysets = KeySets(self.clock, lambda: 0.5, lambda *_, **__: None)
        self.entering = Entering(desk, self.sessions, self.passwords, self.outside, self.keysets, lambda: self.config)
        self.signin = SignInRoutes(self.entering, self.sessions, self._recognise, ids)
        self.bugs: list[BaseException] = []
        thing = Route("/admin/v1/things", self._things, methods=["GET", "POST"])
        self.app = application([*self.signin.routes(), thing], ids, self.bugs.append)

    def admin(self, **changes: Any) -> None:
        """Another `auth.admin`."""
        self.config = msgspec.structs.replace(self.config, auth=Auth(admin=SignIn(**changes)))

    async def _recognise(self, request: Request) -> Principal:
        found = await self.signin.principal(request)
        if found is None:
            raise Unauthenticated("No API key was given.", code="missing_api_key")
        return found

    async def _things(self, request: Request) -> Response:
        return Response((await self._recognise(request)).name)

    async def person(self, login: str = "ann", **changes: Any) -> PersonRow:
        row = PersonRow(
            "per_" + login, login, login.title(), self.passwords.kept(PASSWORD), '["operator"]', "", "active", 0, None, None, 5
        )
        row = msgspec.structs.replace(row, **changes)
        await self.threads.write(lambda connection: people.create(connection, row))
        return row

    def browser(self, origin: str = HERE, ip: str = "192.0.2.1") -> httpx.AsyncClient:
        """Sends what browsers send of where a request comes from, and keeps cookies."""
        transport = httpx.ASGITransport(self.app, client=(ip, 1))
        return httpx.AsyncClient(transport=transport, base_url=origin, headers={"Origin": origin})

    async def signed_in(self, login: str = "ann", password: str = PASSWORD, **where: Any) -> httpx.AsyncClient:
        browser = self.browser(**where)
        answer = await browser.post("/admin/v1/signin", json={"login": login, "password": password})
        assert answer.status_code == 200, answer.text
        return browser

    async def close(self) -> None:
        await self.keysets.close()
        await self.outside.close()
        self.passwords.close()
        self.threads.close()


@asynccontextmanager
async def house(folder: Path) -> AsyncIterator[House]:
    made = House(folder)
    try:
        yield made
    finally:
        await made.close()
    assert made.bugs == []
