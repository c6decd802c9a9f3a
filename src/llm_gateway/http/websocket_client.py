"""The client's end of a WebSocket: a connection of its own, the handshake, and then a Channel."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import cast

from websockets.client import ClientProtocol
from websockets.frames import Frame
from websockets.http11 import Response
from websockets.typing import Subprotocol
from websockets.uri import WebSocketURI

from llm_gateway.http.budget import Budget
from llm_gateway.http.client import Client, Owned
from llm_gateway.http.client_limits import Timeouts
from llm_gateway.http.errors import ConnectionLost, HeadTimeout, HttpError, ProtocolViolation
from llm_gateway.http.headers import header
from llm_gateway.http.origin import Origin
from llm_gateway.http.request_lines import RequestLines
from llm_gateway.http.websocket import Channel

_LAST_BYTES = 5.0  # seconds a peer has to read what was written before `hang_up`


class HandshakeRefused(Exception):
    """The server answered the handshake with something else than 101. Header names are lower-case."""

    def __init__(self, status: int, headers: Mapping[bytes, bytes], body: bytes) -> None:
        super().__init__(f"the handshake was answered with {status}")
        self.status = status
        self.headers = headers
        self.body = body


class Socket(Owned, asyncio.Protocol):
    """One connection to a server, and the line of its channel. `ready` is done when the handshake is."""

    def __init__(self, frames: ClientProtocol, budget: Budget, loop: asyncio.AbstractEventLoop) -> None:
        self._frames = frames
        self._loop = loop
        self._transport = cast("asyncio.Transport", None)  # set by connection_made, before anyone else sees us
        self._stuck = (0, 0.0)  # unsent bytes, and when there were so many
        self.channel = Channel(frames, self, budget, loop.time)
        self.ready: asyncio.Future[None] = loop.create_future()
        self.over: asyncio.Future[None] = loop.create_future()
        """Done when the connection has ended."""

    # ---- asyncio's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        if self.ready.done():
            self.channel.feed(data)
        else:
            self._frames.receive_data(data)
            self._shake()

    def eof_received(self) -> bool:
        if not self.ready.done():
            self._frames.receive_eof()  # an answer without a length ends here
            self._shake()
        return False

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - its text may hold an address
        if not self.ready.done():
            self.ready.set_exception(ConnectionLost("the connection was lost in the handshake", sent=True))
        if not self.over.done():
            self.over.set_result(None)
        self.channel.lost()

    def pause_writing(self) -> None:
        self._stuck = (self._transport.get_write_buffer_size(), self._loop.time())
        self.channel.pause()

    def resume_writing(self) -> None:
        self.channel.resume()

    # ---- the handshake

    def _shake(self) -> None:
        events = self._frames.events_received()
        error = self._frames.handshake_exc
        if events and isinstance(events[0], Response):
            answer = events[0]
            if answer.status_code != 101:
                headers = {name.lower().encode(): value.encode("latin-1") for name, value in answer.headers.raw_items()}
                self.ready.set_exception(HandshakeRefused(answer.status_code, headers, bytes(answer.body)))
            elif error is not None:
                self.ready.set_exception(ProtocolViolation("the answer to the handshake is not the right one", sent=True))
            else:
                self.hold()  # until somebody listens
                self.channel.early([event for event in events if isinstance(event, Frame)])
                self.ready.set_result(None)
        elif error is not None:
            if isinstance(error.__cause__, EOFError):
                self.ready.set_exception(ConnectionLost("the connection was closed in the handshake", sent=True))
            else:
                self.ready.set_exception(ProtocolViolation("the answer to the handshake is not HTTP", sent=True))

    # ---- the line under the channel

    def raw(self, data: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(data)

    def hold(self) -> None:
        if self._transport.is_reading() and not self._transport.is_closing():
            self._transport.pause_reading()

    def go_on(self) -> None:
        if not self._transport.is_reading() and not self._transport.is_closing():
            self._transport.resume_reading()

    def hang_up(self) -> None:
        """Close once everything is sent, or when the server does not read it in time."""
        if not self._transport.is_closing():
            self._transport.close()
            self._loop.call_later(_LAST_BYTES, self._transport.abort)

    def abort(self) -> None:
        if not self.ready.done():
            self.ready.cancel()  # nobody waits for it any more
        self._transport.abort()

    def stalled(self, now: float, patience: float) -> bool:
        """Whether a server that is behind has read nothing at all for `patience` seconds."""
        before, since = self._stuck
        if not self.channel.slow or now - since < patience:
            return False
        unsent = self._transport.get_write_buffer_size()
        self._stuck = (unsent, now)
        return unsent >= before


async def connect(
    client: Client,
    origin: Origin,
    target: bytes,
    headers: bytes,
    *,
    subprotocol: str,
    timeouts: Timeouts,
    message_bytes: int,
    budget: Budget,
) -> Socket:
    """An open WebSocket at `target`; its reading is held until somebody listens to its channel (`go_on` then).

    `headers` are clean lines, without those of the handshake. `subprotocol` "": none is offered. Raises HttpError,
    HandshakeRefused, and ValueError for a target that must not be sent.
    """
    loop = asyncio.get_running_loop()
    uri = WebSocketURI(origin.scheme == "https", origin.host, origin.port, target.decode("ascii"), "")
    frames = ClientProtocol(uri, subprotocols=[Subprotocol(subprotocol)] if subprotocol else None, max_size=message_bytes)
    lines = b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    lines += header(b"Sec-WebSocket-Key", frames.key.encode("ascii"))
    if subprotocol:
        lines += header(b"Sec-WebSocket-Protocol", subprotocol.encode("ascii"))
    head = RequestLines(origin, None).render(b"GET", target, headers + lines, 0)
    socket = await client.connect(origin, lambda: Socket(frames, budget, loop), timeouts.connect)
    late = loop.call_later(timeouts.head, _late, socket.ready)
    try:
        socket.raw(head)
        await socket.ready
    except BaseException:
        socket.abort()
        raise
    finally:
        late.cancel()
    return socket


def _late(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        error: HttpError = HeadTimeout("no answer to the handshake in time", sent=True)
        ready.set_exception(error)
