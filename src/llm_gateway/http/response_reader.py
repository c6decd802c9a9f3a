"""Reading responses off a connection: what llhttp finds, checked for what it lets pass.

The parser is llhttp in its strict mode, which refuses two lengths, a length beside chunks, folded or bare-LF lines
and broken chunks (RFC 9112). What it lets pass and we do not: other transfer codings than one "chunked" (we never
offer any), chunks over HTTP/1.0, other versions, upgrades, unlimited heads, and bytes after the end of an answer.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from httptools import HttpResponseParser

from llm_gateway.http.client_limits import ClientLimits
from llm_gateway.http.errors import HttpError, ProtocolViolation, TooLarge
from llm_gateway.http.response import Response


class _Stop(Exception):
    """Not an error: the way to stop the parser from inside a callback."""


class ResponseReader:
    """The half of a client connection that understands bytes; ClientConnection is the half that has a socket.

    `headers` is the head being read, None once it is complete; `parts` takes the body; both belong to `response`.
    """

    __slots__ = ("_fault", "_feed", "_joined", "_keep", "_limits", "_overhead", "_parser", "headers", "parts", "response")

    def __init__(self, limits: ClientLimits) -> None:
        self._limits = limits
        self._parser: Any = HttpResponseParser(self)
        self._feed: Callable[[bytes], None] = self._parser.feed_data
        self.response: Response | None = None
        self.headers: dict[bytes, bytes] | None = None
        self.parts: list[bytes] = []
        self._keep = False  # the connection may serve another request after this one
        self._fault: HttpError | None = None
        self._joined = 0  # repeated header lines of this head
        self._overhead = 0  # bytes read since the last body byte: head, chunk sizes, trailers

    def _drop_parser(self) -> None:
        """The parser holds our methods and we hold it: without this only the collector would free a connection."""
        self._parser = None
        self._feed = _closed

    # ---- parser callbacks

    def on_message_begin(self) -> None:
        if self.response is None or self.response.complete:
            raise _Stop

    def on_header(self, name: bytes, value: bytes) -> None:
        headers = self.headers
        if headers is None:
            return  # a trailer: nothing we act on may come from there (RFC 9110 section 6.5.1)
        name = name.lower()
        if name in headers:
            self._joined += 1
            if self._joined > self._limits.header_count:
                self._refuse(TooLarge("the response has too many header lines"))
            headers[name] += b", " + value.rstrip(b" \t")
        elif name != b"set-cookie":
            headers[name] = value.rstrip(b" \t")

    def on_headers_complete(self) -> None:
        response, headers = self.response, self.headers
        if response is None or headers is None:
            raise _Stop
        status = self._parser.get_status_code()
        if status < 200:
            if status < 100 or status == 101:
                self._refuse(ProtocolViolation("the response has a status nobody asked for"))
            headers.clear()  # an interim answer: the final one follows
            return
        if len(headers) > self._limits.header_count:
            self._refuse(TooLarge("the response has too many headers"))
        if self._overhead > self._limits.head_bytes:
            self._check_head_size(headers)
        self._keep = keep = self._parser.should_keep_alive()
        if not keep or b"connection" in headers:
            self._check_version(headers)
        if b"content-length" not in headers:
            coding = headers.get(b"transfer-encoding")
            if coding is None:
                response.delimited_by_close = status not in {204, 304}
            elif coding.lower() != b"chunked":
                self._refuse(ProtocolViolation("the response has a transfer coding nobody offered"))
        response.status = status
        self.headers = None
        self._overhead = 0

    def on_body(self, data: bytes) -> None:
        self._overhead = 0
        self.parts.append(data)

    def on_message_complete(self) -> None:
        response = self.response
        if response is not None and self.headers is None:  # else it was an interim answer
            response.complete = True

    # ---- checks the parser leaves to us

    def _refuse(self, fault: HttpError) -> None:
        self._fault = fault
        raise _Stop

    def _check_head_size(self, headers: dict[bytes, bytes]) -> None:
        """A read larger than the cap may hold a small head and much body: count what the head really has."""
        if sum(len(name) + len(value) + 4 for name, value in headers.items()) > self._limits.head_bytes:
            self._refuse(TooLarge("the response head is over its cap"))

    def _check_version(self, headers: dict[bytes, bytes]) -> None:
        version = self._parser.get_http_version()
        if version == "1.0":
            if b"transfer-encoding" in headers:
                self._refuse(ProtocolViolation("chunks over HTTP/1.0"))
        elif version != "1.1":
            self._refuse(ProtocolViolation("the response is not HTTP/1.1"))


def _closed(_: bytes) -> None:
    """What a connection that is gone does with bytes."""
