"""Questions and answers that are larger than a frame: sent in pieces, between which everything else passes.

A question of one piece is `large` [method, number 0, piece]. Of a longer one all pieces but the last go first, as `large_piece`
[number, piece], under a number that the asking side chose. The answer is [whole length, first piece, number]; what is longer than
that is fetched piece by piece with `large_rest` [number].
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec

from llm_gateway.channel.peer import Refused, Unanswered
from llm_gateway.core.within import within

PIECE = 256 << 10
"""Bytes."""
MOST = 64 << 20
"""Bytes of one question or answer."""
MOST_HELD = 256 << 20
"""Bytes of all those that the answering side holds at one time; with more it is busy."""
HELD_SECONDS = 30.0
"""What nobody goes on with is let go after that."""

QUESTIONS = ("large", "large_piece", "large_rest")

Ask = Callable[[str, Any, float], Awaitable[Any]]
"""Link.ask."""
Answering = Callable[[bytes], Awaitable[bytes]]
"""Raises Refused."""


class Asking:
    """The side that asks."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._number = 0

    async def __call__(self, method: str, body: bytes, seconds: float) -> bytes:
        """`seconds` for all of it. Raises Unanswered."""
        if len(body) > MOST:
            raise Unanswered(f"{len(body)} bytes are too many")
        try:
            return await within(self._exchange(method, body, seconds), seconds)
        except TimeoutError:
            raise Unanswered(f"no answer to {method} within {seconds:g} s") from None

    async def _exchange(self, method: str, body: bytes, seconds: float) -> bytes:
        last = max(len(body) - 1, 0) // PIECE * PIECE
        number = 0
        if last:
            self._number += 1
            number = self._number
        for start in range(0, last, PIECE):
            await self._ask("large_piece", [number, body[start : start + PIECE]], seconds)
        length, piece, rest = await self._ask("large", [method, number, body[last:]], seconds)
        pieces, got = [piece], len(piece)
        while got < length:
            piece = await self._ask("large_rest", [rest], seconds)
            pieces.append(piece)
            got += len(piece)
        return piece if len(pieces) == 1 else b"".join(pieces)


class _Held:
    """Pieces of a question that is not complete, or an answer of which a part was fetched."""

    __slots__ = ("data", "sent", "timer")

    def __init__(self, data: bytearray, timer: asyncio.TimerHandle) -> None:
        self.data = data
        self.sent = 0
        self.timer = timer


class Answers:
    """The side that answers: `asked` is for the Hub. One for all workers."""

    def __init__(self, methods: Mapping[str, Answering]) -> None:
        self._methods = methods
        self._held: dict[Any, _Held] = {}
        self._number = 0
        self.bytes = 0
        """Held now."""

    @property
    def asked(self) -> dict[str, Callable[[Any, Any], Awaitable[Any]]]:
        return dict(zip(QUESTIONS, (self._large, self._piece, self._rest), strict=True))

    async def _piece(self, worker: Any, body: Any) -> None:
        number, piece = msgspec.convert(body, tuple[int, bytes])
        key = (id(worker), worker.run, number)
        held = self._held.get(key)
        if self.bytes + len(piece) > MOST_HELD or (held is not None and len(held.data) + len(piece) > MOST):
            self._drop(key)
            raise Refused("busy", "too much is held")
        if held is None:
            held = self._hold(key, bytearray())
        held.data += piece
        self.bytes += len(piece)

    async def _large(self, worker: Any, body: Any) -> Any:
        method, number, data = msgspec.convert(body, tuple[str, int, bytes])
        answering = self._methods.get(method)
        if answering is None:
            raise Refused("unknown", "there is no such method")
        if number:
            before = self._drop((id(worker), worker.run, number))
            if before is None:
                raise Refused("busy", "the pieces before were let go")
            before.data += data
            data = bytes(before.data)
        if self.bytes + len(data) > MOST_HELD:
            raise Refused("busy", "too much is held")
        size = len(data)
        self.bytes += size
        try:
            answer = await answering(data)
        finally:
            self.bytes -= size
        if len(answer) <= PIECE:
            return [len(answer), answer, 0]
        if len(answer) > MOST or self.bytes + len(answer) > MOST_HELD:
            raise Refused("busy", "too much is held")
        self._number += 1
        held = self._hold(self._number, bytearray(answer))
        self.bytes += len(answer)
        held.sent = PIECE
        return [len(answer), answer[:PIECE], self._number]

    async def _rest(self, _worker: Any, body: Any) -> bytes:
        (number,) = msgspec.convert(body, tuple[int])
        held = self._held.get(number)
        if held is None:
            raise Refused("busy", "the answer was let go")
        piece = bytes(held.data[held.sent : held.sent + PIECE])
        held.sent += len(piece)
        if held.sent >= len(held.data):
            self._drop(number)
        return piece

    def _hold(self, key: Any, data: bytearray) -> _Held:
        timer = asyncio.get_running_loop().call_later(HELD_SECONDS, self._drop, key)
        held = self._held[key] = _Held(data, timer)
        return held

    def _drop(self, key: Any) -> _Held | None:
        held = self._held.pop(key, None)
        if held is not None:
            held.timer.cancel()
            self.bytes -= len(held.data)
        return held

    def close(self) -> None:
        for key in list(self._held):
            self._drop(key)
