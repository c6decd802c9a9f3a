"""One run beside an earlier one: what became worse by more than is allowed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from llm_gateway.loadtest.histogram import Spread
from llm_gateway.loadtest.measured import Summary

FEW = 10
"""Answers that must lie above a percentile, in both runs, or it is chance and is shown without being judged."""
ERRORS = 0.001
"""Share of errors by which a run may be worse."""
_SPREADS = (("latency", "latency_ms"), ("first token", "ttft_ms"), ("gap", "gap_ms"))
_POINTS = (("p50", 0.5), ("p95", 0.95), ("p99", 0.99))


class Difference(NamedTuple):
    """One figure of both runs. `change`: as a share of the earlier one. `judged`: there is enough to judge it."""

    name: str
    unit: str
    before: float
    now: float
    change: float | None
    judged: bool
    worse: bool


class NotComparable(Exception):
    """The runs were not under the same load."""


def differences(before: Summary, now: Summary, tolerance: float) -> list[Difference]:
    """Every figure of both runs. `tolerance`: the share by which a figure may be worse. Raises NotComparable."""
    unlike = [name for name in now.load if name != "models" and now.load[name] != before.load.get(name)]
    if unlike:
        raise NotComparable(f"the earlier run was under another load ({', '.join(unlike)})")
    for summary, which in ((before, "the earlier run"), (now, "this run")):
        if summary.generator.limits:
            raise NotComparable(f"in {which} the load generator was the bottleneck: {'; '.join(summary.generator.limits)}")
        if summary.interrupted:
            raise NotComparable(f"{which} was interrupted")
    return [*_durations(before, now, tolerance), *_others(before, now, tolerance)]


def _durations(before: Summary, now: Summary, tolerance: float) -> Iterator[Difference]:
    for name, field in _SPREADS:
        earlier: Spread = getattr(before, field)
        later: Spread = getattr(now, field)
        for point, share in _POINTS:
            was, is_now = getattr(earlier, point), getattr(later, point)
            if was is None or is_now is None:
                continue
            enough = min(earlier.count, later.count) * (1 - share) >= FEW
            change = (is_now - was) / was if was else None
            worse = enough and is_now > was * (1 + tolerance)
            yield Difference(f"{name} {point}", "ms", was, is_now, change, enough, worse)


def _others(before: Summary, now: Summary, tolerance: float) -> Iterator[Difference]:
    was, is_now = before.per_second.answered, now.per_second.answered
    yield Difference("answers", "per second", was, is_now, _change(was, is_now), True, is_now < was * (1 - tolerance))
    failed, fails = before.errors.share, now.errors.share
    yield Difference("errors", "share", failed, fails, _change(failed, fails), True, fails > failed + ERRORS)


def _change(before: float, now: float) -> float | None:
    return (now - before) / before if before else None
