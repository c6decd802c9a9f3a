"""One realtime session on a connection to a simulator. The frames are those of the library `websockets`, on the simulator's own
connection: a witness does not share the engine that it bears witness about.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Protocol
from urllib.parse import parse_qs

import msgspec
from websockets.datastructures import Headers
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import OPEN, Side
from websockets.protocol import Protocol as Frames
from websockets.server import ServerProtocol

from llm_gateway.simulator import sender
from llm_gateway.simulator.answer import Trouble
from llm_gateway.simulator.log import Seen
from llm_gateway.simulator.realtime_events import Conversation, Said
from llm_gateway.simulator.routes import Received
from llm_gateway.simulator.script import Script

NO_CODE = 1005
_LAST = frozenset({"cut", "reset", "silent", "deaf"})  # nothing is said after these


class Line(sender.Line, Protocol):
    """What a session needs of its connection."""

    def deafen(self) -> None: ...

    def now_since(self, seen: Seen) -> float: ...


class Session:
    """Accepts the handshake, reads events and says what the conversation answers, at its pace."""

    def __init__(self, line: Line, received: Received, script: Script, seen: Seen, trouble: Trouble | None, pace: float) -> None:
        """`pace`: seconds for each token."""
        query = parse_qs(received.query)
        self._line = line
        self._seen = seen
        self._trouble = trouble or Trouble("", 0, 0, "", 0)
        self._pace = pace
        self._frames = Frames(Side.SERVER, max_size=64 << 20)
        self._conversation = Conversation(
            script,
            seen.model or "",
            beta=received.header(b"openai-beta") == b"realtime=v1",
            transcription=query.get("intent") == ["transcription"],
            usage=self._trouble.what != "no_usage",
        )
        self._waiting: deque[Said] = deque()
        self._task: asyncio.Task[None] | None = None
        self._events = 0
        self._over = False
        self._text = bytearray()
        asked = Headers([(name.decode("latin-1"), value.decode("latin-1")) for name, value in received.headers])
        accepted = ServerProtocol(select_subprotocol=lambda _, offered: offered[0] if offered else None).accept(
            Request("/", asked)
        )
        line.write(accepted.serialize())
        if accepted.status_code == 101:
            self._say(self._conversation.opened())
        else:
            line.finish()

    def feed(self, data: bytes) -> None:
        """What the client sent."""
        if self._over:
            return
        self._frames.receive_data(data)
        self._flush()
        for frame in self._frames.events_received():
            if isinstance(frame, Frame):
                self._hear(frame)
        if self._frames.parser_exc is not None:
            self._end()

    def stop(self) -> asyncio.Task[None] | None:
        """The connection is gone. Returns the task that was talking, to be awaited."""
        self._over = True
        if self._task is not None:
            self._task.cancel()
        return self._task

    def _hear(self, frame: Frame) -> None:
        if frame.opcode is Opcode.CLOSE:
            told = self._frames.close_rcvd
            self._seen.closed = told.code if told else NO_CODE
            self._end()
        elif frame.opcode in {Opcode.TEXT, Opcode.BINARY, Opcode.CONT}:
            self._text += frame.data
            if frame.fin:
                data, self._text = bytes(self._text), bytearray()
                try:
                    self._say(self._conversation.answer(msgspec.json.decode(data)))
                except msgspec.DecodeError:
                    self._say([self._conversation.wrong("The message is not JSON.", "invalid_json")])

    def _say(self, said: list[Said]) -> None:
        self._waiting += said
        if self._waiting and self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._talk())

    async def _talk(self) -> None:
        due = self._line.now()
        while self._waiting and not self._over:
            said = self._waiting.popleft()
            if said.tokens and self._pace:
                due += said.tokens * self._pace
                await asyncio.sleep(max(0.0, due - self._line.now()))
            data = msgspec.json.encode(said.event)
            if self._frames.state is OPEN:
                self._frames.send_text(data)
                self._seen.sent += len(data)
                self._events += 1
                self._flush()
            if self._events == self._trouble.after:
                self._misbehave()
            await self._line.drained()
        self._task = None

    def _misbehave(self) -> None:
        trouble, line = self._trouble, self._line
        acts: dict[str, Callable[[], None]] = {
            "cut": line.close,
            "reset": line.reset,
            "silent": lambda: None,
            "deaf": line.deafen,
            "garbage": lambda: line.write(b"\xff" * 64),
            "utf8": lambda: line.write(b"\x81\x02\xc3\x28"),
            "big": lambda: line.write(b"\x81\x7f" + trouble.size.to_bytes(8, "big") + b" " * trouble.size),
        }
        if trouble.what == "close" and self._frames.state is OPEN:
            self._frames.send_close(trouble.code, trouble.reason)
            self._flush()
        elif trouble.what in acts:
            self._over = trouble.what in _LAST
            acts[trouble.what]()

    def _end(self) -> None:
        self._over = True
        self._seen.done = round(self._line.now_since(self._seen), 4)
        self._line.finish()

    def _flush(self) -> None:
        for data in self._frames.data_to_send():
            if data:
                self._line.write(data)
