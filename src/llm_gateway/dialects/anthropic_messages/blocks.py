"""The blocks of a stream that is written: one is open at a time, indexes rise from 0.

A block that is open gets its deltas on the wire at once. It is complete when something else begins, but for a tool call: its
arguments may go on after the next call has begun (OpenAI's parallel calls), so it is complete when they are a whole JSON
object, or at the end. Until then everything else waits, in the order in which it began.
"""

from __future__ import annotations

from typing import Any

from llm_gateway.core.errors import UpstreamMalformed
from llm_gateway.core.json import encode
from llm_gateway.dialects.arguments import members_of, unread
from llm_gateway.http.framing.sse import frame

LIMIT_CHARS = 8 << 20
"""Of arguments and waiting text, together."""


class _Block:
    """A block that has begun. `head`: its content_block. `index`: its place among the tool calls, -1 for other blocks."""

    __slots__ = ("checked", "deltas", "head", "index", "kind", "seen", "shut", "wrapped")

    def __init__(self, kind: str, head: Any, index: int = -1) -> None:
        self.kind = kind
        self.head = head
        self.index = index
        self.deltas: list[dict[str, Any]] = []
        """Not yet written."""
        self.seen: list[str] = []
        """The arguments of a call so far."""
        self.checked = 0
        """How many of them were there when they were last found incomplete."""
        self.shut = False
        """Nothing more can come."""
        self.wrapped = False
        """The arguments are no JSON object: they go out at the end, wrapped into one."""


_TEXT_DELTA = (
    b'event: content_block_delta\ndata: {"type":"content_block_delta","index":%d,"delta":{"type":"text_delta","text":%b}}\n\n'
)


class Blocks:
    """Every method gives the frames that are ready."""

    def __init__(self) -> None:
        self.calls = 0
        self._queue: list[_Block] = []
        """The first one is open on the wire (if `_is_open`), the others wait."""
        self._is_open = False
        self._index = 0
        self._chars = 0

    def text(self, text: str) -> list[bytes]:
        if not text:
            return []
        queue = self._queue
        if self._is_open and len(queue) == 1 and queue[0].kind == "text" and not queue[0].shut:
            return [_TEXT_DELTA % (self._index, encode(text))]  # as nearly always: nothing waits
        return self._add("text", {"type": "text", "text": ""}, {"type": "text_delta", "text": text}, len(text))

    def cite(self, citation: Any) -> list[bytes]:
        return self._add("text", {"type": "text", "text": ""}, {"type": "citations_delta", "citation": citation}, 0)

    def think(self, text: str) -> list[bytes]:
        if not text:
            return []
        return self._add("thinking", _thinking(), {"type": "thinking_delta", "thinking": text}, len(text))

    def sign(self, signature: str) -> list[bytes]:
        """Closes the thinking that is open; there may be none, when its text is not shown."""
        frames = self._add("thinking", _thinking(), {"type": "signature_delta", "signature": signature}, len(signature))
        self._queue[-1].shut = True
        return frames

    def whole(self, block: Any) -> list[bytes]:
        """A block without deltas."""
        self._push(_Block("whole", block))
        self._queue[-1].shut = True
        return self._flush()

    def call(self, index: int, ident: str, name: str) -> list[bytes]:
        """A tool call. Its index may have been seen before: then it goes on."""
        if self._find(index) is not None:
            return []
        self.calls += 1
        self._push(_Block("tool_use", {"type": "tool_use", "id": ident, "name": name, "input": {}}, index))
        return self._flush()

    def arguments(self, index: int, text: str) -> list[bytes]:
        """More of a call's arguments; what comes for a call that is complete is dropped, as no JSON can follow its object."""
        block = self._find(index)
        if block is None or not text:
            return []
        self._count(len(text))
        if not block.seen:
            text = text.lstrip()
            if not text:
                return []
            block.wrapped = not text.startswith("{")
        block.seen.append(text)
        if not block.wrapped:
            block.deltas.append({"type": "input_json_delta", "partial_json": text})
        return self._flush()

    def finish(self) -> list[bytes]:
        """Nothing more comes."""
        for block in self._queue:
            block.shut = True
        return self._flush()

    def _add(self, kind: str, head: Any, delta: dict[str, Any], size: int) -> list[bytes]:
        """A delta for the last block if it is of that kind, or for a new one."""
        last = self._queue[-1] if self._queue else None
        if last is None or last.kind != kind or last.shut:
            last = _Block(kind, head)
            self._push(last)
        last.deltas.append(delta)
        if len(self._queue) > 1:
            self._count(size)
        return self._flush()

    def _push(self, block: _Block) -> None:
        """A new block: the one before is complete, unless it is a call in the middle of its arguments."""
        if self._queue:
            last = self._queue[-1]
            last.shut = last.shut or last.kind != "tool_use"
        for waiting in self._queue:
            waiting.shut = waiting.shut or _is_complete(waiting)
        self._queue.append(block)

    def _find(self, index: int) -> _Block | None:
        return next((block for block in self._queue if block.index == index), None)

    def _count(self, size: int) -> None:
        self._chars += size
        if self._chars > LIMIT_CHARS:
            raise UpstreamMalformed("The provider's tool calls are larger than this gateway accepts")

    def _flush(self) -> list[bytes]:
        """Writes the first block as far as it is known, and those behind it once it is complete."""
        out: list[bytes] = []
        while self._queue:
            block = self._queue[0]
            if not self._is_open:
                out.append(self._frame("content_block_start", content_block=block.head))
                self._is_open = True
            if block.shut and block.wrapped:
                block.deltas.append({"type": "input_json_delta", "partial_json": bytes(unread("".join(block.seen))).decode()})
            out += [self._frame("content_block_delta", delta=delta) for delta in block.deltas]
            block.deltas = []
            if not block.shut:
                break
            out.append(self._frame("content_block_stop"))
            self._queue.pop(0)
            self._is_open = False
            self._index += 1
        return out

    def _frame(self, kind: str, **members: Any) -> bytes:
        return frame(encode({"type": kind, "index": self._index, **members}), kind.encode())


def _thinking() -> dict[str, Any]:
    return {"type": "thinking", "thinking": "", "signature": ""}


def _is_complete(block: _Block) -> bool:
    """Whether a call's arguments are a whole JSON object."""
    if block.wrapped or block.checked == len(block.seen):
        return False
    block.checked = len(block.seen)
    return members_of("".join(block.seen).encode()) is not None
