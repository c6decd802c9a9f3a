"""One connection to an upstream: one exchange at a time, parsed strictly, with one lazy timer.

The states, by `response` and `in_head`:

    idle     response None                        any byte from the peer closes it
    head     response set, in_head                waiting for the final head; deadline Timeouts.head
    body     response set, not in_head            deadline Timeouts.idle from the last body byte, none while held
    closed   closed True                          for good; there is no way back
"""

from __future__ import annotations

import asyncio
from math import inf
from typing import Protocol, cast

from httptools import HttpParserError, HttpParserUpgrade

from llm_gateway.http.body import Body
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
from llm_gateway.http.response_reader import ResponseReader
from llm_gateway.http.upload import Upload, Uploading

_ONE_WRITE = 64 * 1024  # up to here copying head and body together is cheaper than handing over pieces
_LONG_READ = 32 * 1024  # more than an event stream brings at once unless it comes faster than it can be passed on
_TICK = 0.001  # uvloop rounds its timers to milliseconds


class Owner(Protocol):
    """The pool, as a connection sees it."""

    def give_back(self, connection: ClientConnection) -> None: ...
    def dropped(self, connection: ClientConnection) -> None: ...


class ClientConnection(ResponseReader, Uploading, asyncio.BaseProtocol):
    """See the module's docstring. `ask` begins an exchange; `closed` and `reused` are for the pool.

    What is really made is one of the two at the end of this module.
    """

    __slots__ = (
        "_bulky",
        "_due",
        "_expiry",
        "_held",
        "_idle",
        "_limit_at",
        "_loop",
        "_now",
        "_owner",
        "_timer",
        "_timer_at",
        "_total_at",
        "_upload",
        "_waiter",
        "closed",
        "reused",
        "transport",
    )

    def __init__(self, loop: asyncio.AbstractEventLoop, owner: Owner, limits: ClientLimits) -> None:
        super().__init__(limits)
        self._loop = loop
        self._now = loop.time
        self._owner = owner
        self.transport = cast("asyncio.Transport", None)  # set by connection_made, before anyone else sees us
        self.closed = False
        self.reused = False
        self._waiter: asyncio.Future[None] | None = None  # whoever waits for the head
        self._bulky = False  # a request of many bytes was sent
        self._held = False  # reading is stopped
        self._upload: Upload | None = None
        self._idle = 0.0
        self._expiry = limits.idle_expiry
        self._due = inf  # of the state we are in, loop.time()
        self._total_at = self._limit_at = inf
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = inf

    # ---- the exchange

    def ask(
        self, response: Response, head: bytes, body: Body, timeouts: Timeouts, now: float, total_at: float
    ) -> asyncio.Future[None]:
        """Send a request; the future is done when `response` has its head, or fails with an HttpError.

        `response.channel` is this connection; to give up, close `response`. `total_at` is a loop.time(), inf for none.
        """
        self.response = response
        self.in_head = True
        self._overhead = self._repeated = 0
        self._idle = timeouts.idle
        self._due = due = now + timeouts.head
        self._total_at = self._limit_at = total_at
        if due < self._timer_at or total_at < self._timer_at:
            self._arm(min(due, total_at))
        waiter = self._waiter = self._loop.create_future()
        if len(body) < _ONE_WRITE:
            self.transport.write(head + body)  # type: ignore[operator]  # Pieces are longer
        else:
            self._bulky = True
            self.upload(head, body)
        return waiter

    def data_received(self, data: bytes) -> None:
        response = self.response
        if response is None:
            self.retire()  # nobody asked: whatever this is, it must not become the next request's answer
            return
        in_head = self.in_head
        if in_head:
            response.head = data
        try:
            self._feed(data)
        except (HttpParserError, HttpParserUpgrade):
            if not response.complete:
                self._fail(self._refusal(data))
                return
            self._keep = False  # bytes behind a complete message
        parts = self.parts
        if response.complete:
            response.parts += parts
            parts.clear()
            waiter = self._waiter
            self._finish(response)
            if waiter is None:
                response.arrived()
            elif not waiter.done():
                waiter.set_result(None)
            return
        if parts:
            self._overhead = 0
            if not (in_head or self._held or len(data) >= _LONG_READ):
                # Another piece of a body that is under way: what most reads of a stream are.
                self._due = due = self._now() + self._idle
                if due < self._timer_at:
                    self._arm(due)
                response.take(parts)
                return
            response.parts += parts
            parts.clear()
        elif in_head and not self.in_head:
            self._overhead = 0  # the head was all there was
        else:
            self._overhead += len(data)
        self._progress(response, len(data))

    def _progress(self, response: Response, size: int) -> None:
        """The read did not complete the message: keep time and size, and pass on what there is."""
        if self._overhead == 0:  # body bytes, or the head just ended
            if not self._held:
                self._due = due = self._now() + self._idle
                if due < self._timer_at:
                    self._arm(due)
        elif self._overhead > self._limits.head_bytes:
            self._fail(TooLarge("the response head, or what stands between its chunks, is over its cap"))
            return
        elif self.in_head:
            self._reads.append(response.head)
            return
        waiter = self._waiter
        if waiter is not None:
            self._waiter = None
            if not waiter.done():
                waiter.set_result(None)
        if size >= _LONG_READ and not self._held:
            # libuv reads up to 32 times in a row from a peer that is faster than we are; others have their turn in between.
            self.transport.pause_reading()
            self._loop.call_soon(self._read_on)
        response.arrived()

    def _read_on(self) -> None:
        if not self._held and not self.transport.is_closing():
            self.transport.resume_reading()

    def eof_received(self) -> bool:
        response = self.response
        if response is None:
            self.retire()
        elif not self.in_head and response.delimited_by_close:
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
        self._drop_parser()

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
        if self._bulky:
            # Perhaps it was refused before it was read, and then the rest of it may be taken for the next request.
            # What we still hold would prove that (below), what the kernel holds cannot be seen.
            self._bulky = False
            self._keep = self.uploaded() and self._keep and response.status < 400
        if not self._keep or self.transport.get_write_buffer_size():
            self.retire()
            return
        self.reused = True
        if self._held:
            self.go_on()
        self._due = due = self._loop.time() + self._expiry
        if due < self._timer_at:
            self._arm(due)
        self._owner.give_back(self)

    def _fail(self, error: HttpError) -> None:
        response, waiter = self.response, self._waiter
        self.response = self._waiter = None
        self.retire()
        error.sent = True
        error.started = not self.in_head
        if waiter is not None:
            if not waiter.done():
                waiter.set_exception(error)
        elif response is not None:
            response.broken(error)

    def retire(self) -> None:
        """Close for good. Abort rather than close: nothing of ours is worth waiting for a peer's farewell."""
        if not self.closed:
            self.closed = True
            self._upload = None
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
        return ConnectionLost(message, stale=self.reused and self._overhead == 0 and self.in_head)

    def _refusal(self, data: bytes) -> HttpError:
        if self._fault is not None:
            return self._fault
        if self._overhead == 0 and self.in_head and self.reused and not data.startswith(b"HTTP/"):
            return ConnectionLost("bytes of an earlier answer came late", stale=True)
        return ProtocolViolation("the response is not well-formed HTTP/1.1")

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
        due = self._due if self.response is None else min(self._due, self._limit_at)
        if due > self._loop.time() + _TICK:
            if due < inf:
                self._arm(due)
        elif self.response is None:
            self.retire()
        elif self._limit_at <= self._due:
            self._fail(DeadlineExceeded("the deadline for this answer passed"))
        elif self.in_head:
            self._fail(HeadTimeout("no response head in time"))
        else:
            self._fail(IdleTimeout("the body stalled"))


class PlainConnection(ClientConnection, asyncio.Protocol):
    """Without TLS the loop reads into a buffer of its own and hands over bytes of the right size."""

    __slots__ = ()


class TlsConnection(ClientConnection, asyncio.BufferedProtocol):
    """With TLS the loop would allocate 256 KiB for each read and give most of it back, which costs more system time
    than the decryption. So every TLS connection of a client decrypts into one buffer: it is emptied before the loop
    does anything else.
    """

    __slots__ = ("_buffer",)

    def __init__(self, loop: asyncio.AbstractEventLoop, owner: Owner, limits: ClientLimits, buffer: memoryview) -> None:
        super().__init__(loop, owner, limits)
        self._buffer = buffer

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - asyncio's signature
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        self.data_received(self._buffer[:nbytes].tobytes())
