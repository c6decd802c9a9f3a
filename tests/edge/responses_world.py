"""A gateway before a scripted provider of the Responses API, for tests of what is kept."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

import msgspec

from serving import connected
from whole_gateway import BEARER, KEY, Answered, Gateway, answer

OTHER = "sk-gateway-other-0123456789"


_MODELS = MappingProxyType({"m": "here/x", "n": "there/x", "c": "chat/x", "g": "gpu/x"})


def configuration(url: str, *, keys: int = 1, **sections: Any) -> dict[str, Any]:
    """ "m" is at `here`, "n" at `there`, both of them OpenAI's API at `url`; "c" and "g" speak Chat only, and "g" knows reasoning."""
    provider = {"type": "openai", "base_url": url, "api_key": "sk-provider-secret"}
    named = [{"name": "tests", "key": KEY}, {"name": "other", "key": OTHER}]
    models = {name: {"deployments": [where], "retries": 0} for name, where in _MODELS.items()}
    return {
        "providers": {
            "here": provider,
            "there": provider,
            "chat": {"type": "openai_compatible", "base_url": url},
            "gpu": {"type": "vllm", "base_url": url},
        },
        "models": models,
        "auth": {"keys": named[:keys]},
        **sections,
    }


def made(ident: str = "resp_1", text: str = "hello", status: str = "completed", **more: Any) -> dict[str, Any]:
    """A response as its provider gives it."""
    part = {"type": "output_text", "text": text, "annotations": []}
    message = {"id": f"msg_{ident}", "type": "message", "role": "assistant", "status": "completed", "content": [part]}
    return {
        "id": ident,
        "object": "response",
        "created_at": 1,
        "model": "x",
        "status": status,
        "error": None,
        "output": [message] if status == "completed" else [],
        "previous_response_id": None,
        "store": True,
        **more,
    }


def said(ident: str = "resp_1", **more: Any) -> bytes:
    """The same as an HTTP message."""
    return answer(made(ident, **more))


async def call(gateway: Gateway, method: str, path: str, headers: str = BEARER) -> Answered:
    """A request without a body."""
    async with connected(gateway.port) as raw:
        raw.send(f"{method} {path} HTTP/1.1\r\nHost: t\r\nContent-Length: 0\r\n{headers}\r\n".encode("latin-1"))
        return await raw.reply()


async def create(gateway: Gateway, model: str = "m", *, headers: str = BEARER, **more: Any) -> Answered:
    """POST /v1/responses."""
    return await gateway.post("/v1/responses", {"model": model, "input": "hi", **more}, headers)


def error_of(answered: Answered) -> dict[str, Any]:
    error: dict[str, Any] = msgspec.json.decode(answered[2])["error"]
    return error


def sent(request: bytes) -> dict[str, Any]:
    """The body of a request that an upstream read."""
    body: dict[str, Any] = msgspec.json.decode(request.partition(b"\r\n\r\n")[2])
    return body
