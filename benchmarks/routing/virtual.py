"""Time that passes only when nothing is left to do: an event loop whose sleeps take no time."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine, Mapping
from typing import Any, TypeVar

START = 1000.0
WALL = 1_800_000_000.0
_Result = TypeVar("_Result")


class VirtualLoop(asyncio.SelectorEventLoop):
    """asyncio as it is, but where it would wait for the next timer its clock jumps there. The order of events depends on their
    times and on nothing else, so that a run with the same seed is the same run.
    """

    def __init__(self) -> None:
        self.at = START
        super().__init__(_Jump(self))

    def time(self) -> float:
        return self.at


class _Jump(selectors.SelectSelector):
    """No file is ever waited for."""

    def __init__(self, loop: VirtualLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise RuntimeError("everybody waits, and nothing will ever happen")
        if timeout > 0:
            self._loop.at += timeout
        return []


class VirtualClock:
    """llm_gateway.core.clock.Clock on the loop's time."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.monotonic = loop.time

    def now(self) -> float:
        return WALL + self.monotonic()


def run(main: Coroutine[Any, Any, _Result], loop: VirtualLoop) -> _Result:
    """To the end of `main`; what goes wrong in a forgotten task is an error."""
    wrong: list[Mapping[str, Any]] = []
    loop.set_exception_handler(lambda _loop, context: wrong.append(context))
    try:
        result = loop.run_until_complete(main)
    finally:
        loop.close()
    if wrong:
        raise RuntimeError(f"a task failed: {wrong[0]}")
    return result
