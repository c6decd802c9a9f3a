"""What a caller is told when nobody can be asked: the reason that would have to change, and when it may."""

from __future__ import annotations

from collections import Counter
from math import inf

from llm_gateway.core.errors import (
    Forbidden,
    GatewayError,
    InvalidRequest,
    UpstreamError,
    UpstreamRateLimited,
    UpstreamUnavailable,
)
from llm_gateway.routing.candidate import Candidate
from llm_gateway.routing.decision import Decision, Refused
from llm_gateway.routing.paces import wait
from llm_gateway.routing.standing import HALF_OPEN, OPEN

_POLICY = frozenset({"region", "provider_not_allowed"})
_WISHED = frozenset({"excluded", "too_expensive"})
_BROKEN = frozenset({"circuit_open", "unhealthy"})
_PAUSED = frozenset({"rate_limited", "quota", "no_headroom"})
PROBING = 1.0
"""Seconds after which it is worth to come back while somebody finds out whether a provider is well again."""
LEAST_PAUSE = 0.05
"""Seconds between two looks for headroom."""
SHOWN = 20
"""Candidates that are listed with their reasons."""


def nobody(decision: Decision, now: float) -> GatewayError:
    """The error for a decision without candidates. Details list who was refused and why."""
    if not decision.refused:
        return UpstreamUnavailable("No provider of this model is running.", code="no_providers_available")
    reasons = Counter(one.reason for one in decision.refused)
    details = {"refused": [{"deployment": one.candidate.name, "reason": one.reason} for one in decision.refused[:SHOWN]]}
    seconds = pause(decision, now)
    if reasons.keys() <= _POLICY:
        return Forbidden(
            "This key may not use any provider of this model.", code="model_not_accessible", param="model", details=details
        )
    if reasons.keys() <= _POLICY | _WISHED:
        return InvalidRequest(
            "Every deployment of this model was ruled out by what the request says about routing.",
            code="no_candidate_left",
            details=details,
        )
    if reasons.keys() & _BROKEN:
        return UpstreamUnavailable(
            "Every provider of this model failed lately; it is asked again soon.",
            code="circuit_breaker_open",
            details=details,
            retry_after=seconds,
        )
    if reasons.keys() & _PAUSED:
        code = "insufficient_quota" if reasons.keys() <= {"quota"} else "provider_quota_exceeded"
        return UpstreamRateLimited(
            "Every provider of this model asked for a pause.", code=code, details=details, retry_after=seconds
        )
    if "credentials" in reasons:  # told as it was when it was found out: nobody may read here that his own key is wrong (U17)
        message = "The provider refused this gateway's credentials."
        return UpstreamError(message, code="provider_authentication_failed", details=details, retry_after=seconds)
    if "tls" in reasons:
        return UpstreamError("A secure connection to the provider could not be made.", details=details, retry_after=seconds)
    return UpstreamUnavailable("No deployment of this model can be asked now.", code="providers_unavailable", details=details)


def pause(decision: Decision, now: float) -> float | None:
    """Seconds until the first of the refused may be asked again; None: that is not a matter of time."""
    soonest = min((_until(one, now) for one in decision.refused), default=0.0)
    if not now < soonest < inf:
        return None
    probing = any(HALF_OPEN in (one.candidate.standing.state, one.candidate.account.state) for one in decision.refused)
    return min(soonest - now, PROBING) if probing else soonest - now


def _until(refused: Refused, now: float) -> float:
    candidate = refused.candidate
    if refused.reason == "no_headroom":
        return now + _headroom(candidate, now)
    until = max(candidate.standing.until, candidate.account.until)
    return until or inf


def _headroom(candidate: Candidate, now: float) -> float:
    """Seconds until there is some again, as far as is known."""
    waits = [LEAST_PAUSE]
    for one in (candidate.standing, candidate.account):
        waits.append(wait(one.paces, now, 1))
        if one.left_until > now and (-1.0 < one.requests_left < 1.0 or -1.0 < one.tokens_left < 1.0):
            waits.append(one.left_until - now)
    return max(waits)


def short_pause(decision: Decision, now: float, patience: float = inf) -> float | None:
    """Seconds that are worth waiting before deciding again: somebody asked for a pause of no more than the route's `max_wait`, or
    may have headroom again before `patience` (monotonic), and no circuit is open. 0.0: it is over since the decision.
    """
    waits = [
        _until(one, now) - now
        for one in decision.refused
        if (one.reason == "rate_limited" or (one.reason == "no_headroom" and _until(one, now) <= patience))
        and OPEN not in (one.candidate.standing.state, one.candidate.account.state)
    ]
    soonest = min(waits, default=None)
    return max(soonest, 0.0) if soonest is not None and soonest <= decision.route.max_wait else None
