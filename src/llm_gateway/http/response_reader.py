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
from llm_gateway.http.response import Response, headers_in


class _Stop(Exception):
    """Not an error: the way to stop the parser from inside a callback."""


_LEAST = 4  # bytes of a header line
_LENGTH = b"\r\ncontent-length:"
_CODING = b"\r\ncontent-encoding:"
_TRANSFER = b"\r\ntransfer-encoding:"


class ResponseReader:
    """The half of a client connection that understands bytes; ClientConnection is the half that has a socket.

    `in_head`: the final head is not complete. `parts`: what the parser found of a body, to be emptied after each read.

    Until the head is complete, `response.head` is the read that is being parsed.

    The parser judges every line of a head, but hands none over, which would cost more than all its other work: what is needed
    here can be seen in the bytes, and few callers look at any header (Response.headers).
    """

    __slots__ = (
        "_fault",
        "_feed",
        "_keep",
        "_limits",
        "_overhead",
        "_parser",
        "_reads",
        "_repeated",
        "_short",
        "in_head",
        "on_body",
        "parts",
        "response",
    )

    def __init__(self, limits: ClientLimits) -> None:
        self._limits = limits
        self._short = min(limits.header_count * _LEAST, limits.head_bytes)  # a head within the limits, whatever is in it
        self.parts: list[bytes] = []
        self.on_body = self.parts.append  # what the parser calls
        self._parser: Any = HttpResponseParser(self)
        self._feed: Callable[[bytes], None] = self._parser.feed_data
        self.response: Response | None = None
        self.in_head = False
        self._keep = False  # the connection may serve another request after this one
        self._fault: HttpError | None = None
        self._reads: list[bytes] = []  # of a head that is not complete
        self._repeated = 0  # header lines of a name that came before, in interim heads, too
        self._overhead = 0  # bytes read since the last body byte: head, chunk sizes, trailers

    def _drop_parser(self) -> None:
        """The parser holds our methods and we hold it: without this only the collector would free a connection."""
        self._parser = None
        self._feed = _closed

    # ---- parser callbacks

    def on_message_begin(self) -> None:
        if self.response.complete:  # type: ignore[union-attr]  # without one, nothing is fed
            raise _Stop

    def on_headers_complete(self) -> None:
        if not self.in_head:
            raise _Stop
        response: Response = self.response  # type: ignore[assignment]  # as above
        data = response.head
        if self._reads:
            data = b"".join((*self._reads, data))
            self._reads.clear()
        plain = data.startswith(b"HTTP/1.1 ")
        if not plain:
            data = data.lstrip(b"\r\n")
        end = data.find(b"\r\n\r\n")
        if end < 0:  # the parser took something else for the end of a head; in strict mode it does not
            self._refuse(ProtocolViolation("the response is not well-formed HTTP/1.1"))
        parser = self._parser
        status = parser.get_status_code()
        if status < 200:
            if status < 100 or status == 101:
                self._refuse(ProtocolViolation("the response has a status nobody asked for"))
            self._count_repeated(data[: end + 2])
            response.head = data[end + 4 :]  # an interim answer: the final one follows
            return
        response.head = head = data[: end + 2]
        lower = head.lower()
        # find, because `in` tries its left side as a number first, and raises and forgets an exception over it.
        response.coded = lower.find(_CODING) >= 0
        if end > self._short or self._repeated:
            self._check_size(head, response)
        self._keep = parser.should_keep_alive()
        if not plain:
            self._check_version(response.headers)
        if lower.find(_LENGTH) < 0 and not (b"\r\ntransfer-encoding: chunked\r\n" in lower and lower.count(_TRANSFER) == 1):
            coding = response.headers.get(b"transfer-encoding")
            if coding is None:
                response.delimited_by_close = status not in {204, 304}
            elif coding.lower() != b"chunked":
                self._refuse(ProtocolViolation("the response has a transfer coding nobody offered"))
        response.status = status
        self.in_head = False

    def on_message_complete(self) -> None:
        if not self.in_head:  # else it was an interim answer
            self.response.complete = True  # type: ignore[union-attr]  # as above

    # ---- checks the parser leaves to us

    def _refuse(self, fault: HttpError) -> None:
        self._fault = fault
        raise _Stop

    def _check_size(self, head: bytes, response: Response) -> None:
        """Lines of one name count as one header, and what stands around names and values does not count."""
        limits = self._limits
        if head.count(b"\n") + self._repeated <= limits.header_count and len(head) <= limits.head_bytes:
            return
        self._count_repeated(head)
        headers = response.headers
        if len(headers) > limits.header_count:
            self._refuse(TooLarge("the response has too many headers"))
        if sum(len(name) + len(value) + 4 for name, value in headers.items()) > limits.head_bytes:
            self._refuse(TooLarge("the response head is over its cap"))

    def _count_repeated(self, head: bytes) -> None:
        lines = head.count(b"\r\n") - 1 - head.lower().count(b"\r\nset-cookie:")
        self._repeated += lines - len(headers_in(head))
        if self._repeated > self._limits.header_count:
            self._refuse(TooLarge("the response has too many header lines"))

    def _check_version(self, headers: dict[bytes, bytes]) -> None:
        version = self._parser.get_http_version()
        if version == "1.0":
            if b"transfer-encoding" in headers:
                self._refuse(ProtocolViolation("chunks over HTTP/1.0"))
        elif version != "1.1":
            self._refuse(ProtocolViolation("the response is not HTTP/1.1"))


def _closed(_: bytes) -> None:
    """What a connection that is gone does with bytes."""
