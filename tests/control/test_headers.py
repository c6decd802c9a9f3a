"""What every answer of the control plane says to browsers."""

from __future__ import annotations

import asyncio
from typing import Any

from llm_gateway.control.headers import SecurityHeaders


async def page(_scope: Any, _receive: Any, send: Any, headers: list[tuple[bytes, bytes]] | None = None) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": headers or [(b"content-type", b"application/json")]})
    await send({"type": "http.response.body", "body": b"{}"})


def answer(app: Any = page, *, tls: bool = False) -> tuple[int, dict[bytes, bytes]]:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        raise AssertionError

    scope = {"type": "http", "headers": [(b"host", b"localhost")]}
    asyncio.run(SecurityHeaders(app, tls=tls)(scope, receive, send))
    assert len(sent) == 2
    return sent[0]["status"], dict(sent[0]["headers"])


def test_every_answer_has_them():
    """Requirements X2, on an answer that says nothing itself."""
    _, headers = answer()
    assert headers[b"x-content-type-options"] == b"nosniff"
    assert headers[b"x-frame-options"] == b"DENY"
    assert headers[b"referrer-policy"] == b"strict-origin-when-cross-origin"
    assert headers[b"content-security-policy"].startswith(b"default-src 'none'")
    assert headers[b"cache-control"] == b"no-store"
    assert b"strict-transport-security" not in headers


def test_over_https_it_stays_https():
    """HSTS for a year, only where it is true."""
    assert answer(tls=True)[1][b"strict-transport-security"] == b"max-age=31536000; includeSubDomains"


def test_pages_may_load_what_is_ours():
    """HTML has a policy with which it can work, and which nobody may frame."""

    async def html(scope: Any, receive: Any, send: Any) -> None:
        await page(scope, receive, send, [(b"content-type", b"text/html; charset=utf-8")])

    policy = answer(html)[1][b"content-security-policy"]
    assert policy.startswith(b"default-src 'self'")
    assert b"frame-ancestors 'none'" in policy


def test_what_an_answer_says_itself_stays_but_not_what_runs_here():
    """A page's own policy is kept; Server is never told."""

    async def own(scope: Any, receive: Any, send: Any) -> None:
        await page(
            scope,
            receive,
            send,
            [(b"Content-Security-Policy", b"mine"), (b"Server", b"uvicorn"), (b"Cache-Control", b"max-age=5")],
        )

    _, headers = answer(own)
    assert headers[b"Content-Security-Policy"] == b"mine"
    assert headers[b"Cache-Control"] == b"max-age=5"
    assert {b"content-security-policy", b"cache-control", b"Server", b"server"}.isdisjoint(headers)


def test_what_is_no_request_passes():
    """Lifespan and others are not touched."""
    seen: list[Any] = []

    async def inner(scope: Any, _receive: Any, _send: Any) -> None:
        seen.append(scope)

    asyncio.run(SecurityHeaders(inner, tls=False)({"type": "lifespan"}, None, None))  # type: ignore[arg-type]
    assert seen == [{"type": "lifespan"}]
