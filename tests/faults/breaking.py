"""Providers whose streams break off, and what one request to them came to: for the tests of docs/STREAM-CONTRACT.md."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Any

import msgspec

from llm_gateway.core import events as ev
from llm_gateway.core.usage import Usage
from providers.legs import stream
from scripted_upstream import ASK, CLOSE
from scripted_upstream import Upstream as Server
from serving import run
from whole_gateway import CHAT, KEY, LAST, MESSAGES, SSE_HEAD, chat, chunk, whole_gateway

SHOWN = "The sky is blue"
WHOLE = "The sky is blue because of the air."
NDJSON = b"HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n"
ASKED: dict[str, tuple[str, Any]] = {
    "openai_chat": (CHAT, chat(stream=True, stream_options={"include_usage": True})),
    "anthropic_messages": (MESSAGES, chat(stream=True, max_tokens=50)),
    "gemini": ("/v1beta/models/m:streamGenerateContent?alt=sse", {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}),
    "ollama_chat": ("/api/chat", {"model": "m", "messages": [{"role": "user", "content": "hi"}]}),
}
KINDS = {"openai_chat": "openai_compatible", "anthropic_messages": "anthropic", "gemini": "gemini", "ollama_chat": "ollama"}
"""Types of provider by the dialect they speak."""


def cut(*events: ev.Event, back: str = "openai_chat", how: Any = CLOSE) -> list[Any]:
    """A provider that breaks off behind these."""
    return [ASK, SSE_HEAD, chunk(stream(back, *events, whole=False)), how]


def full(*events: ev.Event, back: str = "openai_chat", usage: Usage | None = None) -> list[Any]:
    """A provider's whole answer."""
    return [ASK, SSE_HEAD + chunk(stream(back, *events, usage=usage)) + LAST]


class World:
    """What one request came to."""

    def __init__(self, body: bytes, line: dict[str, Any], providers: Sequence[Server]) -> None:
        self.body = body
        self.line = line
        self.providers = providers

    def asked(self, number: int, time: int = 0) -> Any:
        """What a provider was sent."""
        return msgspec.json.decode(self.providers[number].requests[time][1].partition(b"\r\n\r\n")[2])


def ask(
    *scripts: Sequence[Any],
    front: str = "openai_chat",
    kinds: Sequence[str] = (),
    on_cut: str = "continue",
    body: Any = None,
    **alias: Any,
) -> World:
    """One request to providers with these scripts, in order; a script may be several, one for each connection."""
    found: list[World] = []

    async def main() -> None:
        async with AsyncExitStack() as stack:
            each = [script if isinstance(script[0], list) else [script] for script in scripts]
            providers = [await stack.enter_async_context(Server(*connections)) for connections in each]
            names = [f"p{number}" for number in range(len(providers))]
            types = [kinds[number] if number < len(kinds) else "openai_compatible" for number in range(len(providers))]
            document = {
                "providers": {
                    name: {"type": kind, "base_url": server.url, "api_key": "sk-secret"}
                    for name, kind, server in zip(names, types, providers, strict=True)
                },
                "models": {"m": {"deployments": [f"{name}/real" for name in names], "retries": 0, "on_cut": on_cut, **alias}},
                "auth": {"keys": [{"name": "tests", "key": KEY}]},
            }
            gateway = await stack.enter_async_context(whole_gateway(document))
            path, asked = ASKED[front]
            status, _, data = await gateway.post(path, body or asked)
            assert status == 200, data
            found.append(World(data, gateway.access()[-1], providers))

    run(main)
    return found[0]
