"""What is turned away at the door, in whose words, and who is not."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import pytest

from serving import connected, run
from whole_gateway import BEARER, CHAT, MESSAGES, Gateway, chat, one_provider, whole_gateway

NOWHERE = "http://127.0.0.1:1"


def pressed(pressure: float, test: Callable[[Gateway], Awaitable[None]], **sections: Any) -> None:
    """Against a gateway under this pressure, with a provider that is not there: what is let in is answered 5xx by it."""

    async def main() -> None:
        async with whole_gateway({**one_provider(NOWHERE), **sections}) as gateway:
            gateway.app._shedding.pressure = pressure
            await test(gateway)

    run(main)


async def get(gateway: Gateway, line: str, headers: str = "") -> int:
    async with connected(gateway.port) as raw:
        raw.send(f"{line} HTTP/1.1\r\nHost: t\r\n{headers}\r\n".encode())
        return (await raw.reply())[0]


@pytest.mark.parametrize(("path", "body"), [(CHAT, chat()), (MESSAGES, chat(max_tokens=5))])
def test_a_model_operation_is_turned_away_in_its_dialect(path, body):
    """503 overloaded with Retry-After and a request id; nobody was asked, and nobody had to show a key."""

    async def test(gateway: Gateway) -> None:
        status, headers, data = await gateway.post(path, body, headers="X-Request-ID: mine\r\n")
        assert (status, headers[b"x-request-id"]) == (503, b"mine")
        assert 1 <= int(headers[b"retry-after"]) <= 8
        error = msgspec.json.decode(data)["error"]
        assert "more to do" in error["message"]
        if path == CHAT:
            assert error["code"] == "overloaded"
        assert gateway.access() == []
        assert gateway.app._shedding.refused == [0, 1, 0, 0]

    pressed(4.0, test)


def test_health_is_always_answered():
    """Who asks whether the gateway is well must hear it, above all now; a browser's preflight is let through as well."""

    async def test(gateway: Gateway) -> None:
        assert await get(gateway, "GET /health/live") == 200
        for path in ("/health", "/healthz", "/health/ready", "/readyz", "/health/startup"):
            assert await get(gateway, f"GET {path}") in (200, 503)
        assert await get(gateway, "GET /health/providers", BEARER) == 200
        assert await get(gateway, f"OPTIONS {CHAT}", "Origin: https://x.example\r\n") < 300
        assert sum(gateway.app._shedding.refused) == 0
        assert await get(gateway, "GET /v1/models", BEARER) == 503

    pressed(4.0, test)


@pytest.mark.parametrize(("priority", "let_in"), [("low", False), ("normal", False), ("high", True), ("critical", True)])
def test_the_higher_classes_come_in(priority, let_in):
    """At a pressure of two everything below high is turned away; with a class of its own a stranger gets no further."""

    async def test(gateway: Gateway) -> None:
        status, _, data = await gateway.post(CHAT, chat(), headers=f"X-Gateway-Priority: {priority}\r\n")
        assert (status, msgspec.json.decode(data)["error"]["code"]) == (
            (401, "missing_api_key") if let_in else (503, "overloaded")
        )

    pressed(2.0, test)


def test_a_web_page_may_read_the_refusal():
    """Without the CORS lines its script would see no status at all."""

    async def test(gateway: Gateway) -> None:
        _, headers, _ = await gateway.post(CHAT, chat(), headers="Origin: https://x.example\r\n")
        assert headers[b"access-control-allow-origin"] in (b"*", b"https://x.example")

    pressed(4.0, test)


def test_without_pressure_nobody_looks_at_the_class():
    """The usual case: one number is looked at."""

    async def test(gateway: Gateway) -> None:
        gateway.app._shedding.refusal = lambda _headers: pytest.fail("asked")
        assert (await gateway.post(CHAT, chat(), headers="X-Gateway-Priority: low\r\n"))[0] == 401

    pressed(0.0, test)
