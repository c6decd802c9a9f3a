"""What operators may see of the answers that are kept: how many, of whom, how old. Never what was asked or answered.

Workers answer with these structs what control asks them.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Mapping
from types import MappingProxyType

import msgspec

from llm_gateway.cache.entry import Entry
from llm_gateway.cache.stage import Answers, Result

FIGURES, ROWS, CLEAR = "cache", "cache_rows", "cache_clear"
"""What control asks: Figures, rows for a Page, and how many answers went by a Clear."""
_NAMES: Mapping[str, Result] = MappingProxyType(
    {"hits": "hit", "misses": "miss", "stale": "stale", "coalesced": "coalesced", "bypassed": "bypass"}
)
_SHARED: Mapping[str, str] = MappingProxyType(
    {
        "hits": "hits",
        "misses": "misses",
        "failed": "failures",
        "damaged": "damaged",
        "skipped": "skipped",
        "not_written": "dropped",
    }
)
_SERVED = ("hit", "stale", "coalesced")
"""Results of requests that were answered with what was kept."""
MOST_ROWS = 200
LONGEST_NAME = 200
"""Characters of a name that are shown: callers choose what they ask for."""
_SLICE = 4096
"""Answers that are looked at before others have their turn: about a millisecond."""


class Figures(msgspec.Struct, frozen=True):
    """Of one worker, since it began."""

    entries: int
    bytes: int
    """Of memory, about."""
    evictions: int
    stored: int
    saved_bytes: int
    results: dict[str, int]
    """Requests by what became of them (cache.stage.Result)."""
    shared: dict[str, int] | None = None
    """Of looking in the second tier, under the names that people read; None: there is none."""


class Page(msgspec.Struct, frozen=True):
    """Which rows: answered last first, behind `after` (when it was answered, and its key); of the name `model` only."""

    limit: int
    model: str | None = None
    after: tuple[float, bytes] | None = None


class Row(msgspec.Struct, frozen=True, array_like=True):
    """One answer. Times are Unix seconds. Names are cut short, and are text that can be sent."""

    at: float
    key: bytes
    until: float
    asked: str
    provider: str
    model: str
    stream: bool
    size: int
    """Bytes of the answer."""


class Clear(msgspec.Struct, frozen=True):
    """Which answers are to go: asked for by this name, answered before this moment (Unix seconds). None: whatever it is."""

    model: str | None = None
    before: float | None = None


def figures(answers: Answers) -> Figures:
    """As they are now."""
    memory, far = answers.memory, answers.far
    return Figures(
        len(memory),
        memory.bytes,
        memory.evicted,
        answers.stored,
        answers.saved_bytes,
        {str(result): count for result, count in answers.results.items()},
        None if far is None else {name: getattr(far, attribute) for name, attribute in _SHARED.items()},
    )


def counted(results: Mapping[str, int]) -> dict[str, int]:
    """Results under the names that people read."""
    return {name: results.get(result, 0) for name, result in _NAMES.items()}


def ratio(results: Mapping[str, int]) -> float | None:
    """The share that was answered with what was kept, of requests for which that would have done; None: there were none."""
    served = sum(results.get(result, 0) for result in _SERVED)
    looked = served + results.get("miss", 0)
    return round(served / looked, 4) if looked else None


async def rows(answers: Answers, page: Page) -> list[Row]:
    """At most `page.limit` rows, and MOST_ROWS. Answers whose time is over altogether are no rows."""
    now, model, after = answers.now(), page.model, page.after
    limit = min(page.limit, MOST_ROWS)
    kept = answers.memory.everything()
    best: list[tuple[float, bytes, Entry]] = []
    for first in range(0, len(kept), _SLICE):
        found = (
            (entry.at, key, entry)
            for key, entry in kept[first : first + _SLICE]
            if entry.until > now and model in (None, entry.asked) and (after is None or (entry.at, key) < after)
        )
        best = heapq.nlargest(limit, [*best, *found])  # keys differ: entries themselves are never compared
        await asyncio.sleep(0)
    return [_row(key, entry) for _, key, entry in best]


def _row(key: bytes, entry: Entry) -> Row:
    names = (entry.asked, entry.provider, entry.model)
    asked, provider, model = (name[:LONGEST_NAME].encode("utf-8", "replace").decode() for name in names)
    return Row(entry.at, key, entry.until, asked, provider, model, entry.stream, len(entry.body))
