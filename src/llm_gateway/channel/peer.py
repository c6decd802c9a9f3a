"""One end of a connection between two processes of the gateway. Both ends may ask and tell."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from llm_gateway.channel.frames import ANSWER, ASK, BULK, FAILURE, TELL, BadFrame, Frames, frame

MOST_WAITING = 8 << 20
"""Bytes that may wait to be taken by the other side; with more it counts as stuck. Bulk is sent all the same, one at a time."""
MOST_AT_ONCE = 256
"""Questions of the other side that are being answered; more wait in the socket."""
MOST_ASKED = 4096
"""Questions of ours that wait for an answer."""


class Unanswered(Exception):
    """There is no answer: the other side is away, too slow, has too much to do, or failed; the message says which."""


class Refused(Exception):
    """Raised by a handler whose text the asking side may see."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(text)
        self.kind = kind


class Failed(Unanswered):
    """The other side answered that it cannot; `kind` is a word for programs, the message its text."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(text)
        self.kind = kind


Answering = Callable[["Peer", Any], Awaitable[Any]]
"""A question's body to the answer's. Raises Refused; anything else is a bug and is told as one, without its text."""
Listening = Callable[["Peer", Any], None]


@dataclass
class Handlers:
    """What the other side may ask and tell. `report` is told what is a bug here, or broken there."""

    asked: Mapping[str, Answering] = field(default_factory=dict)
    told: Mapping[str, Listening] = field(default_factory=dict)
    report: Callable[[BaseException], None] = lambda _bug: None
    lost: Callable[[Peer], None] = lambda _peer: None


class Peer(asyncio.Protocol):
    """Made for one connection; `lost` of its handlers is told once when that is over, whoever ended it."""

    def __init__(self, handlers: Handlers) -> None:
        self._handlers = handlers
        self._frames = Frames()
        self._transport: asyncio.Transport | None = None
        self._loop = asyncio.get_running_loop()
        self._asked: dict[int, asyncio.Future[Any]] = {}
        self._number = 0
        self._answering: set[asyncio.Task[None]] = set()
        self._paused = False
        self.gone = asyncio.Event()
        self.dropped = 0
        """Messages that were not sent because too many waited."""

    @classmethod
    async def over(cls, sock: socket.socket, handlers: Handlers) -> Peer:
        """The peer of a connected socket, which it owns from now on."""
        loop = asyncio.get_running_loop()
        sock.setblocking(False)
        _, peer = await loop.connect_accepted_socket(lambda: cls(handlers), sock)
        return peer

    @property
    def waiting(self) -> int:
        """Bytes that the other side has not taken."""
        return 0 if self._transport is None else self._transport.get_write_buffer_size()

    async def ask(self, method: str, body: Any, seconds: float) -> Any:
        """The answer's body. Raises Unanswered."""
        if len(self._asked) >= MOST_ASKED or self.waiting > MOST_WAITING:
            raise Unanswered("the other process does not keep up")
        self._number += 1
        number = self._number
        self._send(ASK, [number, method, body])
        future: asyncio.Future[Any] = self._loop.create_future()
        self._asked[number] = future
        deadline = self._loop.call_later(seconds, _too_late, future, method, seconds)
        try:
            return await future
        finally:
            deadline.cancel()
            self._asked.pop(number, None)

    def tell(self, topic: str, body: Any) -> bool:
        """Whether it was sent: not where the other side is away or does not keep up."""
        if self.waiting > MOST_WAITING:
            self.dropped += 1
            return False
        try:
            self._send(TELL, [topic, body])
        except Unanswered:
            return False
        return True

    def tell_bulk(self, topic: str, body: Any) -> None:
        """The same for what may be large. Raises Unanswered."""
        self._send(BULK, [topic, body])

    def close(self) -> None:
        """What was sent before is delivered."""
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """At once."""
        if self._transport is not None:
            self._transport.abort()

    def _send(self, kind: int, body: Any) -> None:
        if self._transport is None or self._transport.is_closing() or self.gone.is_set():
            raise Unanswered("the other process is away")
        try:
            data = frame(kind, body)
        except BadFrame as error:
            raise Unanswered(str(error)) from None
        self._transport.write(data)

    # What the event loop calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]  # a stream's

    def data_received(self, data: bytes) -> None:
        try:
            for kind, body in self._frames.feed(data):
                self._received(kind, body)
        except (BadFrame, TypeError, ValueError, LookupError) as error:  # whoever sends that is not one of us
            self._handlers.report(error)
            self.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self.gone.set()
        for future in self._asked.values():
            if not future.done():
                future.set_exception(Unanswered("the other process went away"))
        for task in self._answering:
            task.cancel()
        self._handlers.lost(self)

    def _received(self, kind: int, body: Any) -> None:
        if kind == ASK:
            number, method, given = body
            task = self._loop.create_task(self._answer(number, method, given))
            self._answering.add(task)
            task.add_done_callback(self._answered)
            self._pause()
        elif kind == ANSWER:
            future = self._asked.get(body[0])
            if future is not None and not future.done():
                future.set_result(body[1])
        elif kind == FAILURE:
            future = self._asked.get(body[0])
            if future is not None and not future.done():
                future.set_exception(Failed(body[1], body[2]))
        else:
            topic, given = body
            listening = self._handlers.told.get(topic)
            if listening is not None:  # a newer version may tell more than this one knows
                self._listened(listening, given)

    def _listened(self, listening: Listening, given: Any) -> None:
        try:
            listening(self, given)
        except Exception as bug:  # noqa: BLE001 - one message that is not understood does not end the connection
            self._handlers.report(bug)

    async def _answer(self, number: int, method: str, given: Any) -> None:
        try:
            kind, body = ANSWER, [number, await self._handlers.asked.get(method, _unknown)(self, given)]
        except Refused as refused:
            kind, body = FAILURE, [number, refused.kind, str(refused)]
        except Exception as bug:  # noqa: BLE001 - the other side is told that there is no answer
            self._handlers.report(bug)
            kind, body = FAILURE, [number, "bug", f"{method} failed: {type(bug).__name__}"]
        try:
            self._send(kind, body)
        except Unanswered as unsent:  # too large, or nobody there any more
            if not self.gone.is_set():
                self._send(FAILURE, [number, "unsent", str(unsent)])

    def _answered(self, task: asyncio.Task[None]) -> None:
        self._answering.discard(task)
        if not task.cancelled() and (bug := task.exception()) is not None:
            self._handlers.report(bug)
        self._pause()

    def _pause(self) -> None:
        """Read no further while too many questions are being answered."""
        wanted = len(self._answering) >= MOST_AT_ONCE
        if wanted != self._paused and self._transport is not None and not self._transport.is_closing():
            self._paused = wanted
            (self._transport.pause_reading if wanted else self._transport.resume_reading)()


async def _unknown(_peer: Peer, _body: Any) -> Any:
    raise Refused("unknown", "there is no such method")


def _too_late(future: asyncio.Future[Any], method: str, seconds: float) -> None:
    if not future.done():
        future.set_exception(Unanswered(f"no answer to {method} within {seconds:g} s"))
