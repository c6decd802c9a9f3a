"""Servers of files, and what comes of a URL that names one of theirs."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from typing import Any

from llm_gateway.core.chat import ChatRequest, Image, Message, Part
from llm_gateway.core.errors import Unsupported
from llm_gateway.http.client import Client, ClientLimits, Proxies, TlsTrust
from llm_gateway.http.public import GuardedResolver
from llm_gateway.providers.fetch import Fetcher, FetchRules
from llm_gateway.providers.linked import File
from llm_gateway.providers.sniff import IMAGES, KNOWN
from scripted_upstream import ASK
from scripted_upstream import Upstream as Server
from serving import run

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(64))
WANTS = {"image": IMAGES, "document": frozenset({"application/pdf", "text/plain"})}
HERE = (ipaddress.ip_network("127.0.0.0/8"),)
UNREACHABLE = "its host cannot be reached from here"
LOOKED_UP: dict[str, list[str]] = {"files.test": ["127.0.0.1"], "inside.test": ["10.0.0.1"], "none.test": []}


async def lookup(host: str, port: int) -> list[tuple[Any, ...]]:
    if host in {"0x7f.1", "2130706433"}:  # what a C library makes of it
        return [(2, 1, 0, "", ("127.0.0.1", port))]
    return [(2, 1, 0, "", (address, port)) for address in LOOKED_UP[host]]


def rules(*servers: Server, **more: Any) -> FetchRules:
    ports = frozenset({80, 443, *(server.port for server in servers)})
    base: dict[str, Any] = {"most_bytes": 10_000, "seconds": 0.3, "types": KNOWN, "ports": ports, "http": True, "also": HERE}
    return FetchRules(**{**base, **more})


def request(*parts: Part, dialect: str = "openai_chat") -> ChatRequest:
    return ChatRequest("m", (Message("user", parts),), dialect=dialect)


def fetch(
    *scripts: Any,
    url: str = "http://files.test:{port}/a.png",
    parts: Callable[[str], tuple[Part, ...]] | None = None,
    **more: Any,
) -> Any:
    """What one URL leads to, or the error; and what the server was asked."""
    got: list[Any] = []

    async def test() -> None:
        async with Server(*scripts) as server:
            place = url.format(port=server.port)
            shown = parts(place) if parts else (Image(url=place),)
            known: dict[str, File | str] = {}
            async with fetching(rules(server, **more)) as fetcher:
                try:
                    await fetcher.files(request(*shown), WANTS, known, 5)
                    got.append(known[place])
                except Unsupported as error:
                    got.append(error)
            got.append([data for _, data in server.requests])

    run(test)
    return got


class fetching:  # noqa: N801 - used as a function
    """A Fetcher with clients of its own."""

    def __init__(self, allowed: FetchRules, *, proxies: Proxies | None = None, tls: TlsTrust | None = None) -> None:
        resolver = GuardedResolver(allowed.also, ttl=0.0, lookup=lookup)
        self.client = Client(ClientLimits(idle_per_origin=0), resolver=resolver, tls=tls)
        self.shared = Client(proxies=proxies)
        self.fetcher = Fetcher(allowed, self.client, self.shared)

    async def __aenter__(self) -> Fetcher:
        return self.fetcher

    async def __aexit__(self, *_: object) -> None:
        await self.client.close()
        await self.shared.close()


def file(body: bytes = PNG, kind: str = "image/png", headers: str = "") -> list[Any]:
    return [ASK, f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n{headers}\r\n".encode() + body]


def why(error: Any) -> str:
    assert isinstance(error, Unsupported), error
    assert error.param == "messages[0].content[0].image_url.url"
    assert error.code == "media_not_fetched"
    assert error.message.startswith("The file at messages[0].content[0].image_url.url could not be fetched: ")
    return error.message.partition("fetched: ")[2]
