"""A whole gateway inside a test's own loop: the real snapshot, world, server and clients, on free ports of 127.0.0.1."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from contextvars import ContextVar
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec

from llm_gateway.cache.stage import Answers
from llm_gateway.config.load import load
from llm_gateway.config.schema import Config
from llm_gateway.core.clock import Clock, SystemClock
from llm_gateway.core.exchange import Exchange
from llm_gateway.core.ids import Ids
from llm_gateway.credentials.registry import Authorizers
from llm_gateway.dialects.registry import DIALECTS
from llm_gateway.edge.app import App
from llm_gateway.edge.health import Health
from llm_gateway.edge.ownership import MemoryOwners
from llm_gateway.edge.stored import MemoryStore
from llm_gateway.http.limits import ServerLimits
from llm_gateway.http.server import Server
from llm_gateway.providers.registry import option_names
from llm_gateway.snapshot import Snapshot, compile_snapshot
from llm_gateway.telemetry.journal import Journal, Log
from llm_gateway.telemetry.observe import Observe
from llm_gateway.telemetry.stats import Stats
from llm_gateway.worker.accounts import Accounts
from llm_gateway.worker.cached import reach
from llm_gateway.worker.clients import Clients
from llm_gateway.worker.defences import Defences
from llm_gateway.worker.recognition import Recognition
from llm_gateway.worker.refusals import refusal_renderer
from llm_gateway.worker.world import Shared, build_world
from serving import connected, serving

KEPT_IN: ContextVar[Callable[[], Any] | None] = ContextVar("KEPT_IN", default=None)
"""The database in which every gateway of a test keeps things, through a control process; None: in memory."""
PEPPER = b"p" * 32
KEY = "sk-gateway-tests-0123456789"
BEARER = f"Authorization: Bearer {KEY}\r\n"
CHAT = "/v1/chat/completions"
MESSAGES = "/v1/messages"

Answered = tuple[int, dict[bytes, bytes], bytes]


def config_of(document: Mapping[str, Any], environ: Mapping[str, str] | None = None) -> Config:
    """The configuration that a file with this document makes."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "gateway.json"
        file.write_bytes(msgspec.json.encode(document))
        return load(file, environ=environ or {}, provider_types=option_names(), dialects=DIALECTS)


def one_provider(url: str, *, kind: str = "openai_compatible", **alias: Any) -> dict[str, Any]:
    """The model "m" at one provider, without a second try."""
    return {
        "providers": {"a": {"type": kind, "base_url": url, "api_key": "sk-provider-secret"}},
        "models": {"m": {"deployments": ["a/real"], "retries": 0, **alias}},
        "auth": {"keys": [{"name": "tests", "key": KEY}]},
    }


class _Lines(Journal):
    """An access log that stays in memory."""

    def __init__(self) -> None:
        self.data = b""

    def write(self, data: bytes, lines: int = 1) -> None:
        self.data += data


class Gateway:
    """What a test may look at."""

    def __init__(
        self,
        server: Server,
        app: App,
        shared: Shared,
        lines: _Lines,
        bugs: list[Exception],
        clients: Clients,
        snapshot: Snapshot,
    ) -> None:
        self.server = server
        self.snapshot = snapshot
        self.port = server.port
        self.clients = clients
        self.app = app
        self.shared = shared
        self.stats = shared.stats
        self.bugs = bugs
        self._lines = lines

    def access(self) -> list[dict[str, Any]]:
        """The access log so far."""
        self.shared.observe.flush()
        lines = [msgspec.json.decode(line) for line in self._lines.data.splitlines()]
        return [line for line in lines if line.get("target") == "access"]

    def reload(self, document: Mapping[str, Any]) -> None:
        """Meet another configuration from now on, with the same clients."""
        snapshot = compile_snapshot(
            config_of(document), pepper=PEPPER, environ={}, managed={}, standings=self.shared.defences.standings
        )
        self.app.world = build_world(snapshot, self.clients.by_name, self.shared)

    async def post(self, path: str, body: Any, headers: str = BEARER) -> Answered:
        """One request on a connection of its own."""
        async with connected(self.port) as raw:
            raw.send(request(path, body, headers))
            return await raw.reply()


def request(path: str, body: Any, headers: str = BEARER) -> bytes:
    """A POST as bytes."""
    data = body if isinstance(body, bytes) else msgspec.json.encode(body)
    head = f"POST {path} HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\nContent-Length: {len(data)}\r\n{headers}\r\n"
    return head.encode("latin-1") + data


def chat(model: str = "m", *, stream: bool = False, **more: Any) -> dict[str, Any]:
    """A small chat request."""
    return {"model": model, "stream": stream, "messages": [{"role": "user", "content": "hi"}], **more}


@asynccontextmanager
async def whole_gateway(
    document: Mapping[str, Any],
    *,
    clock: Clock | None = None,
    limits: ServerLimits | None = None,
    draw: Callable[[], float] = lambda: 0.0,
    environ: Mapping[str, str] | None = None,
) -> AsyncIterator[Gateway]:
    """Serves `document` until the end of the block. A bug reported by the pipeline fails the test, unless it took it away."""
    config = config_of(document)
    clock = clock or SystemClock()
    bugs: list[Exception] = []
    lines = _Lines()
    stats = Stats()
    health = Health(version="0", clock=clock, stats=stats, providers={})
    log = Log(lines, clock, "error")
    accounts = Accounts(clock, log)
    observe = Observe(clock, stats, lines, account=accounts.ended)

    def report(_ex: Exchange, bug: Exception) -> None:
        bugs.append(bug)

    shared = Shared(
        clock,
        stats,
        health,
        observe,
        log,
        report,
        MemoryStore(clock.monotonic),
        MemoryOwners(clock.monotonic),
        Defences(clock, log, draw, observe, report, accounts.ledger.sent),
        accounts,
        Recognition(clock, log),
        Answers(clock),
        PEPPER,
    )
    stack = AsyncExitStack()
    opened = KEPT_IN.get()
    if opened is not None:
        from kept_support import control_at

        control = await stack.enter_async_context(control_at(opened(), clock, config=config))
        shared = replace(shared, kept=control.worker())
    authorizers = Authorizers(clock, shared.log, draw)
    snapshot = compile_snapshot(
        config, pepper=PEPPER, environ=environ or {}, managed={}, authorizers=authorizers, standings=shared.defences.standings
    )
    clients = Clients({}).beside(config, {})
    await reach(shared.answers, config, PEPPER, clock, shared.log)
    app = App(build_world(snapshot, clients.by_name, shared), Ids(clock.now), clock)
    try:
        async with serving(app, limits, render_refusal=refusal_renderer(app)) as server:
            yield Gateway(server, app, shared, lines, bugs, clients, snapshot)
    finally:
        await stack.aclose()
        await shared.recognition.close()
        await shared.defences.close()
        await snapshot.authorizers.close()
        await clients.close()
        await shared.answers.close()
    assert not bugs, bugs


def answer(body: Any, status: str = "200 OK", headers: str = "") -> bytes:
    """A provider's whole answer."""
    data = body if isinstance(body, bytes) else msgspec.json.encode(body)
    return f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(data)}\r\n{headers}\r\n".encode() + data


def said(text: str = "hello", model: str = "real") -> bytes:
    """A provider's whole chat answer."""
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
    return answer({"id": "c1", "object": "chat.completion", "created": 1, "model": model, "choices": [choice], "usage": usage})


SSE_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
LAST = b"0\r\n\r\n"


def piece(text: str | None = None, *, finish: str | None = None, **delta: Any) -> bytes:
    """One event of a provider's chat stream."""
    said = delta if text is None else {"content": text}
    chunk = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "real"}
    return event({**chunk, "choices": [{"index": 0, "delta": said, "finish_reason": finish}]})


def event(document: Any) -> bytes:
    """An SSE event."""
    data = document if isinstance(document, bytes) else msgspec.json.encode(document)
    return b"data: " + data + b"\n\n"


DONE = event(b"[DONE]")


def chunk(*events: bytes) -> bytes:
    """Events as one chunk of HTTP."""
    data = b"".join(events)
    return b"%x\r\n%b\r\n" % (len(data), data)


def streamed(*events: bytes) -> bytes:
    """A provider's complete stream of these events and the end, in one write."""
    return SSE_HEAD + chunk(*(events or (piece("hello"), piece(finish="stop"))), DONE) + LAST
