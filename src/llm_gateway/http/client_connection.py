"""One connection to an upstream: one exchange at a time, parsed strictly, with one lazy timer.

The states, by what `response` and `headers` hold:

    idle     response None                        any byte from the peer closes it
    head     response set, headers set            waiting for the final head; deadline Timeouts.head
    body     response set, headers None           deadline Timeouts.idle from the last body byte, none while held
    closed   closed True                          for good; there is no way back

The parser is llhttp in its strict mode, which refuses two lengths, a length beside chunks, folded or bare-LF lines
and broken chunks (RFC 9112). What it lets pass and we do not: other transfer codings than one "chunked" (we never
offer any), chunks over HTTP/1.0, other versions, upgrades, unlimited heads, and bytes after the end of an answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from math import inf
from typing import Any, Protocol, cast

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from llm_gateway.http.client_limits import ClientLimits, Timeouts
from llm_gateway.http.errors import (
    ConnectionLost,
    DeadlineExceeded,
    HeadTimeout,
    HttpError,
    IdleTimeout,
    ProtocolViolation,
    TooLarge,
)
from llm_gateway.http.response import Response

_ONE_WRITE = 64 * 1024  # up to here copying head and body together is cheaper than handing over two buffers
_TICK = 0.001  # uvloop rounds its timers to milliseconds


class Owner(Protocol):
    """The pool, as a connection sees it."""

    def give_back(self, connection: ClientConnection) -> None: ...
    def dropped(self, connection: ClientConnection) -> None: ...


class _Stop(Exception):
    """Not an error: the way to stop the parser from inside a callback."""


class ClientConnection(asyncio.Protocol):
    """See the module's docstring. `ask` begins an exchange; `closed` and `reused` are for the pool."""

    __slots__ = (
        "_due",
        "_fault",
        "_feed",
        "_held",
        "_idle",
        "_joined",
        "_keep",
        "_limit_at",
        "_limits",
        "_loop",
        "_overhead",
        "_owner",
        "_parser",
        "_timer",
        "_timer_at",
        "_total_at",
        "_waiter",
        "closed",
        "headers",
        "parts",
        "response",
        "reused",
        "transport",
    )

    def __init__(self, loop: asyncio.AbstractEventLoop, owner: Owner, limits: ClientLimits) -> None:
        self._loop = loop
        self._owner = owner
        self._limits = limits
        self.transport = cast("asyncio.Transport", None)  # set by connection_made, before anyone else sees us
        self._parser: Any = HttpResponseParser(self)
        self._feed: Callable[[bytes], None] = self._parser.feed_data
        self.closed = False
        self.reused = False
        self.response: Response | None = None
        self.headers: dict[bytes, bytes] | None = None
        self.parts: list[bytes] = []
        self._waiter: asyncio.Future[None] | None = None
        self._keep = False
        self._held = False
        self._fault: HttpError | None = None
        self._joined = 0  # repeated header lines of this head
        self._overhead = 0  # bytes read since the last body byte: head, chunk sizes, trailers
        self._idle = 0.0
        self._due = inf  # of the state we are in, loop.time()
        self._total_at = self._limit_at = inf
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = inf

    # ---- the exchange

    def ask(
        self, response: Response, head: bytes, body: bytes, timeouts: Timeouts, now: float, total_at: float
    ) -> asyncio.Future[None]:
        """Send a request; the future is done when `response` has its head, or fails with an HttpError.

        `response.channel` is this connection; to give up, close `response`. `total_at` is a loop.time(), inf for none.
        """
        self.response = response
        self.headers = response.headers
        self.parts = response.parts
        self._overhead = self._joined = 0
        self._idle = timeouts.idle
        self._due = due = now + timeouts.head
        self._total_at = self._limit_at = total_at
        if due < self._timer_at or total_at < self._timer_at:
            self._arm(min(due, total_at))
        waiter = self._waiter = self._loop.create_future()
        if len(body) < _ONE_WRITE:
            self.transport.write(head + body)
        else:
            self.transport.writelines((head, body))
        return waiter

    def data_received(self, data: bytes) -> None:
        response = self.response
        if response is None:
            self.retire()  # nobody asked: whatever this is, it must not become the next request's answer
            return
        self._overhead += len(data)
        try:
            self._feed(data)
        except (HttpParserError, HttpParserUpgrade):
            if not response.complete:
                self._fail(self._refusal(data))
                return
            self._keep = False  # bytes behind a complete message
        if response.complete:
            waiter = self._waiter
            self._finish(response)
            if waiter is None:
                response.arrived()
            elif not waiter.done():
                waiter.set_result(None)
        else:
            self._progress(response)

    def _progress(self, response: Response) -> None:
        """The read did not complete the message: keep time and size, and pass on what there is."""
        if self._overhead == 0:  # body bytes, or the head just ended
            if not self._held:
                self._due = due = self._loop.time() + self._idle
                if due < self._timer_at:
                    self._arm(due)
        elif self._overhead > self._limits.head_bytes:
            self._fail(TooLarge("the response head, or what stands between its chunks, is over its cap"))
            return
        elif self.headers is not None:
            return
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)
        response.arrived()

    def eof_received(self) -> bool:
        response = self.response
        if response is None:
            self.retire()
        elif self.headers is None and response.delimited_by_close:
            response.complete = True
            self._keep = False
            self._finish(response)
            response.arrived()
        else:
            self._fail(self._lost("the connection was closed before the answer was complete"))
        return False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - its text may hold an address
        if self.response is not None:
            self._fail(self._lost("the connection was lost before the answer was complete"))
        else:
            self.retire()
        # The parser holds our methods and we hold it: without this only the collector would free a connection.
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

    # ---- Channel: what the response asks for

    def abort(self) -> None:
        self.response = self._waiter = None
        self.retire()

    def hold(self) -> None:
        if not self._held and not self.transport.is_closing():
            self._held = True
            self._due = inf
            self.transport.pause_reading()

    def go_on(self) -> None:
        if self._held and not self.transport.is_closing():
            self._held = False
            self._due = due = self._loop.time() + self._idle
            if due < self._timer_at:
                self._arm(due)
            self.transport.resume_reading()

    def limit(self, at: float | None) -> None:
        self._limit_at = at = self._total_at if at is None else min(at, self._total_at)
        if at < self._timer_at:
            self._arm(at)

    # ---- endings

    def _finish(self, response: Response) -> None:
        """The message is complete. The connection is free for the next one if nothing at all is doubtful about it."""
        response.channel = None
        self.response = self._waiter = None
        self._limit_at = inf
        transport = self.transport
        # Bytes still to be sent: the peer answered early and does not want the rest of the request.
        if not self._keep or transport.is_closing() or transport.get_write_buffer_size():
            self.retire()
            return
        self.reused = True
        if self._held:
            self.go_on()
        self._due = due = self._loop.time() + self._limits.idle_expiry
        if due < self._timer_at:
            self._arm(due)
        self._owner.give_back(self)

    def _fail(self, error: HttpError) -> None:
        response, waiter = self.response, self._waiter
        self.response = self._waiter = None
        self.retire()
        error.sent = True
        error.started = self.headers is None
        if waiter is not None:
            if not waiter.done():
                waiter.set_exception(error)
        elif response is not None:
            response.broken(error)

    def retire(self) -> None:
        """Close for good. Abort rather than close: nothing of ours is worth waiting for a peer's farewell."""
        if not self.closed:
            self.closed = True
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            self.transport.abort()
            self._owner.dropped(self)

    def shut(self) -> None:
        """The client is being closed."""
        if self.response is not None:
            self._fail(ConnectionLost("the client is closed"))
        else:
            self.retire()

    @property
    def gone(self) -> bool:
        """The transport has said goodbye."""
        return self._parser is None

    def _lost(self, message: str) -> ConnectionLost:
        return ConnectionLost(message, stale=self.reused and self._overhead == 0 and self.headers is not None)

    def _refusal(self, data: bytes) -> HttpError:
        if self._fault is not None:
            return self._fault
        first = self._overhead == len(data) and self.headers is not None
        if first and self.reused and not data.startswith(b"HTTP/"):
            return ConnectionLost("bytes of an earlier answer came late", stale=True)
        return ProtocolViolation("the response is not well-formed HTTP/1.1")

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

    # ---- the one timer

    def _arm(self, at: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer_at = at
        self._timer = self._loop.call_at(at, self._tick)

    def _tick(self) -> None:
        """Armed for some earlier exchange, most of the time; then armed again for what is waited for now."""
        self._timer = None
        self._timer_at = inf
        due = min(self._due, self._limit_at)
        if due > self._loop.time() + _TICK:
            if due < inf:
                self._arm(due)
        elif self.response is None:
            self.retire()
        elif self._limit_at <= self._due:
            self._fail(DeadlineExceeded("the deadline for this answer passed"))
        elif self.headers is not None:
            self._fail(HeadTimeout("no response head in time"))
        else:
            self._fail(IdleTimeout("the body stalled"))


def _closed(_: bytes) -> None:
    """What a connection that is gone does with bytes."""
