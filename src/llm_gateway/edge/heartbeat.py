"""Comments that keep a silent stream alive through proxies which close quiet connections (requirements S3).

One timer for all streams: it looks which of them wrote nothing since it looked last. A stream pays nothing per chunk for this.
"""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Protocol

from llm_gateway.http.framing.sse import comment

KEEPALIVE = comment(b"keepalive")


class Writes(Protocol):
    """`written`: bytes given to the caller so far, comments not counted."""

    written: int


class Reply(Protocol):
    paused: bool

    def write(self, data: bytes) -> None: ...


class Heartbeat:
    """Beats every `seconds`; a stream that was silent between two beats gets a comment. 0 turns it off."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._streams: dict[Writes, tuple[Reply, int]] = {}
        self._timer: asyncio.TimerHandle | None = None

    def beating(self, answer: Writes, reply: Reply) -> _Beating:
        """A `with` block for as long as the stream lives."""
        return _Beating(self, answer, reply)

    def add(self, answer: Writes, reply: Reply) -> None:
        self._streams[answer] = (reply, -1)
        if self._timer is None and self._seconds:
            self._timer = asyncio.get_running_loop().call_later(self._seconds, self._beat)

    def remove(self, answer: Writes) -> None:
        self._streams.pop(answer, None)

    def _beat(self) -> None:
        self._timer = None
        for answer, (reply, seen) in self._streams.items():
            if answer.written == seen and not reply.paused:
                reply.write(KEEPALIVE)
            self._streams[answer] = (reply, answer.written)
        if self._streams:
            self._timer = asyncio.get_running_loop().call_later(self._seconds, self._beat)


class _Beating:
    __slots__ = ("_answer", "_heartbeat", "_reply")

    def __init__(self, heartbeat: Heartbeat, answer: Writes, reply: Reply) -> None:
        self._heartbeat = heartbeat
        self._answer = answer
        self._reply = reply

    def __enter__(self) -> None:
        self._heartbeat.add(self._answer, self._reply)

    def __exit__(self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None) -> None:
        self._heartbeat.remove(self._answer)
