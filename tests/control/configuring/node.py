"""A node's control process for tests: the real admin API over a real store, with a worker that is played."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import msgspec

from control.pieces import FakeWorker
from llm_gateway.channel.snapshot import CONFIG, MANAGED, Managed, Snapshot
from llm_gateway.config.document import pack
from llm_gateway.config.load import Loaded, Overlay, load_tree
from llm_gateway.control.api.desk import Desk
from llm_gateway.control.api.frame import Frame
from llm_gateway.control.app import application
from llm_gateway.control.audit import Event
from llm_gateway.control.builder import Builder
from llm_gateway.control.configuring.overlay import PART
from llm_gateway.control.configuring.wired import Configured, Seen
from llm_gateway.control.statistics import Statistics
from llm_gateway.core.clock import SystemClock
from llm_gateway.core.errors import NotFound
from llm_gateway.core.ids import Ids
from llm_gateway.core.security_event import Noted
from llm_gateway.credentials.ring import Ring
from llm_gateway.dialects.registry import DIALECTS
from llm_gateway.edge.health import Health
from llm_gateway.identity.roles import SYSTEM_ADMIN, Principal
from llm_gateway.providers.registry import option_names
from llm_gateway.store.connect import Store
from llm_gateway.store.errors import StoreUnavailable
from llm_gateway.store.threads import Threads
from serving import run

SECRET = b"s" * 32
FILE: dict[str, Any] = {
    "providers": {"a": {"type": "openai", "api_key": "sk-of-the-file-1"}},
    "models": {"m": "a/x"},
    "routing": {"rules": [{"name": "first", "when": 'model == "m"', "then": {"priority": "high"}}]},
    "server": {"workers": 1},
}


class Audit:
    """An audit log that stays in memory."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.of_files: list[Event] = []

    def noted(self, event: Event) -> None:
        """What nobody asked for."""
        self.of_files.append(event)

    def note(self, event: Event) -> None:
        self.events.append(event)

    async def record(self, event: Event) -> Any:
        self.events.append(event)
        return SimpleNamespace(seq=len(self.events))


class Away:
    """A store that can be taken away."""

    def __init__(self, threads: Threads) -> None:
        self.threads = threads
        self.away = False

    async def read(self, work: Any) -> Any:
        return await self._known().read(work)

    async def write(self, work: Any) -> Any:
        return await self._known().write(work)

    def _known(self) -> Threads:
        if self.away:
            raise StoreUnavailable("the store is away")
        return self.threads


class Breakers:
    """One circuit breaker."""

    def __init__(self) -> None:
        self.told: list[str] = []

    async def all_breakers(self) -> dict[str, Any]:
        return {"data": [{"id": "a", "state": "open"}]}

    async def reset_breaker(self, name: str) -> dict[str, Any]:
        if name != "a":
            raise NotFound("There is no circuit breaker of this name.")
        self.told.append(name)
        return {}


class Node:
    """Begins with the file alone, or with the parts of an earlier one's snapshot."""

    def __init__(
        self, folder: Path, store: Store, file: dict[str, Any] | None = None, parts: dict[str, bytes] | None = None
    ) -> None:
        self.file = folder / "gateway.json"
        self.write({**FILE, **(file or {})})
        state = folder / "node"
        state.mkdir(exist_ok=True)
        self.lines: list[tuple[str, dict[str, Any]]] = []
        self.clock = SystemClock()
        self.threads = Threads(store)
        self.store = Away(self.threads)
        begin_parts = {CONFIG: pack(self._read({}).tree), MANAGED: msgspec.msgpack.encode(Managed())}
        begin = Snapshot(1, 1, {**begin_parts, **({PART: parts[PART]} if parts and PART in parts else {})})
        self.worker = FakeWorker(SECRET, begin)
        self.builder = Builder(
            begin,
            (SECRET,),
            state,
            {},
            load=self._load,
            managed=self._managed,
            hub=lambda: [self.worker.worker],
            log=lambda level, event, **facts: self.lines.append((event, facts)),
            clock=self.clock,
            accepted=self._accepted,
        )
        self.worker.builder = self.builder
        self.audit = Audit()
        ids = Ids(self.clock.now)
        self.ring = Ring([bytes(32)])
        desk = Desk(self.store, self.audit, self.clock, ids, self.ring, Noted())
        self.statistics = Statistics()
        health = Health(version="1", clock=self.clock, stats=self.statistics, providers={"a": "openai"})
        self.breakers = Breakers()
        seen = Seen(self.statistics, health, self.breakers)
        log: Any = lambda level, event, **facts: self.lines.append((event, facts))  # noqa: E731 - a Log
        self.configured = Configured(
            self.store, self.ring, self.clock, log, self.builder, load=self._load_with, audit=self.audit.noted, seen=seen
        )
        self.principal = Principal("boss", "boss", frozenset({SYSTEM_ADMIN}))
        self.bugs: list[BaseException] = []
        frame = Frame(desk, self._recognise, ids)
        self.app = application(frame.served(self.configured.routes()), ids, self.bugs.append)

    def write(self, document: dict[str, Any]) -> None:
        """Another file."""
        self.file.write_bytes(msgspec.json.encode(document))

    async def _recognise(self, _request: Any) -> Principal:
        return self.principal

    def _read(self, overlay: Overlay) -> Loaded:
        return load_tree(self.file, environ={}, provider_types=option_names(), dialects=DIALECTS, overlay=overlay)

    async def _load_with(self, overlay: Overlay) -> Loaded:
        return self._read(overlay)

    async def _load(self) -> Loaded:
        return self._read(await self.configured.overlay())

    async def _managed(self, _document: bytes) -> Managed:
        return Managed()

    def _accepted(self, loaded: Loaded) -> None:
        self.configured.accepted(loaded)

    @property
    def client(self) -> httpx.AsyncClient:
        """Of the admin API."""
        return httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url="http://gateway.test")

    async def made(self, kind: str, name: str, **document: Any) -> httpx.Response:
        """POST; what is answered is good."""
        async with self.client as client:
            answer = await client.post(f"/admin/v1/{kind}", json={"name": name, **document})
        assert answer.status_code == 201, answer.text
        return answer

    async def asked(self, method: str, path: str, status: int = 200, **more: Any) -> Any:
        """The body of an answer with that status."""
        async with self.client as client:
            answer = await client.request(method, path, **more)
        assert answer.status_code == status, answer.text
        return answer.json() if answer.content else None

    @property
    def models(self) -> dict[str, Any]:
        """That hold."""
        assert self.builder.config is not None
        return self.builder.config.models


@asynccontextmanager
async def living(node: Node) -> AsyncIterator[Node]:
    """It has built its first snapshot; no bug was seen at the end."""
    node.builder.start()
    assert await node.builder.renewed(5)
    node.configured.start()
    yield node
    await node.configured.close()
    await node.builder.close()
    assert node.bugs == []
    assert [facts for event, facts in node.lines if event == "bug"] == []


def with_node(folder: Path, store: Store, test: Callable[[Node], Coroutine[Any, Any, None]], **how: Any) -> None:
    """Run `test` with one."""

    async def main() -> None:
        async with living(Node(folder, store, **how)) as node:
            await test(node)

    run(main)
