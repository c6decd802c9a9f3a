"""One hop of a WebSocket (RFC 6455). The frames are those of the library `websockets`, the bytes travel over our connections.

Nothing is compressed: no extension is offered or accepted, so a small message cannot become a large one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple, Protocol

from websockets.datastructures import Headers
from websockets.frames import Close, Frame, Opcode
from websockets.http11 import Request, Response
from websockets.protocol import OPEN, Side
from websockets.protocol import Protocol as Frames
from websockets.server import ServerProtocol
from websockets.typing import Subprotocol

from llm_gateway.http.budget import Budget
from llm_gateway.http.headers import header

NO_CODE: Final = 1005  # the peer gave no code
LOST: Final = 1006  # the connection ended without a goodbye
_REASON_BYTES = 123  # RFC 6455 section 5.5: a control frame holds 125 bytes, the code takes two

BEHIND: Final = 1  # reading waits: the other hop is slower
FULL: Final = 2  # reading waits: the peer asks for answers (pongs) and does not read them


class Line(Protocol):
    """The connection under a channel: http.reply.Reply and http.websocket_client.Socket are such."""

    def raw(self, data: bytes) -> None: ...
    def hold(self) -> None: ...
    def go_on(self) -> None: ...
    def hang_up(self) -> None: ...
    def abort(self) -> None: ...


class Farewell(NamedTuple):
    """How the peer ended it. `fault`: it broke the rules, and `code` and `reason` are what it was told."""

    code: int
    reason: str
    fault: bool = False


class Ear(Protocol):
    """Who listens to a channel. Nothing here may raise."""

    def message(self, channel: Channel, data: bytes | bytearray, *, text: bool) -> None: ...
    def closed(self, channel: Channel, farewell: Farewell) -> None: ...
    def lost(self, channel: Channel) -> None: ...
    def slow(self, channel: Channel, *, on: bool) -> None: ...


class Channel:
    """Whole messages in and out over one connection. Pings are answered here; `check` sends ours. The budget is drawn on by
    messages that have begun and are not complete.

    heard: when the peer was last heard of. slow: it does not read what it is sent. messages, payload: complete messages that
    came from it, and their bytes.
    """

    __slots__ = (
        "_budget",
        "_charged",
        "_ear",
        "_early",
        "_frames",
        "_held",
        "_now",
        "_over",
        "_partial",
        "_text",
        "gone",
        "heard",
        "line",
        "messages",
        "payload",
        "slow",
    )

    def __init__(self, frames: Frames, line: Line, budget: Budget, now: Callable[[], float]) -> None:
        self._frames = frames
        self._budget = budget
        self._now = now
        self._ear: Ear | None = None
        self._early: list[Frame] = []
        self._partial: bytearray | None = None
        self._text = False
        self._held = 0
        self._charged = 0
        self._over = False  # the peer has said goodbye, or was told that it broke the rules
        self.line = line
        self.gone = False
        self.slow = False
        self.heard = now()
        self.messages = 0
        self.payload = 0

    def listen(self, ear: Ear) -> None:
        """From now on `ear` is told, also of what came before."""
        self._ear = ear
        early, self._early = self._early, []
        self._hear(early)
        if self.gone:
            ear.lost(self)

    def deaf(self) -> None:
        """Nobody listens any more, and nothing is held."""
        self._ear = None
        self._partial = None
        self._budget.held -= self._charged
        self._charged = 0

    # ---- what comes

    def feed(self, data: bytes) -> None:
        """Bytes of the peer."""
        self.heard = self._now()
        frames = self._frames
        frames.receive_data(data)
        if self._flush() and self.slow:
            self.hold(FULL)
        self._hear([event for event in frames.events_received() if isinstance(event, Frame)])

    def lost(self) -> None:
        """The connection has ended."""
        self.gone = True
        if self._ear is not None:
            self._ear.lost(self)

    def early(self, frames: list[Frame]) -> None:
        """Frames that came before anybody listened."""
        self._early += frames

    def pause(self) -> None:
        """The peer reads too slowly."""
        self.slow = True
        if self._ear is not None:
            self._ear.slow(self, on=True)

    def resume(self) -> None:
        """The peer has caught up."""
        self.slow = False
        self.go_on(FULL)
        if self._ear is not None:
            self._ear.slow(self, on=False)

    def _hear(self, frames: list[Frame]) -> None:
        if self._ear is None:
            self._early += frames
            return
        for frame in frames:
            if self._over:
                return
            self._frame(frame)
        fault = self._frames.parser_exc
        if fault is not None and not self._over:
            sent = self._frames.close_sent
            self._end(Farewell(sent.code if sent else LOST, sent.reason if sent else "", fault=True))
        self._account()

    def _frame(self, frame: Frame) -> None:
        opcode, data = frame.opcode, frame.data
        if opcode is Opcode.CLOSE:
            told = self._frames.close_rcvd or Close(NO_CODE, "")
            self._end(Farewell(told.code, told.reason))
        elif opcode is Opcode.CONT:
            partial = self._partial
            if partial is not None:
                partial += data
                if frame.fin:
                    self._partial = None
                    self._message(partial, text=self._text)
        elif opcode is Opcode.TEXT or opcode is Opcode.BINARY:
            text = opcode is Opcode.TEXT
            if frame.fin:
                self._message(data if isinstance(data, bytes | bytearray) else bytes(data), text=text)
            else:
                self._partial, self._text = bytearray(data), text

    def _message(self, data: bytes | bytearray, *, text: bool) -> None:
        if text and not data.isascii():
            try:
                data.decode()
            except UnicodeDecodeError:
                self.fail(1007, "text that is not UTF-8")
                return
        self.messages += 1
        self.payload += len(data)
        if self._ear is not None:
            self._ear.message(self, data, text=text)

    def _account(self) -> None:
        """Keep the account of unfinished messages; the one that overdraws it has to go."""
        if self._ear is None:
            return
        held = len(self._frames.reader.buffer) + (0 if self._partial is None else len(self._partial))
        budget = self._budget
        budget.held += held - self._charged
        self._charged = held
        if budget.held > budget.most and held and not self._over:
            self.fail(1013, "too many bytes of unfinished messages are held")

    def _end(self, farewell: Farewell) -> None:
        self._over = True
        if self._ear is not None:
            self._ear.closed(self, farewell)

    # ---- what goes

    def send(self, data: bytes | bytearray, *, text: bool) -> None:
        """A whole message; nothing once a goodbye was said."""
        frames = self._frames
        if frames.state is OPEN:
            if text:
                frames.send_text(data)
            else:
                frames.send_binary(data)
            self._flush()

    def close(self, code: int, reason: str) -> None:
        """Say goodbye, unless that was done."""
        frames = self._frames
        if frames.state is OPEN:
            if code == NO_CODE:
                frames.send_close()
            else:
                short = reason.encode()[:_REASON_BYTES].decode(errors="ignore")
                frames.send_close(code if _sendable(code) else 1011, short)
            self._flush()

    def fail(self, code: int, reason: str) -> None:
        """The peer broke a rule: it is told, and not listened to any more."""
        self._frames.fail(code, reason)
        self._flush()
        self._end(Farewell(code, reason, fault=True))

    def check(self, now: float, patience: float) -> bool:
        """Ping a peer that was silent for `patience` seconds; False if it was for twice as long, so that it must be dead.

        A peer that we do not read from, or that is behind with reading, is not judged.
        """
        if self._held or self.slow:
            self.heard = now
        elif now - self.heard > 2 * patience:
            return False
        elif now - self.heard > patience and self._frames.state is OPEN:
            self._frames.send_ping(b"")
            self._flush()
        return True

    def hold(self, why: int) -> None:
        """Read no more, for this reason too."""
        if not self._held:
            self.line.hold()
        self._held |= why

    def go_on(self, why: int) -> None:
        """The reason is gone; read again if it was the last one."""
        if self._held & why:
            self._held &= ~why
            if not self._held:
                self.heard = self._now()
                self.line.go_on()

    def _flush(self) -> bool:
        sent = False
        for data in self._frames.data_to_send():
            if data:  # b"" asks to close the connection, which is for who owns it
                self.line.raw(data)
                sent = True
        return sent


class BadHandshake(Exception):
    """A request to switch to WebSocket that is none (RFC 6455 section 4.2.1)."""


def accept(headers: Mapping[bytes, bytes], subprotocol: str, message_bytes: int) -> tuple[Frames, bytes]:
    """The server's end for a request with these headers, and the lines of its 101. `subprotocol` is chosen if it is offered.

    Raises BadHandshake.
    """

    def choose(_frames: ServerProtocol, offered: Sequence[Subprotocol]) -> Subprotocol | None:
        return Subprotocol(subprotocol) if subprotocol in offered else None

    asked = Headers([(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers.items()])
    answer: Response = ServerProtocol(select_subprotocol=choose).accept(Request("/", asked))
    if answer.status_code != 101:
        raise BadHandshake("the request does not open a WebSocket: it needs Sec-WebSocket-Key and Sec-WebSocket-Version: 13")
    lines = [(name, value) for name, value in answer.headers.raw_items() if name != "Date"]
    # The frames begin with the first byte behind the request, which the HTTP engine has read.
    frames = Frames(Side.SERVER, max_size=message_bytes)
    return frames, b"".join(header(name.encode("ascii"), value.encode("ascii")) for name, value in lines)


def _sendable(code: int) -> bool:
    """Whether a close frame may say it (RFC 6455 section 7.4)."""
    return (1000 <= code <= 1014 and code not in {1004, NO_CODE, LOST}) or 3000 <= code <= 4999
