"""Thompson sampling."""

from __future__ import annotations

from collections import Counter

import pytest

from llm_gateway.routing.draws import mix
from routing_support import candidate_of, firsts, ranked


def known(name, good, bad, latency=1.0, **facts):
    return candidate_of(name, {"good": good, "bad": bad, "latency": latency}, **facts)


def test_who_succeeds_is_asked_far_more_often():
    """90 % against 50 %, known well."""
    found = firsts("adaptive", [known("good/m", 180.0, 20.0), known("bad/m", 100.0, 100.0)], 2000)
    assert found["good/m"] / 2000 > 0.95


def test_who_is_faster_is_asked_more_often():
    """Equal success: time decides."""
    found = firsts("adaptive", [known("slow/m", 100.0, 1.0, 3.0), known("fast/m", 100.0, 1.0, 1.0)], 2000)
    assert found["fast/m"] / 2000 > 0.95


def test_equals_share_alike():
    """Known or unknown, neither has an advantage."""
    for good in (0.0, 100.0):
        found = firsts("adaptive", [known("a/m", good, good / 10), known("b/m", good, good / 10)], 4000)
        assert found["a/m"] / 4000 == pytest.approx(0.5, abs=0.04)


def test_newcomers_get_tries():
    """Of whom nothing is known is asked now and then beside one that is known to be good, and not mostly."""
    found = firsts("adaptive", [known("good/m", 100.0, 5.0), candidate_of("new/m")], 4000)
    assert 0.03 < found["new/m"] / 4000 < 0.5


def test_it_finds_the_best_and_stays_there():
    """Three arms with chances 0.5, 0.8 and 0.95: after 1,000 requests nearly all go to the best."""
    candidates = [known(f"p{number}/m", 0.0, 0.0) for number in range(3)]
    chances = {"p0/m": 0.5, "p1/m": 0.8, "p2/m": 0.95}
    found: Counter[str] = Counter()
    for seed in range(1500):
        first = ranked("adaptive", candidates, seed=mix(seed))[0]
        standing = next(one for one in candidates if one.name == first).standing
        if mix(seed + 10**6) / 2**64 < chances[first]:
            standing.good += 1
        else:
            standing.bad += 1
        found[first] += seed >= 1000
    assert found["p2/m"] > 400


def test_load_and_weights_count():
    """Requests under way make a candidate slower, weight makes up for them."""
    light = [known("a/m", 100.0, 0.0), candidate_of("b/m", {"good": 100.0, "latency": 1.0, "running": 5})]
    heavy = [known("a/m", 100.0, 0.0), candidate_of("b/m", {"good": 100.0, "latency": 1.0, "running": 5}, weight=20.0)]
    assert firsts("adaptive", light, 500)["a/m"] > 490
    assert firsts("adaptive", heavy, 500)["b/m"] > 490
