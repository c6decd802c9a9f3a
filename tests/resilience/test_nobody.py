"""What is told when nobody can be asked."""

from __future__ import annotations

import pytest

from llm_gateway.resilience.nobody import nobody, short_pause
from llm_gateway.routing.decision import Decision, Refused
from llm_gateway.routing.standing import HALF_OPEN, OPEN
from routed import candidate, route

NOW = 1000.0


def refused(*reasons: str, until: float = 0.0) -> Decision:
    made = []
    for index, reason in enumerate(reasons):
        one = candidate(f"p{index}")
        one.standing.until = until
        made.append(Refused(one, reason))
    return Decision(route([one.candidate for one in made]), (), "priority", tuple(made))


@pytest.mark.parametrize(
    ("reasons", "status", "code"),
    [
        ((), 503, "no_providers_available"),
        (("region", "provider_not_allowed"), 403, "model_not_accessible"),
        (("excluded", "too_expensive", "region"), 400, "no_candidate_left"),
        (("circuit_open", "rate_limited"), 503, "circuit_breaker_open"),
        (("unhealthy",), 503, "circuit_breaker_open"),
        (("rate_limited", "credentials"), 429, "provider_quota_exceeded"),
        (("quota", "quota"), 429, "insufficient_quota"),
        (("no_headroom",), 429, "provider_quota_exceeded"),
        (("credentials", "excluded"), 502, "provider_authentication_failed"),
        (("tls",), 502, "upstream_error"),
        (("at_capacity",), 503, "providers_unavailable"),
    ],
)
def test_the_reason_that_would_have_to_change(reasons, status, code):
    """Each mixture of reasons has its error; never the caller's 401 (U17)."""
    error = nobody(refused(*reasons), NOW)
    assert (error.status, error.code) == (status, code)
    if reasons:
        assert [one["reason"] for one in (error.details or {})["refused"]] == list(reasons)


def test_when_to_come_back():
    """Retry-After is the first of the pauses; while somebody is being tried again it is short."""
    assert nobody(refused("rate_limited", until=NOW + 7), NOW).retry_after == 7.0
    assert nobody(refused("rate_limited"), NOW).retry_after is None
    probing = refused("circuit_open", until=NOW + 30)
    probing.refused[0].candidate.standing.state = HALF_OPEN
    assert nobody(probing, NOW).retry_after == 1.0


def test_which_pauses_are_waited_out():
    """A pause that a provider asked for, up to the route's max_wait; never an open circuit or an exhausted quota."""
    assert short_pause(refused("rate_limited", until=NOW + 2), NOW) == 2.0
    assert short_pause(refused("rate_limited", until=NOW + 4), NOW) is None
    assert short_pause(refused("rate_limited", until=NOW - 0.001), NOW) == 0.0  # over since the decision
    assert short_pause(refused("quota", until=NOW + 2), NOW) is None
    opened = refused("rate_limited", until=NOW + 2)
    opened.refused[0].candidate.standing.state = OPEN
    assert short_pause(opened, NOW) is None
