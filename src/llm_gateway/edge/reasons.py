"""Decisions as JSON: who is asked in which order, who is not and why, and what put everyone in his place."""

from __future__ import annotations

from collections.abc import Iterator
from math import isfinite
from typing import Any

import msgspec

from llm_gateway.core.errors import Forbidden
from llm_gateway.core.exchange import Attempt
from llm_gateway.routing.candidate import Candidate, Leg
from llm_gateway.routing.cost import expected_cost
from llm_gateway.routing.decision import Decision
from llm_gateway.routing.decisions import Kept
from llm_gateway.routing.features import PRIORITIES, Features, Needs, Wishes
from llm_gateway.routing.standing import Standing
from llm_gateway.telemetry.journal import timestamp

STATES = ("closed", "half_open", "open")
_NANO = 1e9


def explained(decision: Decision, features: Features) -> dict[str, Any]:
    """Everything about a decision that `explain` was asked for."""
    order = [(chosen.leg, candidate) for chosen in decision.legs for candidate in chosen.order]
    first = order[0][1] if order else None
    return {
        **_outline(decision),
        "chosen": None if first is None else first.name,
        "estimated_cost": None if first is None else _dollars(expected_cost(first, features)),
        "candidates": list(_candidates(decision, features)),
        "failover": _failover(decision),
    }


def rejected(refusal: Forbidden) -> dict[str, Any]:
    """A request that a rule refuses."""
    details = refusal.details or {}
    return {
        "rejected": {
            "rule": details.get("rule"),
            "reason": details.get("reason"),
            "status": refusal.status,
            "code": refusal.code,
        },
        "rules": [details["rule"]] if details.get("rule") else [],
        "chosen": None,
        "candidates": [],
    }


def kept(entry: Kept) -> dict[str, Any]:
    """A decision that was made, and its attempts so far."""
    decision = entry.decision
    return {
        "object": "routing.decision",
        "request_id": entry.request_id,
        "created_at": timestamp(entry.at),
        "path": entry.path.decode("latin-1"),
        "model": entry.model,
        "stream": entry.stream,
        **_outline(decision),
        "order": [{"leg": one.leg.name, "deployments": [candidate.name for candidate in one.order]} for one in decision.legs],
        "refused": [{"deployment": one.candidate.name, "reason": one.reason} for one in decision.refused],
        "attempts": [_attempt(attempt) for attempt in entry.attempts],
    }


def recorded(entry: Kept) -> dict[str, Any]:
    """The same with what it depended on, if it is in the sample (routing.record)."""
    return kept(entry) | {"record": None if entry.record is None else msgspec.Raw(entry.record)}


def seen(features: Features) -> dict[str, Any]:
    """What of the request the decision could depend on. None: not known, or not said."""
    return {
        "operation": features.operation,
        "tokens": features.tokens if features.tokens >= 0 else None,
        "max_output": features.output if features.output >= 0 else None,
        "needs": [need.name.lower() for need in Needs if need & features.needs and need.name],
        "key": features.key,
        "tenant": features.tenant or None,
        "project": features.project or None,
        "tags": sorted(features.tags),
        "user": features.user or None,
        "session": features.session or None,
        "source": features.source or None,
        "region": features.region or None,
        "allowed_regions": None if features.regions is None else sorted(features.regions),
        "allowed_providers": None if features.providers is None else sorted(features.providers),
        "headers": dict(features.headers),
        "metadata": dict(features.metadata),
        "wishes": _wishes(features.wishes),
    }


def _outline(decision: Decision) -> dict[str, Any]:
    return {
        "route": decision.route.name,
        "strategy": decision.strategy,
        "rules": list(decision.rules),
        "split": decision.split or None,
        "mirror": None if decision.mirror is None else decision.mirror.candidate.name,
        "priority": next((name for name, level in PRIORITIES.items() if level == decision.priority), "normal"),
    }


def _wishes(wishes: Wishes | None) -> dict[str, Any] | None:
    if wishes is None:
        return None
    said = {name: value for name, value in msgspec.structs.asdict(wishes).items() if value not in (None, (), frozenset())}
    if "max_cost" in said:
        said["max_cost"] = _dollars(said["max_cost"])
    if "exclude" in said:
        said["exclude"] = sorted(said["exclude"])
    return said


def _candidates(decision: Decision, features: Features) -> Iterator[dict[str, Any]]:
    """Everyone of the route: those that are asked, in order, then the others as they are written."""
    scored = {one.candidate: one for one in decision.scored}
    refused = {one.candidate: one.reason for one in decision.refused}
    place = 0
    for chosen in decision.legs:
        for candidate in chosen.order:
            place += 1
            score = scored.get(candidate)
            yield _candidate(candidate, chosen.leg, features) | {
                "place": place,
                "refused": None,
                "score": None if score is None else _number(score.score),
                "terms": {} if score is None else {name: _number(value) for name, value in score.terms.items()},
            }
    asked = {candidate for chosen in decision.legs for candidate in chosen.order}
    for leg in decision.route.legs:
        for candidate in leg.candidates:
            if candidate not in asked:
                reason = refused.get(candidate, "no_fallback")
                nothing: dict[str, Any] = {"place": None, "refused": reason, "score": None, "terms": {}}
                yield _candidate(candidate, leg, features) | nothing


def _candidate(candidate: Candidate, leg: Leg, features: Features) -> dict[str, Any]:
    return {
        "deployment": candidate.name,
        "leg": leg.name,
        "priority": candidate.priority,
        "weight": candidate.weight,
        "region": candidate.region or None,
        "tags": sorted(candidate.tags),
        "context_window": candidate.context or None,
        "estimated_cost": _dollars(expected_cost(candidate, features)),
        "health": _health(candidate.standing, features.at),
        "account": _health(candidate.account, features.at),
    }


def _health(one: Standing, at: float) -> dict[str, Any]:
    paused = one.until > at
    return {
        "circuit": STATES[one.state],
        "reason": (one.reason or None) if paused else None,
        "again_in_s": round(one.until - at, 3) if paused else None,
        "running": one.running,
        "limit": one.limit or None,
        "latency_ms": _milliseconds(one.latency),
        "first_token_ms": _milliseconds(one.ttft),
        "success_rate": round(one.success, 4) if one.samples else None,
    }


def _failover(decision: Decision) -> dict[str, Any]:
    """What would be done if nobody answered: one step for each deployment, and what holds for all of them.

    `retries`: repeats of what was asked before. `most_retries`: all that the caller allows; None: it did not say.
    """
    route = decision.route
    most = None if decision.wishes is None else decision.wishes.retries
    steps: list[dict[str, str]] = []
    for number, chosen in enumerate(decision.legs):
        for position, candidate in enumerate(chosen.order):
            when = "first" if not steps else "at once, when the one before failed"
            if number and not position:
                when = f"when nobody of {decision.legs[number - 1].leg.name} is left"
            steps.append({"deployment": candidate.name, "leg": chosen.leg.name, "when": when})
    return {
        "steps": steps if most is None else steps[: most + 1],
        "retries": route.retries if most is None else min(route.retries, most),
        "most_retries": most,
        "deadline_s": decision.total,
        "max_wait_s": route.max_wait,
        "on_cut": route.on_cut,
        "hedged": route.hedge is not None,
        "around_content_filter": route.around_filter,
    }


def _attempt(attempt: Attempt) -> dict[str, Any]:
    """`ms`: None while it is under way."""
    return {
        "provider": attempt.provider,
        "model": attempt.model,
        "status": attempt.status or None,
        "error": attempt.error,
        "ms": round((attempt.ended - attempt.started) * 1000, 2) if attempt.ended else None,
    }


def _number(value: float) -> float | None:
    """JSON has no infinity."""
    return round(value, 9) if isfinite(value) else None


def _milliseconds(seconds: float) -> float | None:
    return round(seconds * 1000, 2) if seconds > 0 else None


def _dollars(nano: int | None) -> float | None:
    return None if nano is None else nano / _NANO
