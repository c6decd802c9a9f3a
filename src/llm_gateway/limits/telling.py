"""The header lines of a caller's own limits, made ready once: what is left and when it is back is all that a request fills in.

The same lines as answers.lines makes (tests/limits/test_telling.py), for what a book in memory holds, at a third of the time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from math import ceil

from llm_gateway.limits.answers import SHAPES, as_openai, duration, in_short
from llm_gateway.limits.gcra import RateCell
from llm_gateway.limits.memory import Cell, Hold
from llm_gateway.limits.meter import Meter

_Line = tuple[int, Meter, int, bytes]
"""Which charge it is, its meter, the most that is shown as left, and the lines with gaps for numbers."""


class Telling:
    """Of meters in the order in which they are charged."""

    __slots__ = ("_first", "_second")

    def __init__(self, first: Sequence[_Line], second: Sequence[_Line]) -> None:
        """`first`: rates of which one is told in both notations. `second`: of which one is told in OpenAI's, if there are any."""
        self._first = first
        self._second = second

    def __call__(self, hold: Hold) -> bytes:
        """As it stands now."""
        at, now = hold.clocks()
        left, reset, lines = _tightest(self._first, hold.cells, at)
        told = lines % (left, ceil(now + reset), left, duration(reset))
        if self._second:
            left, reset, lines = _tightest(self._second, hold.cells, at)
            told += lines % (left, duration(reset))
        return told


def telling_of(meters: Iterable[Meter]) -> Telling | None:
    """None: there is no rate among them, and what else there may be to tell is not worth to be made ready."""
    rates = [(index, meter) for index, meter in enumerate(meters) if meter.period]
    requests = [(index, meter, b"Requests") for index, meter in rates if meter.unit == "requests"]
    tokens = [(index, meter, b"Tokens") for index, meter in rates if meter.unit != "requests"]
    if not rates:
        return None
    first, second = (requests, tokens) if requests else (tokens, requests)
    return Telling(
        tuple((index, meter, meter.most, _both(what, meter.most, meter.period)) for index, meter, what in first),
        tuple((index, meter, meter.most, as_openai(what, meter.most)) for index, meter, what in second),
    )


@lru_cache(maxsize=SHAPES)  # keys of one kind share them
def _both(what: bytes, most: int, period: float) -> bytes:
    return in_short(most, period) + as_openai(what, most)


def _tightest(rates: Sequence[_Line], cells: Sequence[Cell], at: float) -> tuple[int, float, bytes]:
    """What is left of that of which least is left, the seconds until all of it is back, and its lines."""
    least, till, told = -1, 0.0, b""
    for index, meter, most, lines in rates:
        cell: RateCell = cells[index]  # type: ignore[assignment]  # a rate's
        left, reset = cell.left(meter, at)
        if left > most:  # noqa: PLR1730 - min() takes three times as long
            left = most
        if left < least or least < 0:
            least, till, told = left, reset, lines
    return least, till, told
