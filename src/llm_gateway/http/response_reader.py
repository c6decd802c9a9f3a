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


# Before and after the value of Content-Length, their sizes together; status and headers.
KnownHead = tuple[bytes, bytes, int, int, dict[bytes, bytes]]

_LENGTH = b"\r\ncontent-length: "
_DIGITS = 10
_KNOWN_BYTES = 2048
_DOUBT = 32


class ResponseReader:
    """The half of a client connection that understands bytes; ClientConnection is the half that has a socket.

    `headers` is the head being read, None once it is complete; `parts` takes the body; both belong to `response`.
    """

    __slots__ = (
        "_doubt",
        "_fault",
        "_feed",
        "_joined",
        "_keep",
        "_known",
        "_limits",
        "_overhead",
        "_parser",
        "_useful",
        "headers",
        "parts",
        "response",
    )

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
        self._known: KnownHead | None = None  # the last head, if it may come again
        self._useful = False  # it did come again
        self._doubt = 0  # answers to go before a head is remembered again

    def _drop_parser(self) -> None:
        """The parser holds our methods and we hold it: without this only the collector would free a connection."""
        self._parser = None
        self._feed = _closed

    # ---- a head that came before

    # A busy server often answers with the same head many times a second, but for Content-Length. What llhttp and the checks
    # below make of a head depends on its bytes and on nothing else. So a read that is just as long as the last head and the
    # body it would announce, and begins with that very head, is that answer. llhttp sees nothing of it, and stands between
    # two messages before and after. Where every head is different (a request id), one in 33 is remembered in vain.
    # The guess at the digits of the length is wrong next to some powers of ten: such an answer is parsed, too.

    def _recognize(self, data: bytes, response: Response, known: KnownHead) -> bool:
        """Read a whole answer whose head is the last one; False, and nothing has changed, if it must be looked at closely."""
        before, after, around, status, headers = known
        size = len(data) - around - 3  # if it has three digits
        length = b"%d" % size
        if len(length) != 3:
            size += 3 - len(length)
            length = b"%d" % size
        head = before + length + after
        end = len(head)
        if size <= 0 or end + size != len(data) or not data.startswith(head):
            return False
        response.headers = headers = headers.copy()
        headers[b"content-length"] = length
        response.parts.append(data[end:])
        response.status = status
        response.complete = self._keep = self._useful = True
        self.headers = None
        return True

    def _remember(self, data: bytes, response: Response) -> None:
        """Know the head of this answer again if it was plain: one Content-Length, and all of it in one read."""
        if self._known is not None:  # and this was another
            self._known = None
            self._doubt = 0 if self._useful else _DOUBT
        if self._doubt:
            self._doubt -= 1
            return
        length = response.headers.get(b"content-length")
        parts = response.parts
        if length is None or len(parts) != 1 or length != b"%d" % len(parts[0]):
            return
        head = data[: -len(parts[0])]
        lower = head.lower()
        at = lower.find(_LENGTH) + len(_LENGTH)
        stop = at + len(length)
        if (
            at >= len(_LENGTH)
            and len(head) + _DIGITS <= min(_KNOWN_BYTES, self._limits.head_bytes)
            and head.find(b"\r\n\r\n") == len(head) - 4  # nothing interim stands before it
            and head.startswith(length + b"\r\n", at)
            and lower.find(_LENGTH, at) < 0
            and b"set-cookie" not in lower
        ):
            self._useful = False
            self._known = (head[:at], head[stop:], len(head) - len(length), response.status, response.headers.copy())

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
