"""The most room before a provider's rate limit."""

from __future__ import annotations

from routing_support import AT, candidate_of, firsts, ranked

SOON = AT + 10


def left(name, requests=-1.0, tokens=-1.0, until=SOON, account=None):
    return candidate_of(name, {"requests_left": requests, "tokens_left": tokens, "left_until": until}, account)


def test_the_most_requests_left_first():
    """Requests of this size: whichever of requests and tokens runs out first."""
    candidates = [left("a/m", 100.0, 50_000.0), left("b/m", 80.0), left("c/m", tokens=70_000.0)]
    assert ranked("usage_headroom", candidates, tokens=1000) == ["b/m", "c/m", "a/m"]
    assert ranked("usage_headroom", candidates, tokens=10) == ["c/m", "a/m", "b/m"]


def test_the_account_is_a_limit_too():
    """What the whole account has left bounds each of its deployments, and serves where a deployment has no number."""
    spent = {"requests_left": 1.0, "left_until": SOON}
    candidates = [left("a/m", 100.0, account=spent), left("b/m", 50.0), left("c/m", until=0.0, account=spent)]
    assert ranked("usage_headroom", candidates)[0] == "b/m"


def test_what_is_not_known_is_taken_for_the_average():
    """Neither shunned nor flooded; what is full again is not known."""
    candidates = [left("rich/m", 100.0), left("poor/m", 10.0), left("unknown/m"), left("lapsed/m", 0.0, until=AT - 1)]
    order = ranked("usage_headroom", candidates)
    assert (order[0], order[-1]) == ("rich/m", "poor/m")


def test_without_any_numbers_all_share():
    """Nobody was told a limit: no reason to prefer the first."""
    assert len(firsts("usage_headroom", [candidate_of("a/m"), candidate_of("b/m")], 100)) == 2
