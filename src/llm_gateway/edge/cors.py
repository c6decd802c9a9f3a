"""Which web pages may read our answers (the CORS protocol of the Fetch standard, https://fetch.spec.whatwg.org/#http-cors-protocol)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from llm_gateway.edge.plain import Plain
from llm_gateway.http.headers import header

ANY = "*"
METHODS = ("GET", "HEAD", "POST", "OPTIONS")
ASKED_WITH = (
    b"Authorization, Content-Type, X-API-Key, X-Goog-Api-Key, X-Request-ID, X-API-Version, Idempotency-Key, OpenAI-Beta, "
    b"Anthropic-Version, Anthropic-Beta, X-Gateway-Metadata, X-Gateway-Strict, "
    b"X-Gateway-Strategy, X-Gateway-Providers, X-Gateway-Exclude, X-Gateway-Fallback, X-Gateway-Max-Retries, "
    b"X-Gateway-Max-Cost, X-Gateway-Deadline, X-Gateway-Priority, X-Gateway-Session, X-Session-ID"
)
EXPOSED = (
    b"X-Request-ID, X-Provider, X-Latency-Ms, X-Failover, Retry-After, "
    b"X-Gateway-Version, X-Gateway-Provider, X-Gateway-Model, X-Gateway-Latency-Ms, "
    b"X-Gateway-Retries, X-Gateway-Failover, X-Gateway-Dropped, X-Gateway-Estimated, "
    b"X-Gateway-Decision, X-Gateway-Requested-Model, X-Cache, X-Cache-TTL, Age, "
    b"Deprecation, Sunset, Warning, Link"
)
_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://[^\s/?#@,*]+")
_NAMES = re.compile(rb"[A-Za-z0-9!#$%&'*+.^_`|~, \t-]{1,2048}")
_VARY = header(b"Vary", b"Origin")


class Cors:
    """The policy. No origins: no page of another origin may read anything, which is what a browser does without these headers."""

    def __init__(
        self,
        origins: Iterable[str] = (),
        *,
        methods: Iterable[str] = METHODS,
        headers: Iterable[str] = (ANY,),
        expose: Iterable[str] = (ANY,),
        credentials: bool = False,
        max_age: int = 600,
    ) -> None:
        """`origins`: exact (`https://app.example`), or "*" for all. `max_age`: seconds a browser may remember a preflight.

        `headers` with "*": whatever a page asks for; `expose` with "*": all headers that the gateway gives.

        Raises ValueError for an origin that no browser would send, and for credentials together with "*".
        """
        names = tuple(origins)
        self._any = ANY in names
        if self._any and credentials:
            raise ValueError('credentials cannot be allowed together with the origin "*": name the origins')
        allowed = _VARY + (b"Access-Control-Allow-Credentials: true\r\n" if credentials else b"")
        exposed = ", ".join(expose)
        allowed += header(b"Access-Control-Expose-Headers", EXPOSED if ANY in exposed else exposed.encode("ascii"))
        self._methods = ", ".join(methods).encode("ascii")
        named = tuple(headers)
        self._headers = None if ANY in named else ", ".join(named).encode("ascii")
        self._lines: dict[bytes, bytes] = {}
        for name in names:
            if name != ANY and not _ORIGIN.fullmatch(name):
                raise ValueError(
                    'an origin is a lower-case "scheme://host" or "scheme://host:port" and nothing behind it, or "*"'
                )
            self._lines[name.encode("ascii")] = header(b"Access-Control-Allow-Origin", name.encode("ascii")) + allowed
        # Vary also where nothing is allowed: a shared cache must not give this answer to an origin that is.
        self._others = self._lines[b"*"] if self._any else _VARY if names else b""
        self._max_age = header(b"Access-Control-Max-Age", str(max_age).encode())

    def lines(self, origin: bytes) -> bytes:
        """Header lines of any answer, preflights and errors included, to a request with this Origin."""
        return self._lines.get(origin, self._others) if not self._any else self._others

    def allows(self, origin: bytes) -> bool:
        """Whether pages of this Origin may call; for what a browser does without asking first."""
        return self._any or origin in self._lines

    def preflight(self, headers: Mapping[bytes, bytes]) -> Plain:
        """The answer to OPTIONS, without what `lines` adds. Named headers are echoed: SDKs in browsers send many of their own."""
        origin = headers.get(b"origin")
        answer = header(b"Allow", ", ".join(METHODS).encode("ascii"))
        if origin is None and self._any:
            answer += self._others  # nobody's preflight, but the answer would be the same for everybody
        if (origin is None or origin not in self._lines) and not self._any:
            return Plain(204, answer, b"")
        names = self._headers
        if names is None:
            wanted = headers.get(b"access-control-request-headers", b"")
            names = wanted if _NAMES.fullmatch(wanted) else ASKED_WITH
        answer += header(b"Access-Control-Allow-Methods", self._methods) + header(b"Access-Control-Allow-Headers", names)
        return Plain(204, answer + self._max_age + b"Vary: Access-Control-Request-Headers\r\n", b"")
