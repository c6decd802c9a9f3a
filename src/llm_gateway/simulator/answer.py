"""An answer on its way out: what a dialect said, and everything a fault may do to it before and while it is sent.

Faults change an Answer; sender.py is the only one that turns it into bytes. Both know nothing of each other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum

from llm_gateway.simulator.frames import rewrite
from llm_gateway.simulator.problems import Front
from llm_gateway.simulator.shapes import Shape

Part = tuple[float, bytes]  # (seconds to wait before, bytes that leave in one write)


class Framing(Enum):
    """How the end of the body is told (RFC 9112 section 6)."""

    SIZED = "Content-Length"
    CHUNKED = "chunked"
    CLOSE = "the connection's end"


class Ending(Enum):
    """What becomes of the connection."""

    KEEP = "kept for the next request"
    CLOSE = "closed after the whole answer"
    CUT = "closed in the middle: no terminal chunk, no missing bytes"
    RESET = "reset in the middle"


@dataclass(frozen=True, slots=True)
class Trouble:
    """What goes wrong in a realtime session once `after` events were sent (faults/realtime.py)."""

    what: str
    after: int
    code: int
    reason: str
    size: int


@dataclass(slots=True)
class Answer:
    """One answer. In a stream each part is one element (an event, a line, a frame) until a fault cuts otherwise."""

    status: int
    headers: list[tuple[bytes, bytes]]
    parts: list[Part]
    front: Front = Front.OPENAI
    request_id: str = ""
    shape: Shape = Shape.WHOLE
    framing: Framing = Framing.SIZED
    ending: Ending = Ending.KEEP
    wait: float = 0.0  # seconds before the head
    version: bytes = b"HTTP/1.1"
    eol: bytes = b"\r\n"
    extra_lines: list[bytes] = field(default_factory=list)  # put into the head as they are
    declared: int | None = None  # a Content-Length that is not the size of the parts
    bad_chunk: bool = False  # the last chunk's size is no number
    head_pace: float = 0.0  # seconds for each byte of the head
    apart: bool = False  # each part shall reach the peer in a read of its own, as far as one can do that
    silent: bool = False  # no byte at all is sent
    listener_down: float | None = None  # seconds for which new connections are refused
    trouble: Trouble | None = None  # in the session that a 101 opens

    @property
    def stream(self) -> bool:
        return self.shape is not Shape.WHOLE

    @property
    def body(self) -> bytes:
        return b"".join(data for _, data in self.parts)

    @property
    def size(self) -> int:
        return sum(len(data) for _, data in self.parts)

    @property
    def immediate(self) -> bool:
        """Whether it can be sent in one write, now."""
        return (
            not (self.wait or self.head_pace or self.silent or self.apart)
            and self.ending in (Ending.KEEP, Ending.CLOSE)
            and len(self.parts) <= 1
            and not any(pause for pause, _ in self.parts)
        )

    def whole(self, body: bytes, content_type: bytes = b"application/json") -> None:
        """Another body, no stream any more."""
        self.parts = [(0.0, body)]
        self.shape = Shape.WHOLE
        if self.framing is Framing.CHUNKED:
            self.framing = Framing.SIZED
        self.set(b"content-type", content_type)

    def each(self, change: Callable[[bytes], bytes]) -> None:
        """Change every part, keep its pause."""
        self.parts = [(pause, change(data)) for pause, data in self.parts]

    def restate(self, index: int, change: Callable[[bytes], bytes]) -> None:
        """Change what one part says; a frame stays sound around its payload."""
        pause, data = self.parts[index]
        self.parts[index] = (pause, rewrite(data, change) if self.shape is Shape.FRAMES else change(data))

    def set(self, name: bytes, value: bytes) -> None:
        """Set a header, in place of one of that name."""
        self.headers = [(n, v) for n, v in self.headers if n != name]
        self.headers.append((name, value))

    def split_at(self, offset: int) -> int:
        """Make a part begin at `offset` of the body; returns its index (one past the end when the body is shorter)."""
        for index, (pause, data) in enumerate(self.parts):
            if offset <= 0:
                return index
            if offset < len(data):
                self.parts[index : index + 1] = [(pause, data[:offset]), (0.0, data[offset:])]
                return index + 1
            offset -= len(data)
        return len(self.parts)

    def cut(self, offset: int, ending: Ending) -> None:
        """Send no more than `offset` bytes of the body, of which all were announced."""
        if self.framing is Framing.SIZED and self.declared is None:
            self.declared = self.size
        del self.parts[self.split_at(offset) :]
        self.ending = ending
