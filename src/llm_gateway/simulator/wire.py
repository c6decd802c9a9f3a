"""One connection to a simulator, on asyncio's transport rather than on http/server.py, for two reasons: a fault may have to
send what a sound server refuses to send (broken framing, a reset, an answer before the request is read), and a witness
should not share the engine it bears witness about.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections import deque
from typing import TYPE_CHECKING, Protocol, cast

import httptools

from llm_gateway.simulator.answer import Answer, Ending, Framing
from llm_gateway.simulator.app import App
from llm_gateway.simulator.log import Log, Seen
from llm_gateway.simulator.problems import Front, Problem
from llm_gateway.simulator.refusals import body
from llm_gateway.simulator.routes import Received
from llm_gateway.simulator.sender import send, whole

if TYPE_CHECKING:
    from llm_gateway.simulator.realtime import Session

HEAD_BYTES = 256 * 1024
PIPELINE = 64
LINGER = 2.0  # seconds for which a refused upload is read and thrown away


class Owner(Protocol):
    """What a connection needs of its simulator."""

    app: App
    log: Log
    connections: set[Connection]

    def forget(self, connection: Connection) -> None: ...

    def listener_down(self, seconds: float) -> None: ...


class Connection(asyncio.Protocol):
    """Reads requests, has them answered one at a time, notes what became of each answer."""

    def __init__(self, owner: Owner, loop: asyncio.AbstractEventLoop) -> None:
        self._owner = owner
        self._loop = loop
        self._transport: asyncio.Transport | None = None
        self._number = 0
        self._parser = httptools.HttpRequestParser(self)
        self._waiting: deque[tuple[Received, Seen | None, Answer | None]] = deque()
        self._task: asyncio.Task[None] | None = None
        self._running: Seen | None = None
        self._drain: asyncio.Future[None] | None = None
        self._last = False  # no request after the ones that wait
        self._url = b""
        self._headers: list[tuple[bytes, bytes]] = []
        self._head_size = 0
        self._body: list[bytes] = []
        self._body_size = 0
        self._received: Received | None = None
        self._ignored = False  # this request has its answer already; its body is thrown away
        self._session: Session | None = None  # what is spoken here instead of HTTP

    # ---- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._number = self._owner.log.opened()
        self._owner.connections.add(self)
        peer = transport.get_extra_info("socket")
        if peer is not None:
            peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def connection_lost(self, _exc: Exception | None) -> None:
        self._transport = None
        self._owner.log.closed()
        self._owner.forget(self)
        if self._running is not None and self._running.done is None:
            self._running.client_gone = round(self.now_since(self._running), 4)
        if self._task is not None:
            self._task.cancel()
        if self._session is not None:
            self._session.stop()
        if self._drain is not None and not self._drain.done():
            self._drain.set_result(None)
        self._waiting.clear()

    def eof_received(self) -> bool:
        return False  # a provider treats half-close as leaving

    def pause_writing(self) -> None:
        self._drain = self._loop.create_future()

    def resume_writing(self) -> None:
        if self._drain is not None and not self._drain.done():
            self._drain.set_result(None)
        self._drain = None

    def data_received(self, data: bytes) -> None:
        if self._session is not None:
            self._session.feed(data)
            return
        if self._last:
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as offer:
            self._switch(data[offer.args[0] :])
        except httptools.HttpParserCallbackError:
            self.close()
            raise  # a defect of the simulator: the loop's exception handler shall tell
        except httptools.HttpParserError:
            self._next()
            self._refuse(Problem(400, "bad request"))
        else:
            self._next()

    # ---- httptools callbacks

    def on_message_begin(self) -> None:
        self._url, self._headers, self._head_size = b"", [], 0
        self._body, self._body_size = [], 0
        self._received, self._ignored = None, False

    def on_url(self, url: bytes) -> None:
        self._url += url
        self._count_head(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name.lower(), value))
        self._count_head(len(name) + len(value))

    def on_headers_complete(self) -> None:
        if self._last:
            return
        path, _, query = self._url.decode("latin-1").partition("?")
        received = self._received = Received(
            self._parser.get_method().decode("latin-1"),
            path,
            query,
            self._headers,
            keep=self._parser.should_keep_alive(),
            http10=self._parser.get_http_version() == "1.0",
            connection=self._number,
        )
        early = self._owner.app.early(received)
        if early is not None:
            self._ignored = True
            seen, answer = early
            if answer.silent and self._transport is not None:
                self._transport.pause_reading()
            self._enqueue(received, seen, answer)
        elif received.header(b"expect").lower() == b"100-continue":
            self.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, data: bytes) -> None:
        if self._ignored or self._last:
            return
        self._body_size += len(data)
        if self._body_size > self._owner.app.options.body_bytes:
            self._refuse(Problem(413, "the request is too large"))
            return
        self._body.append(data)

    def on_message_complete(self) -> None:
        if self._ignored or self._received is None or self._last:
            return
        self._received.body = self._body[0] if len(self._body) == 1 else b"".join(self._body)
        self._body = []
        self._enqueue(self._received, None, None)

    def _switch(self, rest: bytes) -> None:
        """The last request offers to leave HTTP: a realtime session may begin, or it is answered like others."""
        received = self._waiting[-1][0] if self._waiting else None
        opened = self._owner.app.open(received) if received is not None and len(self._waiting) == 1 else None
        if opened is None or received is None:
            self._next()
            return
        self._waiting.clear()
        seen, answer = opened
        if answer.status == 101 and not answer.silent:
            self._running = seen
            self._session = self._owner.app.session(self, received, seen, answer)
            if rest:
                self._session.feed(rest)
        else:
            self._enqueue(received, seen, answer)
            self._next()

    # ---- one after the other

    def _enqueue(self, received: Received, seen: Seen | None, answer: Answer | None) -> None:
        self._waiting.append((received, seen, answer))
        if len(self._waiting) > PIPELINE:
            self.close()

    def _next(self) -> None:
        """Answer what waits, until an answer takes time."""
        while self._waiting and self._task is None and self._transport is not None:
            received, seen, answer = self._waiting.popleft()
            if answer is None:
                seen, answer = self._owner.app.respond(received)
            if received.http10 and answer.framing is Framing.CHUNKED:
                answer.framing = Framing.CLOSE
            keep = received.keep and answer.ending is Ending.KEEP and answer.framing is not Framing.CLOSE
            if answer.listener_down is not None:
                self._owner.listener_down(answer.listener_down)
            if received.method == "HEAD" or answer.immediate:
                self._at_once(answer, seen, keep=keep, head_only=received.method == "HEAD")
                continue
            self._running = seen
            self._task = self._loop.create_task(self._send(answer, seen, keep=keep))

    def _at_once(self, answer: Answer, seen: Seen | None, *, keep: bool, head_only: bool) -> None:
        self.write(whole(answer, keep=keep, head_only=head_only))
        if seen is not None:
            seen.sent = 0 if head_only else answer.size
            seen.done = round(self.now_since(seen), 6)
        if not keep:
            self.finish()

    async def _send(self, answer: Answer, seen: Seen | None, *, keep: bool) -> None:
        await send(self, answer, seen, keep=keep)
        if seen is not None and self._running is seen:
            seen.done = round(self.now_since(seen), 6)
        self._task = self._running = None
        self._next()
        if self._last:
            self.finish()

    def _refuse(self, problem: Problem) -> None:
        """Answer a request that cannot be read, and close. What still comes is read for a moment, so no reset hides it."""
        self._last = True
        if self._task is not None:
            return  # closed when the answer that is being sent is over
        data = body(problem, Front.OPENAI, "req_unread")
        answer = Answer(problem.status, [(b"content-type", b"application/json")], [(0.0, data)])
        self.write(whole(answer, keep=False))
        self.finish()

    def _count_head(self, size: int) -> None:
        self._head_size += size
        if self._head_size > HEAD_BYTES and not self._last:
            self._refuse(Problem(431, "the head of the request is too large"))

    # ---- the line that sender.py writes to

    def now(self) -> float:
        return self._loop.time()

    def now_since(self, seen: Seen) -> float:
        return self._owner.app.now() - seen.at

    def write(self, data: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    async def drained(self) -> None:
        if self._drain is not None:
            await self._drain

    def finish(self) -> None:
        """No more requests: half-close, and close once the peer has had time to read what was sent."""
        self._last = True
        self._waiting.clear()
        if self._transport is None:
            return
        if self._transport.can_write_eof():
            self._transport.write_eof()
        self._loop.call_later(LINGER, self.close)

    def end(self) -> asyncio.Task[None] | None:
        """Drop everything now; returns the task that was sending, to be awaited."""
        task = self._task if self._session is None else self._session.stop()
        if task is not None:
            task.cancel()
        if self._transport is not None:
            self._transport.abort()
        return task

    def deafen(self) -> None:
        """Read no more."""
        if self._transport is not None:
            self._transport.pause_reading()

    def close(self) -> None:
        """After what has been written."""
        if self._transport is not None:
            self._transport.close()

    def reset(self) -> None:
        """RST instead of FIN: the peer sees ECONNRESET."""
        if self._transport is None:
            return
        peer = self._transport.get_extra_info("socket")
        if peer is not None:
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._transport.abort()
