"""The gateway itself, from a caller's request to his answer, with providers that are functions instead of sockets."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import msgspec

from llm_gateway.config.load import load
from llm_gateway.core.clock import FakeClock
from llm_gateway.core.exchange import Exchange
from llm_gateway.core.ids import Ids
from llm_gateway.dialects.registry import DIALECTS
from llm_gateway.edge.app import App
from llm_gateway.edge.health import Health
from llm_gateway.edge.ownership import MemoryOwners
from llm_gateway.edge.stored import MemoryStore
from llm_gateway.http.request import Request
from llm_gateway.providers.registry import PROVIDER_TYPES, option_names
from llm_gateway.snapshot import compile_snapshot
from llm_gateway.telemetry.journal import Journal, Log
from llm_gateway.telemetry.observe import Observe
from llm_gateway.telemetry.stats import Stats
from llm_gateway.worker.accounts import Accounts
from llm_gateway.worker.defences import Defences
from llm_gateway.worker.recognition import Recognition
from llm_gateway.worker.world import Shared, build_world

AFTER_PAUSES = 86_400.0
"""Seconds between two requests: a recorded refusal keeps nobody from the provider that is asked next."""
KEY = "sk-gateway-corpus-0123456789"
PLACES = {"azure": {"base_url": "https://x.openai.azure.com/openai/v1"}, "bedrock": {"region": "us-east-1"}}
PLACES["bedrock_mantle"] = PLACES["bedrock"]
PLACES["vertex"] = {"base_url": "https://x.test/v1/projects/p/locations/l"}


class _Silent(Journal):
    def __init__(self) -> None:
        pass

    def write(self, data: bytes, lines: int = 1) -> None:
        pass


@dataclass
class Provided:
    """What the provider says to whatever it is asked."""

    status: int
    pieces: list[bytes]
    headers: Mapping[bytes, bytes] = field(default_factory=dict)
    complete: bool = True
    head: bytes = b""

    def body(self, _limit: int | None = None) -> bytes:
        return b"".join(self.pieces)

    async def read(self, _limit: int | None = None) -> bytes:
        return b"".join(self.pieces)

    def stream(self, sink: Any) -> None:
        for piece in self.pieces:
            sink.feed(piece)
        sink.end()

    def limit(self, _at: float | None) -> None: ...
    def pause(self) -> None: ...
    def resume(self) -> None: ...
    def close(self) -> None: ...


class Provider:
    """Stands where an HTTP client does."""

    def __init__(self) -> None:
        self.says: Provided | None = None
        self.asked: tuple[bytes, bytes, bytes] | None = None
        """Target, header lines and body of the last request."""

    async def send(
        self, _origin: object, _method: bytes, target: bytes, headers: bytes, body: bytes, _timeouts: object
    ) -> Provided:
        self.asked = (target, headers, body)
        if self.says is None:
            raise LookupError("nothing is asked of the gateway")
        return self.says


@dataclass
class Answered:
    """What the caller got: a whole body, or a stream's bytes."""

    status: int = 0
    headers: bytes = b""
    body: bytes = b""
    started: bool = False
    finished: bool = False
    gone: bool = False
    paused: bool = False
    source: object = None

    def whole(self, status: int, headers: bytes, body: bytes) -> None:
        self.status, self.headers, self.body = status, headers, bytes(body)
        self.started = self.finished = True

    def start(self, status: int, headers: bytes) -> None:
        self.status, self.headers, self.started = status, headers, True

    def write(self, data: bytes) -> None:
        self.body += data

    def end(self, data: bytes = b"") -> None:
        self.body += data
        self.finished = True

    @property
    def dropped(self) -> bool:
        return b"X-Gateway-Dropped" in self.headers


class World:
    """`types`: every provider type, each of whose dialects is reachable on its own, as model `TYPE.DIALECT`."""

    def __init__(self) -> None:
        self.provider = Provider()
        self.bugs: list[Exception] = []
        self._clock = FakeClock(time.time())
        self._loop = asyncio.new_event_loop()
        self._app = self._loop.run_until_complete(self._made())

    async def _made(self) -> App:
        names = {
            f"{kind.name}.{dialect}": kind
            for kind in PROVIDER_TYPES.values()
            for dialect in kind.endpoints
            if kind.name not in {"simulator", "local"} and (hasattr(DIALECTS[dialect], "parse_reply") or dialect in SAME_ONLY)
        }
        self.models = {name.replace(".", "-"): name for name in names}
        providers = {alias: _provider(names[name].name) for alias, name in self.models.items()}
        document = {
            "providers": providers,
            "models": {alias: {"deployments": [f"{alias}/the-model"], "retries": 0} for alias in providers},
            "auth": {"keys": [{"name": "corpus", "key": KEY}]},
            "server": {"keepalive": 0},
        }
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "gateway.json"
            file.write_bytes(msgspec.json.encode(document))
            config = load(file, environ={}, provider_types=option_names(), dialects=DIALECTS)
        clock, stats, lines = self._clock, Stats(), _Silent()
        log = Log(lines, clock, "error")
        accounts = Accounts(clock, log)
        observe = Observe(clock, stats, lines, account=accounts.ended)
        defences = Defences(clock, log, lambda: 0.0, observe, self._report, accounts.ledger.sent)
        snapshot = compile_snapshot(config, pepper=b"p" * 32, environ={}, managed={}, standings=defences.standings)
        for alias, name in self.models.items():
            dialect = name.partition(".")[2]
            upstream = snapshot.upstreams[alias]
            upstream.kind = replace(upstream.kind, endpoints={dialect: upstream.kind.endpoints[dialect]}, speaks=None)
        shared = Shared(
            clock,
            stats,
            Health(version="0", clock=clock, stats=stats, providers={}),
            observe,
            log,
            self._report,
            MemoryStore(clock.monotonic),
            MemoryOwners(clock.monotonic),
            defences,
            accounts,
            Recognition(clock, log),
        )
        clients = dict.fromkeys(["", *providers], self.provider)
        return App(build_world(snapshot, clients, shared), Ids(clock.now), clock)  # type: ignore[arg-type]

    def _report(self, _ex: Exchange, bug: Exception) -> None:
        self.bugs.append(bug)

    def model(self, provider: str, dialect: str) -> str:
        """The model behind which `provider` speaks `dialect`; a provider without a type of its own is any compatible server."""
        if provider in PROVIDER_TYPES and dialect in PROVIDER_TYPES[provider].endpoints:
            return f"{provider}-{dialect}"
        for kind in (STAND_INS.get(dialect, "openai_compatible"), "openai_compatible"):
            if dialect in PROVIDER_TYPES[kind].endpoints:
                return f"{kind}-{dialect}"
        raise LookupError(f"no provider type speaks {dialect}")

    def ask(self, path: str, body: bytes, says: Provided, headers: Mapping[bytes, bytes] | None = None) -> Answered:
        """One request of a caller."""
        self.provider.says, self.provider.asked = says, None
        self.bugs.clear()
        self._clock.advance(AFTER_PAUSES)
        return self._loop.run_until_complete(self._ask(path, body, headers or {}))

    async def _ask(self, path: str, body: bytes, headers: Mapping[bytes, bytes]) -> Answered:
        answered = Answered()
        lines = {b"authorization": b"Bearer " + KEY.encode(), b"content-type": b"application/json", **headers}
        place, _, query = path.partition("?")
        request = Request(b"POST", place.encode(), query.encode(), lines, "127.0.0.1", self._loop.time(), None)
        request.body = body
        request.reply = answered  # type: ignore[assignment]
        await self._app(request)
        return answered


SAME_ONLY = frozenset({"openai_completions", "ollama_generate", "anthropic_count_tokens", "gemini_count_tokens"})
STAND_INS = {
    "anthropic_messages": "anthropic",
    "anthropic_count_tokens": "anthropic",
    "gemini": "gemini",
    "bedrock_converse": "bedrock",
    "openai_responses": "openai",
}


def _provider(kind: str) -> dict[str, Any]:
    made: dict[str, Any] = {"type": kind, "api_key": "sk-upstream"}
    made |= PLACES.get(kind, {})
    if PROVIDER_TYPES[kind].base_url is None and kind not in PLACES:
        made["base_url"] = "http://127.0.0.1:9"
    return made
