from __future__ import annotations

import msgspec
import pytest

from asked import asked
from llm_gateway.core.clock import FakeClock
from llm_gateway.core.errors import Forbidden
from llm_gateway.core.exchange import Attempt
from llm_gateway.core.json import encode
from llm_gateway.edge.reasons import explained, kept, recorded, rejected, seen
from llm_gateway.routing.candidate import Candidate, Rates
from llm_gateway.routing.decide import decide
from llm_gateway.routing.decision import Mirror
from llm_gateway.routing.decisions import Decisions, Kept
from llm_gateway.routing.features import Features, Needs, Wishes
from llm_gateway.routing.route import Hedge
from llm_gateway.routing.standing import HALF_OPEN, OPEN
from routed import candidate, decision, leg, route

FEATURES = Features("m", 100.0, 1.0, 1, tokens=1_000_000, output=0)


def row(one: Candidate, features: Features = FEATURES) -> dict[str, object]:
    """What is told of `one`, which stands first among two."""
    told = explained(decide(features, route(leg(one, "other")), explain=True), features)
    return next(row for row in told["candidates"] if row["deployment"] == one.name)


def remembered(record: bytes | None = None) -> Kept:
    decisions, ex = Decisions(FakeClock(1_700_000_000.0)), asked({"stream": True})
    ex.attempts += [Attempt("a", "model", 1.0, 1.25, 503, "server_error"), Attempt("b", "model", 2.0)]
    decisions.keep(ex, decision(route(["a"], ["b"])), record)
    found = decisions.find("key", "req_1")
    assert found is not None
    return found


def test_a_candidate_that_is_well():
    """What is not known is null, and money is dollars."""
    one = candidate("a", rates=Rates((2_000_000, 0, 0)), context=5_000_000, region="eu", tags=frozenset({"y", "x"}))
    told = row(one)
    assert (told["estimated_cost"], told["context_window"], told["region"], told["tags"]) == (0.002, 5_000_000, "eu", ["x", "y"])
    assert told["health"] == {
        "circuit": "closed",
        "reason": None,
        "again_in_s": None,
        "running": 0,
        "limit": None,
        "latency_ms": None,
        "first_token_ms": None,
        "success_rate": None,
    }


@pytest.mark.parametrize(("state", "word"), [(OPEN, "open"), (HALF_OPEN, "half_open")])
def test_a_candidate_that_is_not(state, word):
    """Why, until when, and how it did."""
    one = candidate("a")
    standing = one.standing
    standing.state, standing.until, standing.reason, standing.samples, standing.success = state, 102.5, "circuit", 3, 0.25
    standing.latency, standing.ttft, standing.limit, standing.running = 1.5, 0.25, 4, 2
    told = row(one)
    assert (told["place"], told["refused"]) == (None, "circuit_open")
    assert told["health"] == {
        "circuit": word,
        "reason": "circuit",
        "again_in_s": 2.5,
        "running": 2,
        "limit": 4,
        "latency_ms": 1500.0,
        "first_token_ms": 250.0,
        "success_rate": 0.25,
    }


def test_nobody_is_left():
    """No cost, no steps, and a reason for each."""
    features = msgspec.structs.replace(FEATURES, providers=frozenset({"none"}))
    told = explained(decide(features, route(["a", "b"]), explain=True), features)
    assert (told["chosen"], told["estimated_cost"], told["failover"]["steps"]) == (None, None, [])
    assert [one["refused"] for one in told["candidates"]] == ["provider_not_allowed"] * 2


def test_what_failover_would_do():
    """Equal deployments at once, another model when nobody of the first is left; what the route allows holds for all."""
    of = route(["a", "b"], ["c"], retries=3, total=60.0, max_wait=2.0, hedge=Hedge(), around_filter=True, on_cut="restart")
    told = explained(decide(FEATURES, of, explain=True), FEATURES)["failover"]
    assert [(step["deployment"], step["when"]) for step in told.pop("steps")] == [
        ("a/model", "first"),
        ("b/model", "at once, when the one before failed"),
        ("c/model", "when nobody of m is left"),
    ]
    assert told == {
        "retries": 3,
        "most_retries": None,
        "deadline_s": 60.0,
        "max_wait_s": 2.0,
        "on_cut": "restart",
        "hedged": True,
        "around_content_filter": True,
    }


def test_what_the_caller_allows():
    """Fewer retries and less time than the route."""
    features = msgspec.structs.replace(FEATURES, wishes=Wishes(retries=1, deadline=5.0))
    told = explained(decide(features, route(["a", "b", "c"], retries=3), explain=True), features)["failover"]
    assert (len(told["steps"]), told["retries"], told["most_retries"], told["deadline_s"]) == (2, 1, 1, 5.0)


def test_scores_are_json():
    """A price that nobody knows has an infinite score; JSON has none."""
    features = msgspec.structs.replace(FEATURES, wishes=Wishes(strategy="lowest_cost"))
    told = explained(decide(features, route(["a", "b"]), explain=True), features)
    assert [one["score"] for one in told["candidates"]] == [None, None]
    assert msgspec.json.decode(encode(told)) == told


def test_what_was_seen_of_the_request():
    """Names for bits, null for what is not known."""
    told = seen(Features("m", 0.0, 0.0, 0, needs=int(Needs.TOOLS | Needs.IMAGES), wishes=Wishes(max_cost=5_000_000)))
    assert (told["needs"], told["tokens"], told["max_output"], told["user"]) == (["tools", "images"], None, None, None)
    assert told["wishes"] == {"max_cost": 0.005}


def test_a_rejection():
    """The rule's name and words, and the status that the request would get."""
    refusal = Forbidden("no", code="rejected_by_rule", details={"rule": "r", "reason": "because"})
    told = rejected(refusal)
    assert told["rejected"] == {"rule": "r", "reason": "because", "status": 403, "code": "rejected_by_rule"}
    assert (told["rules"], told["candidates"]) == (["r"], [])


def test_a_decision_that_was_kept():
    """One attempt that failed, and one that is under way."""
    told = kept(remembered())
    assert told["created_at"] == "2023-11-14T22:13:20.000Z"
    assert (told["path"], told["model"], told["stream"], told["priority"]) == ("/v1/chat/completions", "m", True, "normal")
    assert told["attempts"] == [
        {"provider": "a", "model": "model", "status": 503, "error": "server_error", "ms": 250.0},
        {"provider": "b", "model": "model", "status": None, "error": None, "ms": None},
    ]


def test_a_mirror_is_named():
    """Whoever gets a copy."""
    made = decision(route(["a"]), mirror=Mirror(candidate("c")))
    assert explained(made, FEATURES)["mirror"] == "c/model"


@pytest.mark.parametrize(("record", "told"), [(None, None), (b'{"version":1}', {"version": 1})])
def test_a_record_goes_out_as_it_was_made(record, told):
    """Only where the decision is in the sample."""
    assert msgspec.json.decode(encode(recorded(remembered(record))))["record"] == told
