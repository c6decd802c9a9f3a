"""Comments that keep a silent stream alive through proxies which close quiet connections (requirements S3).

One timer for all streams: it looks which of them wrote nothing since it looked last. A stream pays nothing per chunk for this.
"""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Protocol


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
        self._streams: dict[Writes, tuple[Reply, bytes, int]] = {}
        self._timer: asyncio.TimerHandle | None = None

    def beating(self, answer: Writes, reply: Reply, beat: bytes) -> _Beating:
        """A `with` block for as long as the stream lives. `beat`: what it is sent; b"" where nothing may be."""
        return _Beating(self, answer, reply, beat)

    def add(self, answer: Writes, reply: Reply, beat: bytes) -> None:
        if not beat:
            return
        self._streams[answer] = (reply, beat, -1)
        if self._timer is None and self._seconds:
            self._timer = asyncio.get_running_loop().call_later(self._seconds, self._beat)

    def remove(self, answer: Writes) -> None:
        self._streams.pop(answer, None)

    def _beat(self) -> None:
        self._timer = None
        for answer, (reply, beat, seen) in self._streams.items():
            if answer.written == seen and not reply.paused:
                reply.write(beat)
            self._streams[answer] = (reply, beat, answer.written)
        if self._streams:
            self._timer = asyncio.get_running_loop().call_later(self._seconds, self._beat)


class _Beating:
    __slots__ = ("_answer", "_beat", "_heartbeat", "_reply")

    def __init__(self, heartbeat: Heartbeat, answer: Writes, reply: Reply, beat: bytes) -> None:
        self._heartbeat = heartbeat
        self._answer = answer
        self._reply = reply
        self._beat = beat

    def __enter__(self) -> None:
        self._heartbeat.add(self._answer, self._reply, self._beat)

    def __exit__(self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None) -> None:
        self._heartbeat.remove(self._answer)
