"""What the workers of this node say about the answers that they keep, as one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import msgspec

from llm_gateway.cache.shown import CLEAR, FIGURES, MOST_ROWS, ROWS, Clear, Figures, Page, Row
from llm_gateway.channel.messages import plain
from llm_gateway.channel.peer import Unanswered
from llm_gateway.control.operators import ASK_SECONDS, Workers, missing_of
from llm_gateway.core.errors import Overloaded

_COUNTS = ("entries", "bytes", "evictions", "stored", "saved_bytes")


class Told(NamedTuple):
    """What those said that answered, by slot. `missing`: the others, and why they did not; empty: there are none."""

    by_slot: list[tuple[int, Any]]
    missing: list[dict[str, Any]]


class Listed(NamedTuple):
    """Rows, answered last first, each with the slots of the workers that have it."""

    rows: list[tuple[Row, list[int]]]
    more: bool
    missing: list[dict[str, Any]]


class Keepers:
    """All workers of this node. Each method raises Overloaded if none of them answers."""

    def __init__(self, hub: Callable[[], Workers]) -> None:
        self._hub = hub

    async def figures(self) -> Told:
        """Of each worker Figures."""
        told = await self._ask(FIGURES, None)
        return Told([(slot, msgspec.convert(said, Figures)) for slot, said in told.by_slot], told.missing)

    async def rows(self, page: Page) -> Listed:
        """A page of what all of them have together: what several have alike is one row."""
        wanted = msgspec.structs.replace(page, limit=page.limit + 1)
        assert wanted.limit <= MOST_ROWS  # noqa: S101 - a page of the API is smaller
        told = await self._ask(ROWS, plain(wanted))
        found: dict[tuple[float, bytes], tuple[Row, list[int]]] = {}
        for slot, said in told.by_slot:
            for row in msgspec.convert(said, list[Row]):
                found.setdefault((row.at, row.key), (row, []))[1].append(slot)
        ordered = [found[place] for place in sorted(found, reverse=True)]
        return Listed(ordered[: page.limit], len(ordered) > page.limit, told.missing)

    async def clear(self, clear: Clear) -> Told:
        """Of each worker how many answers went."""
        return await self._ask(CLEAR, plain(clear))

    async def _ask(self, method: str, body: Any) -> Told:
        hub = self._hub()
        await hub.someone(ASK_SECONDS)
        answers = await hub.ask_all(method, body, ASK_SECONDS)
        by_slot = [(worker.slot, said) for worker, said in answers if not isinstance(said, Unanswered)]
        missing = missing_of(answers)
        if not by_slot:
            raise Overloaded("No worker could be asked.", code="workers_unavailable", details=missing or None)
        return Told(by_slot, missing.get("missing", []))


def together(figures: Iterable[Figures]) -> Figures:
    """Their sum."""
    every = list(figures)
    counts = {name: sum(getattr(one, name) for one in every) for name in _COUNTS}
    shared = [one.shared for one in every if one.shared is not None]
    return Figures(**counts, results=_sum(one.results for one in every), shared=_sum(shared) if shared else None)


def _sum(every: Iterable[Mapping[str, int]]) -> dict[str, int]:
    whole: Counter[str] = Counter()
    for one in every:
        whole.update(one)
    return dict(whole)
