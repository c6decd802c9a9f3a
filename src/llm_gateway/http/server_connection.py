"""One client connection on the server's side: one request at a time, its endings, timeouts and back-pressure.

What ends each phase when its time is over:

    IDLE    nothing of a request has come                     idle_timeout: closed
    HEAD    a head has begun                                  head_timeout: 408
    BODY    the head is accepted, the body is coming          body_timeout: 408
    BUSY    a handler runs; bytes that come meanwhile wait    write_timeout while the client reads nothing: cut
    LINGER  the last answer is sent; what comes is dropped    linger_timeout: cut
    OPEN    an upgraded connection is its taker's             write_timeout, as above
"""

from __future__ import annotations

import asyncio
import socket
import struct
from asyncio import Task
from math import inf
from typing import Any, Final

from llm_gateway.http.refusal import Refused, advice
from llm_gateway.http.reply import Reply, Taker
from llm_gateway.http.request import Request
from llm_gateway.http.request_reader import BODY, HEAD, IDLE, RequestReader
from llm_gateway.http.server_state import ServerState

BUSY: Final = 4
LINGER: Final = 5
OPEN: Final = 6

_RESET = struct.pack("ii", 1, 0)  # SO_LINGER on, zero seconds: close() sends a reset


class ServerConnection(asyncio.Protocol):
    """The protocol of one accepted connection, and the wire of its replies."""

    __slots__ = (
        "_phase",
        "_reader",
        "_reply",
        "_since",
        "_state",
        "_stuck",
        "_taker",
        "_task",
        "_transport",
        "deadline",
        "keep",
        "lines",
        "paused",
    )

    def __init__(self, state: ServerState) -> None:
        self._state = state
        self._transport: Any = None
        self._reader: Any = None  # RequestReader, from connection_made on; Any spares the hot path an assertion
        self._phase = IDLE
        self._reply: Reply | None = None
        self._task: asyncio.Task[None] | None = None
        self._taker: Taker | None = None
        self._since = 0.0  # when the body began
        self._stuck = 0  # unsent bytes when the write deadline was set
        self.keep = True
        self.lines = state.lines
        self.paused = False
        self.deadline = inf

    # --- asyncio's side -------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        state = self._state
        self._transport = transport
        if state.draining or len(state.members) >= state.limits.connections:
            self._phase = LINGER
            if not state.draining:
                self._answer(Refused(503, "too_many_connections", "the server has no room for a connection"), b"")
            self._transport.close()
            return
        state.members.add(self)
        state.quiet.clear()
        self._transport.set_write_buffer_limits(high=state.limits.write_high_water)
        peer = transport.get_extra_info("peername")
        host = peer[0] if isinstance(peer, tuple) else ""
        self._reader = RequestReader(state, host, transport.get_extra_info("peercert") or None)
        self.deadline = state.loop.time() + state.limits.idle_timeout

    def data_received(self, data: bytes) -> None:
        if self._phase >= BUSY or self.paused:
            if self._taker is not None:
                self._taker.feed(data)
            # A client that sends far ahead, or does not read its answers, is not read from either.
            elif self._phase != LINGER and self._reader.hold(data) > self._state.limits.pipeline_bytes:
                self._transport.pause_reading()
            return
        reader = self._reader
        try:
            request = reader.read(data)
        except Refused as refused:
            self._refuse(refused)
            return
        if request is None:
            self._wait(reader.stage)
            return
        state = self._state
        state.active += 1
        self._phase = BUSY  # in which the deadline of the phase before means nothing
        if not reader.keep or state.leaving:
            self.keep = False
        reply = self._reply = request.reply = Reply(self, request.method, reader.modern)
        # A task as loop.create_task makes it, without the cost of a name of its own.
        self._task = Task(self._run(request, reply), loop=state.loop, name="request")

    def eof_received(self) -> None:
        """The client has finished sending. While its answer is still being made that counts as having left."""
        if self._phase in {BUSY, OPEN} and self._reply is not None and not self._reply.finished:
            self._leave()
            self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        self._state.members.discard(self)
        self.deadline = inf
        self._phase = LINGER
        self._taker = None
        if self._reader is not None:
            self._reader.close()
        if self._task is not None:
            self._leave()
        elif self._reader is not None:
            self._reader.release()
        self._state.left()

    def pause_writing(self) -> None:
        self.paused = True
        self._stuck = self._transport.get_write_buffer_size()
        self.deadline = self._state.loop.time() + self._state.limits.write_timeout
        reply = self._reply
        if reply is not None and reply.source is not None:
            reply.source.pause()

    def resume_writing(self) -> None:
        self.paused = False
        if self._phase == IDLE:
            self._next()
            return
        if not self._transport.is_closing():
            self.deadline = inf if self._phase != LINGER else self._state.loop.time() + self._state.limits.linger_timeout
        reply = self._reply
        if reply is not None and reply.source is not None and not reply.finished:
            reply.source.resume()

    # --- requests to handlers -------------------------------------------------------------------------------------

    def _wait(self, stage: int) -> None:
        """More bytes are needed: the deadline of a stage is set when it begins, and not moved by what trickles in."""
        reader = self._reader
        if reader.waits:
            reader.waits = False
            if not reader.body:
                self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if stage == self._phase:
            return
        self._phase = stage
        self._since = self._state.loop.time()
        limits = self._state.limits
        self.deadline = self._since + (limits.head_timeout if stage == HEAD else limits.body_timeout)

    async def _run(self, request: Request, reply: Reply) -> None:
        """The one task of a request. Whatever the handler does, the request ends here."""
        state = self._state
        try:
            await state.handler(request)
            if not reply.finished and not reply.gone:
                self._failed(reply, RuntimeError("the handler returned without finishing its answer"))
        except asyncio.CancelledError:
            refused = Refused(503, "shutting_down", "the server is shutting down")
            reply.fail(refused.status, *self._render(refused, request.path))
        except Exception as error:  # noqa: BLE001 - the last place: the client gets a bare 500, on_error the error
            self._failed(reply, error)
        finally:
            state.active -= 1
            self._task = self._reply = None
            reader = self._reader  # its release(), without a call
            state.buffered -= reader.charged
            reader.charged = 0
            if self._phase == BUSY:
                self._next()
            else:
                state.left()

    def _failed(self, reply: Reply, error: Exception) -> None:
        reply.fail(500, *self._render(Refused(500, "internal_error", "internal error"), b""))
        self._state.on_error(error)

    def _next(self) -> None:
        """The connection is free: take what is waiting, or idle."""
        if self._transport.is_closing():
            return
        self._phase = IDLE
        if not self.keep:
            self.finish()
        elif not self.paused:  # a client that does not read its answers gets no further ones
            self.deadline = self._state.idle_until
            if self._reader.held:
                self.read(on=True)
                self.data_received(b"")

    # --- what a Reply asks for ------------------------------------------------------------------------------------

    def send(self, data: bytes) -> None:
        """Write, unless the transport is on its way out: uvloop raises then."""
        transport = self._transport
        if not transport.is_closing():
            transport.write(data)

    def unsent(self) -> int:
        """Bytes in the transport's write buffer."""
        size: int = self._transport.get_write_buffer_size()
        return size

    def finish(self) -> None:
        """Close once everything is sent; cut if the client does not read it in time."""
        if not self._transport.is_closing():
            self.deadline = self._state.loop.time() + self._state.limits.write_timeout
            self._transport.close()

    def cut(self, *, reset: bool = False) -> None:
        """Close at once, what is unsent being lost; with a reset instead of an orderly end if asked for."""
        if reset:
            peer = self._transport.get_extra_info("socket")
            if peer is not None and not self._transport.is_closing():
                peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self._transport.abort()

    def switch(self, taker: Taker) -> None:
        """HTTP is over: what has come behind the request and what comes is the taker's."""
        reader = self._reader
        self._phase = OPEN
        self._taker = taker
        held = reader.held
        reader.close()
        self.read(on=True)
        if held:
            taker.feed(held)

    def read(self, *, on: bool) -> None:
        """Read from the client or let it wait."""
        transport = self._transport
        if transport.is_reading() != on and not transport.is_closing():
            transport.resume_reading() if on else transport.pause_reading()

    def part(self) -> None:
        """Close an upgraded connection once everything is sent. Over TLS the transport itself waits for the other side."""
        self._phase = LINGER
        self._taker = None
        if not self._transport.can_write_eof():
            self.finish()
        elif not self._transport.is_closing():
            self.read(on=True)
            limits = self._state.limits
            self.deadline = self._state.loop.time() + (limits.write_timeout if self.paused else limits.linger_timeout)
            self._transport.write_eof()

    # --- endings --------------------------------------------------------------------------------------------------

    def expire(self, now: float) -> None:
        """The deadline has passed."""
        self.deadline = inf
        phase = self._phase
        if self._transport.is_closing() or phase == LINGER:
            self._transport.abort()
        elif self.paused:
            self._stalled(now)
        elif phase == IDLE:
            self.finish()
        elif phase == HEAD:
            self._refuse(Refused(408, "request_timeout", "the request head took too long"))
        elif phase == BODY:
            self._overdue(now)

    def _stalled(self, now: float) -> None:
        """The write deadline: more time if the client has read anything since it was set."""
        unsent = self._transport.get_write_buffer_size()
        if unsent < self._stuck:
            self._stuck = unsent
            self.deadline = now + self._state.limits.write_timeout
        else:
            self._transport.abort()

    def _overdue(self, now: float) -> None:
        """The body deadline: more time for as many bytes as came."""
        limits = self._state.limits
        until = self._since + limits.body_timeout + len(self._reader.body) / limits.body_rate
        if until > now:
            self.deadline = until
        else:
            self._refuse(Refused(408, "request_timeout", "the request body took too long"))

    def retire(self) -> None:
        """The server drains: an idle connection closes now, a busy one after its answer."""
        self.keep = False
        if self._phase == IDLE:
            self.finish()

    def cancel(self, reason: str) -> None:
        """Cancel the running handler."""
        if self._task is not None:
            # Not before its first step: a task that never starts would never account for its end.
            self._state.loop.call_soon(self._task.cancel, reason)

    def _leave(self) -> None:
        """The client has gone; whoever works for it should stop, unless the answer is out already."""
        reply = self._reply
        if reply is not None and not reply.gone:
            reply.gone = True
            if not reply.finished:
                self.cancel("client gone")

    def _refuse(self, refused: Refused) -> None:
        """Answer, then close gently: what the client still sends is read and dropped, or a reset could eat the answer."""
        transport = self._transport
        path = self._reader.path()
        self._reader.close()
        self._reader.release()
        self._phase = LINGER
        self.deadline = self._state.loop.time() + self._state.limits.linger_timeout
        if not transport.is_closing():
            self._answer(refused, path)
            if transport.can_write_eof():
                transport.write_eof()

    def _answer(self, refused: Refused, path: bytes) -> None:
        headers, body = self._render(refused, path)
        head = b"%b%bContent-Length: %d\r\nConnection: close\r\n\r\n"
        self._transport.write(head % (self._state.lines[refused.status], headers, len(body)) + body)

    def _render(self, refused: Refused, path: bytes) -> tuple[bytes, bytes]:
        """Never raises: a bug in how refusals look must not leave a client without any answer."""
        try:
            headers, body = self._state.render_refusal(refused.status, refused.code, refused.message, path)
        except Exception as error:  # noqa: BLE001 - the last place
            self._state.on_error(error)
            headers, body = b"", b""
        return headers + advice(refused.status), body
