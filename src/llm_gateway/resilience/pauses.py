"""Pauses that a provider asked for or gave reason to: a rate limit, an exhausted quota, refused credentials, a bad certificate.

A pause is no failure. Each cause has its own; a later, shorter one never shortens one that still holds (peers 4d, L#40130), and
success of an attempt that was started after a pause began ends it, because it disproves it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Literal, NamedTuple

Cause = Literal["rate_limited", "quota", "credentials", "tls", "unhealthy"]


class Rule(NamedTuple):
    """Seconds: the first pause when the provider does not say how long, where doubling ends, and the longest that it may ask."""

    first: float
    longest: float
    longest_told: float


RULES: Mapping[Cause, Rule] = MappingProxyType(
    {
        "rate_limited": Rule(1.0, 60.0, 300.0),
        "quota": Rule(5.0, 3600.0, 3600.0),
        "credentials": Rule(2.0, 600.0, 600.0),
        "tls": Rule(5.0, 600.0, 600.0),
        "unhealthy": Rule(60.0, 60.0, 3600.0),
    }
)
"""A provider that asks for more than `longest_told` is asked again by then: one attempt is cheaper than believing a mistake."""
ENDED_BY_NEW_CREDENTIALS: tuple[Cause, ...] = ("credentials", "tls", "quota")


class Pause:
    """`since`: when it began, or was last renewed. `level`: how often it was renewed without a success in between."""

    __slots__ = ("level", "since", "until")

    def __init__(self) -> None:
        self.until = 0.0
        self.since = 0.0
        self.level = 0


class Pauses:
    """Of one deployment or account. Times are monotonic seconds."""

    __slots__ = ("_by_cause",)

    def __init__(self) -> None:
        self._by_cause: dict[Cause, Pause] = {}

    def __bool__(self) -> bool:
        return bool(self._by_cause)

    def begin(self, cause: Cause, now: float, started: float, told: float | None) -> bool:
        """Pause for `told` seconds, or as long as the rule says. `started`: when the attempt began that met the cause.

        Whether it is news: attempts that were under way together meet the same cause together, and only the first tells.
        """
        rule = RULES[cause]
        pause = self._by_cause.get(cause)
        news = pause is None or started >= pause.since
        if pause is None:
            pause = self._by_cause[cause] = Pause()
        elif news:
            pause.level += 1  # it was tried again and is still so
        seconds = min(told, rule.longest_told) if told else min(rule.first * 2.0 ** min(pause.level, 20), rule.longest)
        if news or now + seconds > pause.until:
            pause.since = now
        pause.until = max(pause.until, now + seconds)
        return news

    def disproved(self, started: float) -> bool:
        """An attempt that began at `started` went well. Whether that ended anything."""
        return self._end([cause for cause, pause in self._by_cause.items() if started > pause.since])

    def end(self, causes: Iterable[Cause]) -> bool:
        """These are over. Whether there was any."""
        return self._end([cause for cause in causes if cause in self._by_cause])

    def longest(self) -> tuple[float, str]:
        """Until when, and why; (0.0, "") if there is none."""
        return max(((pause.until, cause) for cause, pause in self._by_cause.items()), default=(0.0, ""))

    def _end(self, causes: list[Cause]) -> bool:
        for cause in causes:
            del self._by_cause[cause]
        return bool(causes)
