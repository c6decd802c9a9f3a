"""Who is not asked, and why: first what a candidate is, then how it is doing. Nobody is left out without a reason.

What is not known never excludes, with one exception: a request that may only be served in certain regions goes to nobody whose
region is not written down. Some are not refused but passed over while others can be asked (they stand at the end of the order):
who is full, who may or may not have room for the prompt, who is coming back from an open circuit, who has a weight of 0.
"""

from __future__ import annotations

from typing import NamedTuple

from llm_gateway.routing.candidate import Candidate, Lineup
from llm_gateway.routing.cost import expected_cost
from llm_gateway.routing.decision import Refused
from llm_gateway.routing.draws import anchor, unit
from llm_gateway.routing.features import Features, Needs
from llm_gateway.routing.paces import wait
from llm_gateway.routing.standing import HALF_OPEN, Standing
from llm_gateway.routing.strategies.base import RAMP_LEAST, RAMP_SECONDS

SURE = 0.8
"""Prompts are estimated to a fifth: what is refused would be too long even if the estimate is that much too high."""
LACKS = tuple((int(need), f"lacks_{need.name.lower()}") for need in Needs if need.name)


class Sieved(NamedTuple):
    """`late`: those of the lineup that are asked after everybody else."""

    lineup: Lineup
    late: frozenset[Candidate]
    refused: tuple[Refused, ...]


def sieve(lineup: Lineup, features: Features, total: float, anchored: int | None = None) -> Sieved | None:
    """None, the usual case: everybody may be asked. `total`: seconds for the whole request. `anchored`: what decides in a draw
    instead of the seed, for strategies that keep a session where it is.
    """
    if _all_suit(lineup, features) and _all_well(lineup, features):
        return None
    left: list[Candidate] = []
    late: set[Candidate] = set()
    refused: list[Refused] = []
    for candidate in lineup.candidates:
        reason = unsuited(candidate, features) or unwell(candidate, features, total)
        if reason:
            refused.append(Refused(candidate, reason))
            continue
        left.append(candidate)
        if passed_over(candidate, features, anchored):
            late.add(candidate)
    if lineup.has_deprecated and not all(candidate.deprecated for candidate in left):
        refused += [Refused(candidate, "deprecated") for candidate in left if candidate.deprecated]
        left = [candidate for candidate in left if not candidate.deprecated]
    return Sieved(lineup if len(left) == len(lineup.candidates) else Lineup(tuple(left)), frozenset(late), tuple(refused))


def _all_suit(lineup: Lineup, features: Features) -> bool:
    """Whether nothing that candidates are speaks against any of them: a few facts of the whole lineup tell."""
    if features.needs & lineup.lacks or lineup.has_deprecated or lineup.has_idle:
        return False
    if features.regions is not None or features.providers is not None or features.budget is not None:
        return False
    if lineup.smallest and features.tokens + max(features.output, 0) > lineup.smallest:
        return False
    wishes = features.wishes
    return wishes is None or (not wishes.exclude and wishes.max_cost is None)


def _all_well(lineup: Lineup, features: Features) -> bool:
    """Whether everybody may be asked at once, as far as the Standings say."""
    at = features.at
    young = at - RAMP_SECONDS
    tokens = max(features.tokens, 1)
    for one in lineup.watched:
        if one.until > at or one.state or (one.recovered > young and one.recovered):
            return False
        if one.limit and _full(one):
            return False
        if one.left_until > at and (one.requests_left < 1.0 or one.tokens_left < tokens) and _spent(one, at, tokens):
            return False
        if one.paces and wait(one.paces, at, tokens):
            return False
    return True


def unsuited(candidate: Candidate, features: Features) -> str:
    """Why this request is never for this candidate; "" if it is."""
    wishes = features.wishes
    if wishes is not None and wishes.exclude and (candidate.name in wishes.exclude or candidate.provider in wishes.exclude):
        return "excluded"
    if features.providers is not None and candidate.provider not in features.providers:
        return "provider_not_allowed"
    if features.regions is not None and candidate.region not in features.regions:
        return "region"
    missing = features.needs & candidate.lacks
    if missing:
        return next(reason for need, reason in LACKS if missing & need)
    if candidate.context and features.tokens * SURE + _room(candidate, features) > candidate.context:
        return "context_window"
    return "too_expensive" if _too_dear(candidate, features) else ""


def _room(candidate: Candidate, features: Features) -> int:
    """Output tokens that have to fit into the context window beside the prompt."""
    wanted = max(features.output, 0)
    return min(wanted, candidate.max_output) if candidate.max_output else wanted


def _too_dear(candidate: Candidate, features: Features) -> bool:
    wished = None if features.wishes is None else features.wishes.max_cost
    most = min((limit for limit in (wished, features.budget) if limit is not None), default=None)
    if most is None:
        return False
    cost = expected_cost(candidate, features)
    return cost is not None and cost > most


def unwell(candidate: Candidate, features: Features, total: float) -> str:
    """Why this candidate cannot be asked now; "" if it can."""
    tokens = max(features.tokens, 1)
    for one in (candidate.standing, candidate.account):
        reason = _shut(one, features.at) or _spent(one, features.at, tokens)
        if reason:
            return reason
        if one.limit and _full(one):
            held = one.service or one.latency
            if (one.waiting + 1) * held / one.limit > total:  # waiting would not help
                return "at_capacity"
    return ""


def _shut(one: Standing, at: float) -> str:
    if one.until > at:
        return one.reason if one.reason and one.reason != "circuit" else "circuit_open"
    return "circuit_open" if one.state == HALF_OPEN and one.probes <= 0 else ""


def _spent(one: Standing, at: float, tokens: int) -> str:
    if one.paces and wait(one.paces, at, tokens):
        return "no_headroom"
    if one.left_until <= at:
        return ""
    return "no_headroom" if -1.0 < one.requests_left < 1.0 or -1.0 < one.tokens_left < tokens else ""


def _full(one: Standing) -> bool:
    return one.running >= one.limit or one.places >= one.limit


def passed_over(candidate: Candidate, features: Features, anchored: int | None = None) -> bool:
    """Whether it is asked only after all the others."""
    if candidate.weight <= 0:
        return True
    if candidate.context and features.tokens + _room(candidate, features) > candidate.context:
        return True
    standing, account = candidate.standing, candidate.account
    if (standing.limit and _full(standing)) or (account.limit and _full(account)):
        return True
    recovered = max(standing.recovered, account.recovered)
    age = features.at - recovered
    if not recovered or age >= RAMP_SECONDS:
        return False
    seed = features.seed if anchored is None else anchored
    return unit(seed, anchor(candidate.name)) > max(age / RAMP_SECONDS, RAMP_LEAST)
