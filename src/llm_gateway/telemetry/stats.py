"""How each provider and model has been doing lately, in plain numbers of bounded size.

Fed once per attempt. Times are monotonic seconds, rates are fractions from 0 to 1, and None means "nothing is known".
"""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Iterable, Sequence
from typing import NamedTuple

RECENT = 256
"""Attempts per model over which averages are taken. A power of two."""
_MASK = RECENT - 1
MODELS = 500
"""Models that have numbers of their own; what is asked for beyond them counts as OTHER (faults C33)."""
OTHER = "other"
WINDOW = 60.0
"""Seconds that requests_per_minute looks back."""
REJECTED = "rejected"
"""The one failure that speaks for a provider: it is there, and says that the request is at fault."""


class Summary(NamedTuple):
    """`requests` and `errors` are since the start; rates and latencies (seconds, of what succeeded) of the last RECENT attempts
    per model; `requests_per_minute` counts the last WINDOW, exact to one second. `recent` is how many attempts the rates rest on.
    """

    requests: int
    errors: int
    recent: int
    success_rate: float | None
    error_rate: float | None
    avg_latency: float | None
    p50_latency: float | None
    p95_latency: float | None
    requests_per_minute: int
    consecutive_failures: int
    last_error: str | None
    last_error_at: float
    last_at: float | None


class Change(NamedTuple):
    """What is new about one model since somebody looked: totals, and the attempts of the meantime, RECENT at most."""

    provider: str
    model: str
    requests: int
    errors: int
    attempts: list[tuple[float, float, bool]]
    """When, latency, whether it went well."""
    failures: tuple[int, str | None, float]
    """In a row; the last one's reason and time."""
    provider_failures: tuple[int, str | None, float]
    """The same over all models of the provider."""


class _Failures:
    """The failures in a row of a model or of a whole provider, and the last one."""

    __slots__ = ("at", "reason", "streak")

    def __init__(self) -> None:
        self.streak = 0
        self.reason: str | None = None
        self.at = 0.0

    def add(self, reason: str | None, now: float) -> None:
        self.streak += 1
        self.reason = reason or "error"
        self.at = now

    def told(self) -> tuple[int, str | None, float]:
        return self.streak, self.reason, self.at

    def hear(self, told: tuple[int, str | None, float]) -> None:
        self.streak, self.reason, self.at = told


class _Track:
    """One model at one provider: counters, and rings allocated once (5 KiB), so that recording makes no garbage."""

    __slots__ = ("errors", "failures", "latencies", "marks", "next_mark", "oks", "provider_failures", "requests", "times")

    def __init__(self, provider_failures: _Failures) -> None:
        self.requests = 0
        self.errors = 0
        self.times = array("d", bytes(8 * RECENT))
        self.latencies = array("d", bytes(8 * RECENT))
        self.oks = bytearray(RECENT)
        self.failures = _Failures()
        self.provider_failures = provider_failures
        self.marks: deque[tuple[float, int]] = deque(maxlen=int(WINDOW) + 4)
        self.next_mark = 0.0

    def mark(self, now: float) -> None:
        """Note, at most once a second, how many requests there were before now."""
        self.marks.append((now, self.requests))
        self.next_mark = now + 1.0

    def per_minute(self, now: float) -> int:
        for at, before in self.marks:
            if at > now - WINDOW:
                return self.requests - before
        return 0

    @property
    def last_at(self) -> float:
        return self.times[(self.requests - 1) & _MASK]

    def since(self, before: int) -> list[tuple[float, float, bool]]:
        """The attempts behind the first `before`, as far as they are kept."""
        first = max(before, self.requests - RECENT)
        places = [count & _MASK for count in range(first, self.requests)]
        return [(self.times[at], self.latencies[at], bool(self.oks[at])) for at in places]

    def repeat(self, change: Change) -> None:
        """Become what the track is that `change` tells of."""
        self.requests = change.requests - len(change.attempts)
        for at, latency, ok in change.attempts:
            if at >= self.next_mark:
                self.mark(at)
            place = self.requests & _MASK
            self.times[place], self.latencies[place], self.oks[place] = at, latency, ok
            self.requests += 1
        self.errors = change.errors
        self.failures.hear(change.failures)
        self.provider_failures.hear(change.provider_failures)


class Stats:
    """All providers and models of a process."""

    def __init__(self, known: Iterable[tuple[str, str]] = (), most: int = MODELS) -> None:
        """`known`: the configured (provider, model) pairs; they have their place whatever else is asked for."""
        self._tracks: dict[tuple[str, str], _Track] = {}
        self._providers: dict[str, _Failures] = {}
        self._most = most
        for provider, model in known:
            self._add(provider, model)

    def record(self, provider: str, model: str, latency: float, ok: bool, reason: str | None, now: float) -> None:
        """One attempt is over. `reason` is the word for what went wrong; `latency` in seconds."""
        try:
            track = self._tracks[provider, model]
        except KeyError:
            track = self._newcomer(provider, model)
        if now >= track.next_mark:
            track.mark(now)
        count = track.requests
        place = count & _MASK
        track.requests = count + 1
        track.times[place] = now
        track.latencies[place] = latency
        if ok or reason == REJECTED:
            track.oks[place] = 1
            track.failures.streak = track.provider_failures.streak = 0
        else:
            track.oks[place] = 0
            track.errors += 1
            track.failures.add(reason, now)
            track.provider_failures.add(reason, now)

    def model(self, provider: str, model: str, now: float) -> Summary:
        """One model at one provider; all None and zero if it was never asked, or counts as OTHER."""
        return self.models([(provider, model)], now)

    def models(self, pairs: Iterable[tuple[str, str]], now: float) -> Summary:
        """Several (provider, model) pairs as one, such as the candidates of an alias."""
        tracks = [self._tracks[pair] for pair in dict.fromkeys(pairs) if pair in self._tracks]
        worst = max((track.failures for track in tracks), key=lambda failures: failures.at, default=None)
        return _summary(tracks, worst or _Failures(), now)

    def provider(self, provider: str, now: float) -> Summary:
        """Everything at one provider. Its failures in a row are counted over all of its models."""
        tracks = [track for (name, _), track in self._tracks.items() if name == provider]
        return _summary(tracks, self._providers.get(provider) or _Failures(), now)

    def changes(self, seen: dict[tuple[str, str], int]) -> list[Change]:
        """What was not seen yet. `seen`: requests by model at the last look; it is brought up to date."""
        found: list[Change] = []
        for pair, track in self._tracks.items():
            before = seen.get(pair, 0)
            if track.requests != before:
                seen[pair] = track.requests
                told = track.failures.told(), track.provider_failures.told()
                found.append(Change(*pair, track.requests, track.errors, track.since(before), *told))
        return found

    def repeat(self, change: Change) -> None:
        """Become like the Stats, in another process of this machine, that `change` is from: its clock is ours. Hearing the same
        twice changes nothing.
        """
        pair = change.provider, change.model
        (self._tracks.get(pair) or self._add(*pair)).repeat(change)

    def totals(self) -> dict[tuple[str, str], tuple[int, int]]:
        """Requests and errors by provider and model."""
        return {pair: (track.requests, track.errors) for pair, track in self._tracks.items()}

    def names(self) -> list[tuple[str, str]]:
        """The (provider, model) pairs that have numbers."""
        return list(self._tracks)

    def _newcomer(self, provider: str, model: str) -> _Track:
        if len(self._tracks) >= self._most:
            model = OTHER
        return self._tracks.get((provider, model)) or self._add(provider, model)

    def _add(self, provider: str, model: str) -> _Track:
        failures = self._providers.setdefault(provider, _Failures())
        track = self._tracks[provider, model] = _Track(failures)
        return track


def provider_together(all_stats: Sequence[Stats], provider: str | None, now: float) -> Summary:
    """A provider's numbers over several processes; None: all providers'. Its failures in a row are those of the process that saw
    the last one.
    """
    tracks = [
        track
        for stats in all_stats
        for (name, _), track in stats._tracks.items()  # noqa: SLF001 - ours
        if provider in (name, None)
    ]
    failures = [found for stats in all_stats for name, found in stats._providers.items() if provider in (name, None)]  # noqa: SLF001
    return _summary(tracks, max(failures, key=lambda one: one.at, default=_Failures()), now)


def _summary(tracks: Sequence[_Track], failures: _Failures, now: float) -> Summary:
    latencies: list[float] = []
    recent = 0
    for track in tracks:
        held = min(track.requests, RECENT)
        recent += held
        latencies += [latency for latency, ok in zip(track.latencies[:held], track.oks, strict=False) if ok]
    latencies.sort()
    good = len(latencies)
    return Summary(
        requests=sum(track.requests for track in tracks),
        errors=sum(track.errors for track in tracks),
        recent=recent,
        success_rate=good / recent if recent else None,
        error_rate=(recent - good) / recent if recent else None,
        avg_latency=sum(latencies) / good if good else None,
        p50_latency=_quantile(latencies, 50),
        p95_latency=_quantile(latencies, 95),
        requests_per_minute=sum(track.per_minute(now) for track in tracks),
        consecutive_failures=failures.streak,
        last_error=failures.reason,
        last_error_at=failures.at,
        last_at=max((track.last_at for track in tracks if track.requests), default=None),
    )


def milliseconds(seconds: float | None) -> float | None:
    """As reports show it."""
    return None if seconds is None else round(seconds * 1000, 2)


def _quantile(ordered: list[float], percent: int) -> float | None:
    """Nearest rank: the smallest value that `percent` of all values do not exceed."""
    return ordered[-(-percent * len(ordered) // 100) - 1] if ordered else None
