"""What an alert is tried with: series as Prometheus would have scraped them, and who is then told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

PROD = 'namespace="prod"'
BEFORE = "_x30"
"""Half an hour in which a series is not there yet."""


class Case(NamedTuple):
    """`series`: values by series, in promtool's notation, one a minute. `fires`: the labels of each alert that fires at `at`,
    without those that the rule itself gives; none: it must be silent.
    """

    alert: str
    series: Mapping[str, str]
    at: str
    fires: tuple[Mapping[str, str], ...] = ()


def rate(per_second: float, minutes: int = 60) -> str:
    """A counter."""
    return f"0+{per_second * 60:g}x{minutes}"


def steady(value: float, minutes: int = 60) -> str:
    """A gauge."""
    return f"{value:g}+0x{minutes}"


def histogram(name: str, labels: str, counts: Mapping[str, float], minutes: int = 60) -> dict[str, str]:
    """A histogram by upper bound: how many a second are at most that. "+Inf" is the total."""
    made = {f'{name}_bucket{{{labels},le="{bound}"}}': rate(count, minutes) for bound, count in counts.items()}
    return {**made, f"{name}_count{{{labels}}}": rate(counts["+Inf"], minutes)}


def both(alert: str, loud: Mapping[str, str], quiet: Mapping[str, str], at: str, **labels: str) -> tuple[Case, Case]:
    """It fires for one and not for the other."""
    return Case(alert, loud, at, (labels,)), Case(alert, quiet, at)


def not_yet(alert: str, series: Mapping[str, str], at: str) -> Case:
    """It does not fire before its time, though what it is about is the case."""
    return Case(alert, series, at)
