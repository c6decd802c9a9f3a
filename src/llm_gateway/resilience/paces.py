"""Counts what providers are asked for against what they allow (`rate_limit`), so that nobody is asked who has no headroom.

What their answers say of it is read beside this (headroom.py); the tighter of both holds. Counted in each worker: of several
workers each has its part, of no more than what is known to run.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from llm_gateway.config.schema import Config
from llm_gateway.config.schema.limits import Rate, RateLimit
from llm_gateway.resilience.standings import Standings
from llm_gateway.routing.candidate import Candidate
from llm_gateway.routing.paces import Pace
from llm_gateway.routing.standing import Standing

_SECONDS: Mapping[str, float] = MappingProxyType({"minute": 60.0, "hour": 3600.0, "day": 86_400.0})


def apply_paces(config: Config, standings: Standings, workers: int) -> None:
    """When a configuration begins to hold, after `standings.configure`. What was used up stays used up."""
    said: dict[Standing, RateLimit] = {}
    for name, provider in config.providers.items():
        if provider.enabled and provider.rate_limit is not None:
            said[standings.account(name)] = provider.rate_limit
    for alias in config.models.values():
        for entry in alias.deployments:
            if entry.rate_limit is not None:
                said[standings.of(entry.model)] = entry.rate_limit
    for standing in standings.everyone():
        wanted = said.get(standing)
        made = () if wanted is None else tuple(_paces(wanted, max(workers, 1)))
        for pace in made:
            same = [one for one in standing.paces if one.tokens == pace.tokens and one.each == pace.each]
            if same:
                pace.until = same[0].until
        standing.paces = made


def spend(candidate: Candidate, now: float, requests: int, tokens: int) -> None:
    """So much more was asked for, or (below 0) turned out not to be."""
    for pace in (*candidate.standing.paces, *candidate.account.paces):
        amount = tokens if pace.tokens else requests
        if amount > 0:
            pace.until = max(pace.until, now) + amount * pace.each
        else:
            pace.until += amount * pace.each


def _paces(limit: RateLimit, workers: int) -> Iterable[Pace]:
    for tokens, rate in ((False, limit.requests), (True, limit.tokens)):
        if rate is not None:
            yield from _of(rate, workers, tokens=tokens)


def _of(rate: Rate, workers: int, *, tokens: bool) -> Iterable[Pace]:
    for word, seconds in _SECONDS.items():
        most: int | None = getattr(rate, word)
        if most is not None:
            part = max(most // workers, 1)
            burst = part if rate.burst is None else max(min(rate.burst, most) // workers, 1)
            each = seconds / part
            yield Pace(tokens, each, burst * each)
