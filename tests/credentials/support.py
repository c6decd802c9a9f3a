"""What tests of credentials share: a server that plays STS, metadata services and token endpoints, and a settled loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from llm_gateway.core.clock import FakeClock
from llm_gateway.credentials.fetch import Http
from llm_gateway.credentials.means import Means
from llm_gateway.http.request import Request
from serving import serving

JSON = b"Content-Type: application/json\r\n"
SECRETS = ("SECRET-KEY-0123", "SECRET-TOKEN-4567", "SECRET-PROOF-89ab")
"""Every secret in these tests holds one of these; none may show in a text or a log."""

Reply = tuple[int, bytes, bytes]
"""Status, header lines, body."""


@dataclass
class Seen:
    """A request that was received."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.body.decode()))

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.body)


@dataclass
class Cloud:
    """Answers by path. A handler may be a reply, or make one of the request."""

    url: str = ""
    answers: dict[str, Any] = field(default_factory=dict)
    seen: list[Seen] = field(default_factory=list)
    delay: float = 0.0

    def answer(self, path: str, reply: Any) -> None:
        self.answers[path] = reply

    async def __call__(self, request: Request) -> None:
        headers = {name.decode(): value.decode("latin-1") for name, value in request.headers.items()}
        query = dict(parse_qsl(request.query.decode()))
        seen = Seen(request.method.decode(), request.path.decode(), query, headers, bytes(request.body))
        self.seen.append(seen)
        if self.delay:
            await asyncio.sleep(self.delay)
        reply = self.answers.get(seen.path, (404, b"", b"nothing here"))
        status, lines, body = reply(seen) if callable(reply) else reply
        request.reply.whole(status, lines, body)


def said(document: Any, status: int = 200, lines: bytes = b"") -> Reply:
    """A JSON reply."""
    return status, JSON + lines, msgspec.json.encode(document)


def token(name: str = "one", seconds: Any = 3600) -> Reply:
    """What a token endpoint answers."""
    return said({"access_token": f"{SECRETS[1]}-{name}", "token_type": "Bearer", "expires_in": seconds})


@asynccontextmanager
async def cloud() -> AsyncIterator[Cloud]:
    made = Cloud()
    async with serving(made) as server:
        made.url = f"http://127.0.0.1:{server.port}"
        yield made


@asynccontextmanager
async def means(environ: Mapping[str, str] | None = None, clock: FakeClock | None = None) -> AsyncIterator[Means]:
    http = Http()
    try:
        yield Means(environ or {}, http, clock or FakeClock(), lambda: "an-id")
    finally:
        await http.close()


class Lines:
    """A log that stays in memory."""

    def __init__(self) -> None:
        self.all: list[tuple[str, str, dict[str, Any]]] = []

    def __call__(self, level: str, event: str, **fields: Any) -> None:
        self.all.append((level, event, fields))

    def events(self) -> list[str]:
        return [event for _, event, _ in self.all]


def shows_no_secret(*texts: object) -> None:
    for text in texts:
        for secret in SECRETS:
            assert secret not in repr(text)
            assert secret not in str(text)


def at(clock: FakeClock, seconds: float) -> str:
    """A moment in the notation of AWS and Google."""
    from datetime import UTC, datetime

    return datetime.fromtimestamp(clock.now() + seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


async def turns(count: int = 20) -> None:
    """Let every task that can run do so."""
    for _ in range(count):
        await asyncio.sleep(0)


Handler = Callable[[Seen], Reply]
