"""A caller's stream as SSE, or as one JSON array, an element for each piece."""

from __future__ import annotations

from llm_gateway.core.errors import GatewayError
from llm_gateway.core.usage import Usage
from llm_gateway.dialects.base import ProviderFault, Relay
from llm_gateway.dialects.gemini.arrays import LIMIT_BYTES
from llm_gateway.dialects.gemini.errors import render_error
from llm_gateway.http.framing.sse import SseReader, frame


class ArrayFrames:
    """Writes the array for a caller who asked for one."""

    __slots__ = ("_begun",)

    def __init__(self) -> None:
        self._begun = False

    def piece(self, data: bytes) -> bytes:
        opening = b",\r\n" if self._begun else b"["
        self._begun = True
        return opening + data

    def close(self) -> bytes:
        return b"]" if self._begun else b"[]"

    def fail(self, error: GatewayError, request_id: str) -> bytes:
        """The error as the last element."""
        return self.piece(render_error(error, request_id)) + b"]"


class SseFrames:
    """Writes SSE. It has no marker for its end."""

    __slots__ = ()

    def piece(self, data: bytes) -> bytes:
        return frame(data)

    def close(self) -> bytes:
        return b""

    def fail(self, error: GatewayError, request_id: str) -> bytes:
        return frame(render_error(error, request_id))


class ArrayRelay:
    """A `Relay` (dialects/base.py) that shows the SSE of another one as an array."""

    __slots__ = ("_frames", "_reader", "_relay", "committed", "done", "failure", "usage")

    def __init__(self, relay: Relay) -> None:
        self._relay = relay
        self._reader = SseReader(LIMIT_BYTES)
        self._frames = ArrayFrames()
        self.usage: Usage | None = None
        self.committed = False
        self.done = False
        self.failure: ProviderFault | None = None

    def feed(self, data: bytes) -> bytes:
        return self._shown(self._relay.feed(data))

    def end(self) -> bytes:
        return self._shown(self._relay.end())

    def _shown(self, block: bytes) -> bytes:
        relay = self._relay
        out = [self._frames.piece(event.data) for event in self._reader.feed(block) if event.data != b"[DONE]"]
        if relay.done and not self.done:
            out.append(self._frames.close())
        self.usage, self.committed, self.done, self.failure = relay.usage, relay.committed, relay.done, relay.failure
        return b"".join(out)
