"""The admin API in this process: a real store, a real audit log, and a worker's key table at the other end."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, TypeVar

import httpx
import msgspec
from starlette.requests import Request

from llm_gateway.config.load import load_tree
from llm_gateway.control.admission import Admission
from llm_gateway.control.api.desk import Desk
from llm_gateway.control.api.frame import Frame
from llm_gateway.control.api.pages import Pages
from llm_gateway.control.api.principals import Principals
from llm_gateway.control.app import application
from llm_gateway.control.audit_open import open_log
from llm_gateway.control.objects.resources import identity_routes
from llm_gateway.control.objects.roster import Roster
from llm_gateway.control.objects.uses import Uses
from llm_gateway.control.storing import Storing
from llm_gateway.core.caller import Caller
from llm_gateway.core.clock import FakeClock
from llm_gateway.core.ids import Ids
from llm_gateway.core.security_event import Noted
from llm_gateway.credentials.ring import load_ring
from llm_gateway.dialects.registry import DIALECTS
from llm_gateway.identity.keys import Pepper
from llm_gateway.identity.roles import Principal
from llm_gateway.providers.registry import option_names
from llm_gateway.snapshot import Snapshot, compile_snapshot
from llm_gateway.store.connect import Store
from store_support import new_store

Test = TypeVar("Test", bound=Callable[..., Any])


def sync(test: Test) -> Test:
    """An async test, run in a loop of its own."""

    @functools.wraps(test)
    def run(*args: Any, **named: Any) -> Any:
        return asyncio.run(test(*args, **named))

    return run  # type: ignore[return-value]


ROOT = "sk-admin-tests-root-0123456789"
READER = "sk-readonly-tests-0123456789"
PEPPER = b"p" * 32
CONFIG: dict[str, Any] = {
    "auth": {
        "keys": [
            {"name": "root", "kind": "admin", "key": ROOT},
            {"name": "reader", "kind": "readonly", "key": READER},
            {"name": "of-file", "key": "sk-gateway-tests-0123456789", "tenant": "filed"},
        ]
    },
    "tenants": {
        "filed": {
            "projects": {"own": {"tags": ["t"]}},
            "end_users": {"bob": {"blocked": True}},
            "provider_keys": {"sim": "secret-1"},
        }
    },
    "providers": {"sim": {"type": "simulator"}},
    "models": {"fast": {"deployments": ["sim/gpt-sim"]}, "slow": {"deployments": ["sim/gpt-slow"]}},
    "limits": {"tiers": {"gold": {"concurrent": 3}}},
}


class World:
    """What a test looks at."""

    def __init__(self, store: Store, folder: Path, config: dict[str, Any]) -> None:
        self.folder = folder
        file = folder / "gateway.json"
        file.write_bytes(msgspec.json.encode({**config, "state": {"dir": str(folder)}}))
        loaded = load_tree(file, environ={}, provider_types=option_names(), dialects=DIALECTS)
        self.config = loaded.config
        self.clock = FakeClock(1_800_000_000.0)
        self.logged: list[tuple[str, dict[str, Any]]] = []
        self.bugs: list[BaseException] = []
        self.revoked: list[str] = []
        self.blob: bytes | None = None
        self.snapshot: Snapshot = self._compiled()
        ids = Ids(self.clock.now)
        ring = load_ring(folder, self.config.secrets)
        self.storing = Storing(self.config.database, folder, self.clock, self.log, opened=lambda *_: store)
        self.audit = open_log(self.config, ids, self.clock, self.log, ring=ring)
        self.desk = Desk(self.storing, self.audit, self.clock, ids, ring, Noted())
        self.roster = Roster(self.storing, ring, self.clock, self.log, built=self._built, push=self.revoked.extend)
        self.roster.file(self.config, loaded.tree)
        self.uses = Uses(self.storing, self.clock, self.log)
        self.principals = Principals(Admission(lambda: self.snapshot, self.clock, self.uses.noted))
        self.passwords: list[str] = []
        self.table = identity_routes(self.desk, self.roster, self.uses, Pepper(PEPPER), self.revoked.extend, self._kept)
        frame = Frame(self.desk, self.principals, ids)
        routes = [*Pages(self.table).routes(), *frame.served(self.table)]
        self.app = application(routes, ids, self.bugs.append)

    def log(self, level: Any, event: str, **fields: Any) -> None:
        self.logged.append((event, fields))

    def _compiled(self) -> Snapshot:
        return compile_snapshot(
            self.config, pepper=PEPPER, environ={}, managed={"sim": "http://127.0.0.1:1"}, directory=self.blob
        )

    def _built(self, blob: bytes | None) -> None:
        self.blob = blob
        self.snapshot = self._compiled()

    async def _kept(self, password: str) -> str:
        self.passwords.append(password)
        return f"kept:{len(password)}"

    def caller(self, key: str) -> Caller | None:
        """What a worker knows of a key after the roster's last look."""
        return self.snapshot.keys.find(key.encode())

    async def ask(self, method: str, path: str, body: Any = None, *, key: str | None = ROOT, **headers: str) -> httpx.Response:
        """One request."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if key is not None:
            sent["Authorization"] = f"Bearer {key}"
        return await self._sent(method, path, {"json": body}, sent)

    async def send(
        self, method: str, path: str, body: bytes, headers: dict[str, str], *, client: str = "127.0.0.1", key: str = ROOT
    ) -> httpx.Response:
        """The same with any bytes."""
        known = {"Authorization": f"Bearer {key}"} if self.config.auth.keys else {}
        return await self._sent(method, path, {"content": body}, {**known, **headers}, client)

    async def _sent(
        self, method: str, path: str, body: dict[str, Any], headers: dict[str, str], address: str = "127.0.0.1"
    ) -> httpx.Response:
        transport = httpx.ASGITransport(app=self.app, client=(address, 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            answer = await client.request(method, path, headers=headers, **body)
        assert not self.bugs, self.bugs
        return answer

    async def entries(self) -> list[Any]:
        """What the audit log has."""
        return await asyncio.to_thread(lambda: list(self.audit._files.read()))

    async def key(self, **fields: Any) -> dict[str, Any]:
        """A new key, known everywhere."""
        made = await self.ask("POST", "/admin/v1/keys", {"name": "k", **fields})
        assert made.status_code == 201, made.text
        await self.roster.look()
        found: dict[str, Any] = made.json()
        return found

    def sign_in(self, principal: Principal) -> None:
        """Whoever asks from now on."""

        async def always(_request: Request) -> Principal:
            return principal

        self.principals._others[:] = [always]


@contextlib.asynccontextmanager
async def admin_world(folder: Path, dialect: str = "sqlite", config: dict[str, Any] | None = None) -> AsyncIterator[World]:
    """Everything begun, and ended."""
    world = World(new_store(dialect, folder), folder, CONFIG if config is None else config)
    world.storing.start()
    await world.audit.start()
    await world.roster.look()
    try:
        yield world
    finally:
        await world.uses.close()
        await world.audit.close()
        await world.storing.close()
