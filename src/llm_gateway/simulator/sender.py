"""An Answer becomes bytes on a connection, at its pace. Nothing is decided here: the Answer says it all."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Protocol

from llm_gateway.simulator.answer import Answer, Ending, Framing
from llm_gateway.simulator.log import Seen

SETTLE = 0.03  # seconds between the last byte and a cut, so that what was sent is read before
BURST = 64 * 1024  # bytes written without a pause before other connections get their turn


class Line(Protocol):
    """What a sender needs of a connection."""

    def write(self, data: bytes) -> None: ...

    async def drained(self) -> None: ...

    def finish(self) -> None: ...

    def close(self) -> None: ...

    def reset(self) -> None: ...

    def now(self) -> float: ...


def render_head(answer: Answer, *, keep: bool) -> bytes:
    """Status line and header lines, ended by the empty line."""
    lines = [b"%s %d %s" % (answer.version, answer.status, _reason(answer.status))]
    lines += [name + b": " + value for name, value in answer.headers]
    if answer.framing is Framing.CHUNKED:
        lines.append(b"transfer-encoding: chunked")
    elif answer.framing is Framing.SIZED:
        lines.append(b"content-length: %d" % (answer.size if answer.declared is None else answer.declared))
    if not keep:
        lines.append(b"connection: close")
    lines += answer.extra_lines
    return answer.eol.join([*lines, b"", b""])


def whole(answer: Answer, *, keep: bool, head_only: bool = False) -> bytes:
    """All bytes of an answer that is sent at once."""
    body = answer.body
    head = render_head(answer, keep=keep)
    if head_only:
        return head
    if answer.framing is not Framing.CHUNKED:
        return head + body
    return head + (b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body) if body else b"0\r\n\r\n")


async def send(line: Line, answer: Answer, seen: Seen | None, *, keep: bool) -> None:
    """Send the answer and end or keep the connection; cancelled when the peer leaves."""
    if answer.wait:
        await asyncio.sleep(answer.wait)
    if not answer.silent:
        head = await _head(line, answer, keep=keep)
        await _parts(line, answer, head, seen)
        if answer.ending in (Ending.CUT, Ending.RESET):
            await line.drained()
            await asyncio.sleep(SETTLE)
        elif answer.framing is Framing.CHUNKED:
            line.write(b"0\r\n\r\n")
    if answer.ending is Ending.RESET:
        line.reset()
    elif answer.ending is Ending.CUT:
        line.close()
    elif not keep:
        line.finish()


async def _head(line: Line, answer: Answer, *, keep: bool) -> bytes:
    """The head, to leave with the first part; nothing when it had to be dripped."""
    head = render_head(answer, keep=keep)
    if not answer.head_pace:
        return head
    for at in range(len(head)):
        line.write(head[at : at + 1])
        await asyncio.sleep(answer.head_pace)
    return b""


async def _parts(line: Line, answer: Answer, head: bytes, seen: Seen | None) -> None:
    """The body: pauses are kept against one schedule, so that they do not add up their own delays."""
    due, unpaused, last = line.now(), 0, len(answer.parts) - 1
    for index, (pause, data) in enumerate(answer.parts):
        if pause:
            if head:
                line.write(head)
                head = b""
            due += pause
            await asyncio.sleep(max(0.0, due - line.now()))
            unpaused = 0
        if answer.framing is Framing.CHUNKED and data:
            size = b"ZZ" if answer.bad_chunk and index == last else b"%x" % len(data)
            line.write(b"%s%s\r\n%s\r\n" % (head, size, data))
        elif head or data:
            line.write(head + data)
        head = b""
        if seen is not None:
            seen.sent += len(data)
        unpaused += len(data)
        if answer.apart:
            await asyncio.sleep(0)
        elif unpaused > BURST:
            unpaused = 0
            await asyncio.sleep(0)
        await line.drained()
    if head:
        line.write(head)


def _reason(status: int) -> bytes:
    try:
        return HTTPStatus(status).phrase.encode()
    except ValueError:
        return b"Overloaded" if status == 529 else b"Unknown"
