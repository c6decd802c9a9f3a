"""Workers for tests: each with real answers in memory, behind what the channel would carry."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import msgspec

from llm_gateway.cache.entry import Entry
from llm_gateway.cache.stage import Answers
from llm_gateway.channel.hub import Worker
from llm_gateway.channel.peer import Unanswered
from llm_gateway.core.clock import Clock
from llm_gateway.worker.cache_shown import cache_asked


class Hub:
    """`silent`: slots of those that do not answer."""

    def __init__(self, clock: Clock, count: int = 2) -> None:
        self.answers = [Answers(clock) for _ in range(count)]
        self.workers = [Worker(slot, 10 + slot, "r", 1, SimpleNamespace()) for slot in range(count)]  # type: ignore[arg-type]
        self.silent: set[int] = set()
        for one in self.answers:
            one.memory.configure(1 << 20)

    def keep(self, slot: int, key: int, at: float, asked: str = "fast", *, until: float = 1e12, body: bytes = b"{}") -> None:
        self.answers[slot].memory.put(bytes([key]), Entry(body, at, until, "sim", "gpt-sim", asked))

    async def someone(self, _seconds: float) -> bool:
        return bool(self.workers)

    async def ask_all(self, method: str, body: Any, _seconds: float) -> list[tuple[Worker, Any]]:
        found: list[tuple[Worker, Any]] = []
        for worker, answers in zip(self.workers, self.answers, strict=True):
            said: Any = Unanswered(f"no answer to {method} within 2 s")
            if worker.slot not in self.silent:
                said = carried(await cache_asked(answers)[method](worker.peer, carried(body)))
            found.append((worker, said))
        return found


def carried(body: Any) -> Any:
    """As it comes out at the other end."""
    return msgspec.msgpack.decode(msgspec.msgpack.encode(body))
