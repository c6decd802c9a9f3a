"""What a process has counted: a bounded number of series for each family, and what of them is still to be told.

What is told are differences: whoever hears them adds them up, so that totals outlive the process that counted.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence

from llm_gateway.telemetry.families import NAMES
from llm_gateway.telemetry.family import SECONDS, Family

OTHER = "other"
MAX_SERIES = 10_000
Labels = tuple[str, ...]
Told = dict[str, list[tuple[Labels, list[float]]]]
"""Family -> labels and what came since the last time: of a counter one number; of a histogram how many in each bucket, above the
last one, and the sum.
"""
FREE = frozenset(
    {"provider", "model", "tenant", "project", "key", "alias", "error_type", "gen_ai_provider_name", "gen_ai_request_model"}
)
"""Labels that have as many values as there are names, or words of providers; the others have few, by nature."""


class Series:
    """One family's numbers for one combination of labels."""

    __slots__ = ("family", "labels", "told", "values")

    def __init__(self, family: str, labels: Labels, size: int) -> None:
        self.family = family
        self.labels = labels
        self.values: list[float] = [0] * size
        """Hot code adds to its places itself."""
        self.told: list[float] | None = None


class Counts:
    """All series of a process."""

    def __init__(self, most: int = MAX_SERIES, buckets: tuple[float, ...] | None = None) -> None:
        """`most`: combinations of one family; `buckets`: of whole requests and attempts, None: SECONDS."""
        self.most = most
        self.buckets = buckets or SECONDS
        self._families: dict[str, dict[Labels, Series]] = {}
        self._untold: dict[Series, None] = {}

    def series(self, family: str, labels: Labels) -> Series:
        """Where it is counted. Beyond `most` combinations, every name is `other`."""
        kept = self._families.setdefault(family, {})
        found = kept.get(labels)
        if found is not None:
            return found
        made = NAMES[family]
        if len(kept) >= self.most:
            labels = tuple(OTHER if name in FREE and value else value for name, value in zip(made.every, labels, strict=True))
            found = kept.get(labels)
            if found is not None:
                return found
        bounds = bounds_of(made, self.buckets)
        kept[labels] = found = Series(family, labels, len(bounds) + 2 if made.kind == "histogram" else 1)
        return found

    def add(self, family: str, labels: Labels = (), amount: float = 1) -> None:
        """To a counter, where speed does not matter."""
        series = self.series(family, labels)
        series.values[0] += amount
        self._untold[series] = None

    def set(self, family: str, labels: Labels, total: float) -> None:
        """A counter that somebody else keeps."""
        series = self.series(family, labels)
        if series.told is None or series.values[0] != total:
            series.values[0] = total
            self._untold[series] = None

    def observe(self, family: str, labels: Labels, value: float) -> None:
        """Into a histogram, where speed does not matter."""
        series = self.series(family, labels)
        values = series.values
        values[bisect_left(bounds_of(NAMES[family], self.buckets), value)] += 1
        values[-1] += value
        self._untold[series] = None

    def changed(self, several: Iterable[Series]) -> None:
        """Their values are others now."""
        self._untold.update(dict.fromkeys(several))

    def untold(self, most: int) -> Iterator[Told]:
        """What came since the last time, `most` series at once. Going on to the next piece says that this one was told."""
        while self._untold:
            piece = [series for series, _ in zip(self._untold, range(most), strict=False)]
            told: Told = {}
            now = [list(series.values) for series in piece]
            for series, values in zip(piece, now, strict=True):
                before = series.told
                new = values if before is None else [value - old for value, old in zip(values, before, strict=True)]
                told.setdefault(series.family, []).append((series.labels, new))
            yield told
            for series, values in zip(piece, now, strict=True):
                series.told = values
                if series.values == values:  # nothing was counted meanwhile
                    del self._untold[series]

    def total(self) -> int:
        """Series that are kept."""
        return sum(map(len, self._families.values()))

    def copied(self) -> Told:
        """Everything, as it is now."""
        return {
            name: [(series.labels, series.values.copy()) for series in kept.values()] for name, kept in self._families.items()
        }


def bounds_of(family: Family, buckets: tuple[float, ...]) -> tuple[float, ...]:
    """The upper bounds of a family's buckets. `buckets`: of whole requests and attempts, as configured."""
    return buckets if family.buckets is SECONDS else family.buckets


def rebucketed(values: Sequence[float], bounds: Sequence[float], wanted: Sequence[float]) -> list[float]:
    """A histogram's numbers under other bounds: never in a bucket that is too low."""
    made: list[float] = [0.0] * (len(wanted) + 2)
    for at, count in enumerate(values[:-2]):
        made[bisect_left(wanted, bounds[at])] += count
    made[-2] += values[-2]
    made[-1] = values[-1]
    return made
