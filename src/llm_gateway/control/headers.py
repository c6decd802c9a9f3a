"""What every answer of the control plane says to browsers, as plain ASGI around whatever answers.

Sources: RFC 6797 (HSTS), the Fetch standard (nosniff), CSP Level 3, and OWASP's list of secure headers. An answer that says
something itself keeps it: a page may need another policy.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Asgi = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

_EVERYWHERE = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"strict-origin-when-cross-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"x-xss-protection", b"0"),  # the filter it switches is gone, and was a hole where it is not
    (b"cache-control", b"no-store"),
)
_STRICT_TRANSPORT = (b"strict-transport-security", b"max-age=31536000; includeSubDomains")
_PAGES = (b"content-security-policy", b"default-src 'self'; frame-ancestors 'none'; base-uri 'self'; form-action 'self'")
_OTHERS = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")
_NOT_TOLD = frozenset({b"server", b"x-powered-by"})


class SecurityHeaders:
    """The outermost layer. Answers that begin are given the headers that they do not have."""

    def __init__(self, app: Asgi, *, tls: bool) -> None:
        """`tls`: callers reach it over HTTPS."""
        self._app = app
        self._always = (*_EVERYWHERE, _STRICT_TRANSPORT) if tls else _EVERYWHERE

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def started(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = self._completed(message.get("headers", ()))
            await send(message)

        await self._app(scope, receive, started)

    def _completed(self, given: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        headers = [(name, value) for name, value in given if name.lower() not in _NOT_TOLD]
        said = {name.lower(): value for name, value in headers}
        policy = _PAGES if said.get(b"content-type", b"").startswith(b"text/html") else _OTHERS
        headers += [(name, value) for name, value in (*self._always, policy) if name not in said]
        return headers
