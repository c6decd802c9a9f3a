"""`p95 > 2s`, `errors > 1%`: what a run must not come to. Written as what is wrong, because that is when it fails."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import ClassVar, NamedTuple, Self

from llm_gateway.config.values import Duration
from llm_gateway.loadtest.histogram import Spread
from llm_gateway.loadtest.measured import Summary

_FORM = re.compile(r"\s*([a-z0-9_.]+)\s*(>=|<=|>|<)\s*(\S+)\s*")
_SIGNS: Mapping[str, Callable[[float, float], bool]] = MappingProxyType(
    {">": operator.gt, "<": operator.lt, ">=": operator.ge, "<=": operator.le}
)
_SPREADS: Mapping[str, Callable[[Summary], Spread]] = MappingProxyType(
    {
        "": lambda summary: summary.latency_ms,
        "service_": lambda summary: summary.service_ms,
        "ttft_": lambda summary: summary.ttft_ms,
        "gap_": lambda summary: summary.gap_ms,
        "lag_": lambda summary: summary.generator.lag_ms,
    }
)
_POINTS = MappingProxyType(
    {"mean": "mean", "p50": "p50", "p90": "p90", "p95": "p95", "p99": "p99", "p99.9": "p999", "max": "max"}
)
_RATES: Mapping[str, Callable[[Summary], float]] = MappingProxyType(
    {
        "rate": lambda summary: summary.per_second.answered,
        "tokens": lambda summary: summary.per_second.output_tokens,
        "requests": lambda summary: float(summary.requests),
    }
)
NAMES = (*(f"{of}{point}" for of in _SPREADS for point in _POINTS), *_RATES, "errors")
"""All that can be asked for."""


class Verdict(NamedTuple):
    """How a threshold came out. `value` is in its own unit (ms, a share, a rate); None: there was nothing to judge: failed."""

    text: str
    value: float | None
    failed: bool


class Threshold:
    """One condition under which a run fails: on a duration, a share (`1%`), a number of errors, or a rate per second."""

    __slots__ = ("_limit", "_name", "_share", "_sign", "text")
    pattern: ClassVar[str] = r"^\s*[a-z0-9_.]+\s*(>=|<=|>|<)\s*\S+\s*$"

    def __init__(self, text: str, name: str, sign: str, limit: float, *, share: bool) -> None:
        self.text = text
        self._name = name
        self._sign = sign
        self._limit = limit
        self._share = share

    @classmethod
    def parse(cls, given: object) -> Self:
        """Raises ValueError for what is none."""
        if isinstance(given, cls):
            return given
        found = _FORM.fullmatch(given) if isinstance(given, str) else None
        if found is None:
            raise ValueError('expected a condition such as "p95 > 2s" or "errors > 1%"')
        name, sign, limit = found.groups()
        if name not in NAMES:
            raise ValueError(f"expected one of {', '.join(NAMES)}")
        value, share = _limit(name, limit)
        return cls(f"{name} {sign} {limit}", name, sign, value, share=share)

    def judge(self, summary: Summary) -> Verdict:
        """Whether the run fails by it."""
        value = self._value(summary)
        return Verdict(self.text, value, value is None or _SIGNS[self._sign](value, self._limit))

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"Threshold({self.text!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Threshold) and self.text == other.text

    def __hash__(self) -> int:
        return hash(self.text)

    def _value(self, summary: Summary) -> float | None:
        if self._name == "errors":
            return summary.errors.share if self._share else float(summary.errors.count)
        if self._name in _RATES:
            return _RATES[self._name](summary)
        of = next(prefix for prefix in sorted(_SPREADS, reverse=True) if self._name.startswith(prefix))
        value: float | None = getattr(_SPREADS[of](summary), _POINTS[self._name.removeprefix(of)])
        return value


def _limit(name: str, text: str) -> tuple[float, bool]:
    """The number in the unit of what it limits, and whether it is a share."""
    if name == "errors" or name in _RATES:
        share = text.endswith("%") and name == "errors"
        try:
            value = float(text.removesuffix("%") if share else text)
        except ValueError:
            raise ValueError(f"expected a number{' or a percentage' if name == 'errors' else ''} behind {name}") from None
        return (value / 100 if share else value), share
    return float(Duration.parse(text)) * 1000, False
