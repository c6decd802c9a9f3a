"""Bytes in, requests out: one connection's reading side, without a socket.

Bytes are given to llhttp in pieces that end where, by our own reading, the head or the body ends. It must come to the
same end: where the two differ the request is refused, so nobody in front can hide a request between two parsers.
"""

from __future__ import annotations

from typing import Any, Final

import httptools

from llm_gateway.http import known_heads, request_head
from llm_gateway.http.chunked_body import ChunkWalk, too_large
from llm_gateway.http.known_heads import KnownHead
from llm_gateway.http.refusal import Refused, malformed, overloaded
from llm_gateway.http.request import Request
from llm_gateway.http.server_state import ServerState

IDLE: Final = 0  # nothing of a request has come
HEAD: Final = 1  # a head has begun
BODY: Final = 2  # the head is accepted, the body is coming
_READY: Final = 3  # a request is complete

_SMALL = 8 * 1024  # bytes that are copied faster than a memoryview is made


class RequestReader:
    """`read` takes what has arrived and gives back a request as soon as one is complete; raises Refused, and is of no use
    after that. Everything is dropped between requests: an idle connection should cost little memory.

    stage: IDLE, HEAD or BODY. held: bytes not looked at yet. charged: bytes on the server's account for the last request's
    body. keep, modern, waits: of the last head: the connection persists, the client speaks HTTP/1.1, it waits for a 100.
    """

    __slots__ = (
        "_alone",
        "_cert",
        "_complete",
        "_doubt",
        "_headers",
        "_met",
        "_need",
        "_parser",
        "_peer",
        "_repeats",
        "_request",
        "_state",
        "_walk",
        "body",
        "charged",
        "held",
        "keep",
        "modern",
        "stage",
        "waits",
    )

    def __init__(self, state: ServerState, peer: str, cert: dict[str, Any] | None) -> None:
        self._state = state
        self._peer = peer
        self._cert = cert
        self._parser: Any = httptools.HttpRequestParser(self)
        self._headers: dict[bytes, bytes] | None = None
        self._repeats = 0  # header fields beyond the first of their name
        self._request: Request | None = None
        self._need = 0  # bytes of a sized body still to come
        self._walk: ChunkWalk | None = None
        self._met: KnownHead | None = None  # the last head, if that is a known one, of HTTP/1.1, and the connection persists
        self._doubt = 0  # requests to go before a head is remembered again
        self._complete = False  # llhttp's word that the message is over
        self._alone = False  # llhttp took the head for the last of its protocol and does not read the body
        self.body: bytes | bytearray = b""
        self.held = b""
        self.charged = 0
        self.stage = IDLE
        self.keep = True
        self.modern = True
        self.waits = False

    def read(self, data: bytes) -> Request | None:
        """The next request, or None if more bytes are needed. What lies behind a request stays in `held`.

        A whole one whose head is known is made here: llhttp sees nothing of it, and stands between two messages before and after.
        """
        met = self._met
        if met is None or self.held or self.stage != IDLE:
            return self._read(data)
        before, at, behind, size, last, method, path, query, headers, notes = met.facts
        state = self._state
        stop = data.find(behind, at, last) if data.startswith(before) else -1
        if stop < 0:
            other = state.heads.find(data, at)
            if other is None or other is met:
                return self._read(data)
            self._met = other
            return self.read(data)
        digits, body = data[at:stop], data[stop + size :]
        length = len(body)
        buffered = state.buffered + length
        limits = state.limits
        # The announced length is another one, or no plain number; or it is too much.
        if digits != b"%d" % length or length > limits.body_bytes or buffered > limits.buffered_bytes:
            return self._read(data)
        state.buffered = buffered
        self.charged = length  # nothing was: the request before has been released
        headers = headers.copy()
        headers[b"content-length"] = digits
        return Request(method, path, query, headers, self._peer, state.loop.time(), self._cert, body, notes)

    def _read(self, data: bytes) -> Request | None:
        if self.held:
            data = self.held + data
            self.held = b""
        size = len(data)
        at = head = 0
        if self.stage != BODY and data:
            at = head = self._head(data)
        if self.stage == BODY and at < size:
            at = self._sized(data, at, size) if self._walk is None else self._chunks(data, at, self._walk)
        if at < size:
            self.held = data[at:]
        if self.stage != _READY:
            return None
        self.stage = IDLE
        request = self._request
        self._request = None
        if head and request is not None and request.body:
            self._remember(data[:head], request)
        return request

    def hold(self, data: bytes) -> int:
        """Keep bytes for a later `read`; the number of bytes kept so far."""
        self.held = self.held + data if self.held else data
        return len(self.held)

    def path(self) -> bytes:
        """Path of the request whose body is being read; b"" if there is none."""
        return self._request.path if self._request is not None else b""

    def release(self) -> None:
        """Take the last body off the server's account."""
        self._state.buffered -= self.charged
        self.charged = 0

    def close(self) -> None:
        """Drop everything. The parser holds bound methods of this object: a reference cycle until now."""
        self._parser = None
        self.held = self.body = b""
        self._headers = self._request = self._walk = None

    # --- heads ----------------------------------------------------------------------------------------------------

    def _head(self, data: bytes) -> int:
        """Read the head that `data` begins with; the position after it, or where to wait for more."""
        at = 0
        if self.stage == IDLE:
            if data[0] == 0x0D:
                while data.startswith(b"\r\n", at):
                    at += 2  # empty lines before a request are forgiven: RFC 9112 section 2.2
                if at == len(data) or data[at:] == b"\r":
                    return at
            self.stage = HEAD
        limits = self._state.limits
        end = data.find(b"\r\n\r\n", at) + 4
        if end < 4 or end - at > limits.head_bytes:
            request_head.check_partial(data[at:], limits)
            return at
        line = request_head.match_request_line(data, at)
        if line is None:
            raise request_head.refuse_request_line(data[at:end])
        method, target, minor = line.groups()
        if len(target) > limits.url_bytes:
            raise Refused(414, "uri_too_long", f"the request target is longer than {limits.url_bytes} bytes")
        headers = self._headers = {}
        self._repeats = 0
        self._complete = self._alone = False
        self._push(data[at:end])
        self._headers = None  # trailers find no place to go
        self._accept(method, target, minor, headers)
        return end

    def _remember(self, head: bytes, request: Request) -> None:
        """Know this head again: a plain HTTP/1.1 one with a sized body, on a connection that stays."""
        if not (self.keep and self.modern) or self._alone or b"content-length" not in request.headers:
            return
        heads = self._state.heads
        if self._met is not None:
            self._met = None
            if heads:  # not just forgotten: this head is another, and perhaps the next is, too
                self._doubt = known_heads.DOUBT
        if self._doubt:
            self._doubt -= 1
        elif len(head) + known_heads.DIGITS <= self._state.limits.head_bytes:
            self._met = heads.remember(head, request.method, request.path, request.query, request.headers)

    def _accept(self, method: bytes, target: bytes, minor: bytes, headers: dict[bytes, bytes]) -> None:
        """Every rule a head must pass before anything of its body is kept; then the request exists."""
        state = self._state
        if len(headers) + self._repeats > state.limits.header_count:
            raise Refused(431, "too_many_headers", f"the request has over {state.limits.header_count} header fields")
        if self._alone and method == b"CONNECT":
            raise Refused(501, "method_not_implemented", "this server is not a proxy")
        host = headers.get(b"host")
        if host not in state.hosts:
            request_head.check_host(host, minor)
            if host is not None:
                state.know_host(host)
        path, query = request_head.split_target(method, target, host)
        modern = self.modern = minor == b"1"
        if b"connection" in headers:
            self.keep = request_head.stays_open(method, headers, minor)
        else:
            self.keep = modern
        if not (modern and self.keep):
            self._met = None  # which is of requests that leave `keep` and `modern` as they are
        if modern and b"expect" in headers:
            request_head.check_expectation(headers[b"expect"])
            self.waits = True
        length = request_head.body_length(headers, minor)
        self._request = Request(method, path, query, headers, self._peer, state.loop.time(), self._cert)
        if self._complete != (length == 0) and not (self._alone and length > 0):
            raise malformed("the end of the request is not clear")
        if length:
            self._expect_body(headers, length)
        else:
            self.waits = False
            self.stage = _READY

    # --- bodies ---------------------------------------------------------------------------------------------------

    def _expect_body(self, headers: dict[bytes, bytes], length: int) -> None:
        limits = self._state.limits
        if b"content-encoding" in headers:
            request_head.check_coding(headers[b"content-encoding"])
        if length > (most := limits.most(self.path(), length)):
            raise too_large(most)
        if length == request_head.CHUNKED:
            self._walk = ChunkWalk(most, limits.chunk_overhead_bytes)
        elif self._state.buffered + length > limits.buffered_bytes:
            raise overloaded()
        else:  # charged as it comes: announcing much costs a client nothing, and must not cost the others their room
            self._need = length
        self.stage = BODY

    def _sized(self, data: bytes, at: int, size: int) -> int:
        part = min(self._need, size - at)
        self._charge(part)
        self._need -= part
        self._body(data[at : at + part] if part < _SMALL else memoryview(data)[at : at + part])
        if not self._need:
            self._arrived()
        return at + part

    def _body(self, piece: bytes | memoryview) -> None:
        if self._alone:
            self.on_body(bytes(piece))
        else:
            self._push(piece)

    def _chunks(self, data: bytes, at: int, walk: ChunkWalk) -> int:
        announced = walk.size
        end = walk.walk(data, at)
        self._charge(walk.size - announced)
        if end > at:
            self._push(memoryview(data)[at:end])
        if walk.over:
            self._walk = None
            self._arrived()
        elif self._complete:
            raise malformed("the end of the request body is not clear")
        return end

    def _arrived(self) -> None:
        """The body is here by our reading; it must be by llhttp's."""
        if not self._complete or self._request is None:
            raise malformed("the end of the request body is not clear")
        self._request.body = bytes(self.body)
        self.body = b""
        self.waits = False
        self.stage = _READY

    def _charge(self, size: int) -> None:
        """Put `size` more bytes on the server's account of held bodies."""
        state = self._state
        if state.buffered + size > state.limits.buffered_bytes:
            raise overloaded()
        state.buffered += size
        self.charged += size

    # --- llhttp ---------------------------------------------------------------------------------------------------

    def _push(self, piece: bytes | memoryview) -> None:
        """Give llhttp a piece that ends no later than the message does."""
        try:
            self._parser.feed_data(piece)
        except httptools.HttpParserUpgrade:
            # Its way to say that an offer to switch protocols ends HTTP here. We do not switch, so it does not.
            self._alone = True
        except httptools.HttpParserInvalidMethodError:
            raise Refused(501, "method_not_implemented", "the request method is not known") from None
        except httptools.HttpParserError as error:
            if isinstance(error.__context__, Refused):  # raised in a callback below
                raise error.__context__ from None
            raise malformed(f"the request is malformed: {error}") from None

    def on_header(self, name: bytes, value: bytes) -> None:
        """Llhttp's callback, once for each header field and trailer."""
        headers = self._headers
        if headers is None:
            return
        name = name.lower()
        bare = value.rstrip()
        if bare is value and name not in headers:
            headers[name] = value
        else:
            self._odd_header(headers, name, bare, blanks=bare is not value)

    def _odd_header(self, headers: dict[bytes, bytes], name: bytes, value: bytes, *, blanks: bool) -> None:
        """A field with blanks after its value, or that came before."""
        if blanks and name in request_head.SINGLE:
            raise malformed(f"{name.decode()} has blanks after its value")
        if name not in headers:
            headers[name] = value
            return
        if name in request_head.SINGLE:
            raise malformed(f"{name.decode()} is given twice")
        self._repeats += 1
        headers[name] += (b"; " if name == b"cookie" else b", ") + value

    def on_body(self, data: bytes) -> None:
        """Llhttp's callback for body bytes."""
        if not self.body:
            self.body = data
            return
        if isinstance(self.body, bytes):
            self.body = bytearray(self.body)  # one growing buffer: a list of tiny chunks would cost many times their bytes
        self.body += data

    def on_message_complete(self) -> None:
        """Llhttp's callback at the end of a message."""
        self._complete = True
