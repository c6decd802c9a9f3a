"""The request as it goes on the wire: request line, Host, the caller's headers, Content-Length."""

from __future__ import annotations

import re

from llm_gateway.http.origin import Origin, bracketed
from llm_gateway.http.proxy import Proxy

_METHOD = re.compile(rb"[A-Z]+")
_TARGET = re.compile(rb"/[!-~]*")
_WITH_BODY = frozenset({b"POST", b"PUT", b"PATCH"})
_REMEMBERED = 256


class RequestLines:
    """Renders request heads for one origin, and remembers the part that is the same for every request to a target.

    Through a proxy a plain `http` origin is asked for in absolute form with the proxy's credentials (RFC 9112
    section 3.2.2); a tunnelled `https` origin sees an ordinary request.
    """

    __slots__ = ("_host", "_known", "_prefix")

    def __init__(self, origin: Origin, proxy: Proxy | None) -> None:
        self._known: dict[tuple[bytes, bytes], bytes] = {}
        self._host = b"Host: %b\r\n" % origin.authority
        self._prefix = b""
        if proxy is not None and origin.scheme == "http":
            self._prefix = f"http://{bracketed(origin.host)}:{origin.port}".encode("ascii")
            self._host += proxy.authorization

    def render(self, method: bytes, target: bytes, headers: bytes, length: int) -> bytes:
        """The whole head. `headers` are clean lines, each ending in CRLF.

        Raises ValueError for a target or method that could be read as something else.
        """
        begin = self._known.get((method, target)) or self._begin(method, target)
        if length or method in _WITH_BODY:
            return b"%bContent-Length: %d\r\n%b\r\n" % (begin, length, headers)
        return b"%b%b\r\n" % (begin, headers)

    def _begin(self, method: bytes, target: bytes) -> bytes:
        if not _METHOD.fullmatch(method) or method == b"CONNECT":
            raise ValueError("not a method this client sends")
        if not _TARGET.fullmatch(target) or b"#" in target:
            raise ValueError("a request target must begin with / and hold neither spaces nor control characters")
        if len(self._known) >= _REMEMBERED:
            self._known.clear()
        begin = b"%b %b%b HTTP/1.1\r\n%b" % (method, self._prefix, target, self._host)
        self._known[method, target] = begin
        return begin
