from __future__ import annotations

import pytest

from asked import asked
from llm_gateway.core.caller import Caller
from llm_gateway.core.clock import FakeClock
from llm_gateway.core.exchange import Attempt
from llm_gateway.routing.decisions import Decisions
from routed import decision, route

MADE = decision(route(["a"]))


def ids(decisions: Decisions, key: str = "key") -> list[str]:
    return [kept.request_id for kept in decisions.latest(key)]


def kept(count: int, **bounds: int) -> Decisions:
    decisions = Decisions(FakeClock(), **bounds)
    for number in range(count):
        decisions.keep(asked(ident=f"r{number}"), MADE)
    return decisions


def test_what_became_of_the_attempts():
    """They end after the decision was kept, and are seen all the same."""
    decisions = Decisions(FakeClock(5.0))
    ex = asked()
    decisions.keep(ex, MADE)
    ex.attempts.append(Attempt("a", "model", 1.0, 2.0, 503, "server_error"))
    found = decisions.find("key", "req_1")
    assert found is not None
    assert (found.at, found.model, found.decision, found.attempts[0].error) == (5.0, "m", MADE, "server_error")


def test_only_for_the_key_that_asked():
    """Two keys may even use the same request id."""
    decisions = Decisions(FakeClock())
    decisions.keep(asked(caller=Caller("one")), MADE)
    decisions.keep(asked(caller=Caller("two")), decision(route(["b"])))
    assert decisions.find("three", "req_1") is None
    assert [decisions.find(key, "req_1").decision is MADE for key in ("one", "two")] == [True, False]
    assert (ids(decisions, "one"), ids(decisions, "three")) == (["req_1"], [])


def test_the_oldest_go_first():
    """No more than `keep`, the last one first."""
    assert ids(kept(5, keep=3)) == ["r4", "r3", "r2"]


def test_bounded_in_bytes():
    """Many candidates that were refused, or a record, take more room."""
    assert len(ids(kept(50, size=10_000))) == 9
    decisions = Decisions(FakeClock(), size=10_000)
    for number in range(50):
        decisions.keep(asked(ident=f"r{number}"), MADE, b"x" * 2000)
    assert len(ids(decisions)) == 3


def test_larger_than_all_the_room():
    """It is not kept, and nothing else is lost for ever."""
    decisions = Decisions(FakeClock(), size=10_000)
    decisions.keep(asked(), MADE, b"x" * 20_000)
    decisions.keep(asked(ident="small"), MADE)
    assert ids(decisions) == ["small"]


def test_none_are_kept():
    """`keep: 0` costs nothing, and asks for no record."""
    decisions = kept(3, keep=0)
    assert (ids(decisions), decisions.wants_record()) == ([], False)


def test_decided_twice():
    """After a pause a request is decided anew: the last decision holds, and the room is counted once."""
    decisions = Decisions(FakeClock(), size=5000)
    for _ in range(20):
        decisions.keep(asked(), MADE)
    decisions.keep(asked(ident="other"), MADE)
    assert ids(decisions) == ["other", "req_1"]


def test_other_bounds():
    """A reload may shrink it."""
    decisions = kept(5)
    decisions.configure(keep=2, size=1 << 20, sample=1.0)
    assert ids(decisions) == ["r4", "r3"]
    assert decisions.wants_record()


@pytest.mark.parametrize(("sample", "records"), [(0.0, 0), (0.01, 10), (0.25, 250), (1.0, 1000)])
def test_the_sample(sample, records):
    """Exactly that share, evenly."""
    decisions = Decisions(FakeClock(), sample=sample)
    assert abs(sum(decisions.wants_record() for _ in range(1000)) - records) <= 1
