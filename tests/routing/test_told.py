from __future__ import annotations

from typing import Any

import pytest

from asked import asked
from llm_gateway.core.exchange import Attempt
from llm_gateway.routing.decision import Decision, Refused
from llm_gateway.routing.told import LONGEST_NAME, decision_line
from routed import decision, leg, named, route


def told(made: Decision, *attempts: str, model: str = "m") -> dict[bytes, bytes]:
    """The header lines by name. `attempts`: as provider/model."""
    ex = asked()
    ex.model = model
    ex.attempts += [Attempt(*name.split("/", 1), 0.0) for name in attempts]
    lines = decision_line(made, ex)
    assert lines.endswith(b"\r\n")
    assert lines.isascii()
    return dict(line.split(b": ", 1) for line in lines.split(b"\r\n")[:-1])


def test_a_plain_decision():
    """Who was chosen among how many, and that it took one attempt; the name asked for is told where it is another one."""
    assert told(decision(route(["a", "b"])), "a/model") == {
        b"X-Gateway-Decision": b"route=m; strategy=priority; chosen=a/model; candidates=2; attempts=1",
        b"X-Gateway-Requested-Model": b"m",
    }


def test_after_a_failover():
    """Chosen is who was asked last."""
    made = decision(route(["a"], ["b"]))
    line = told(made, "a/model", "b/model")[b"X-Gateway-Decision"]
    assert line == b"route=m; strategy=priority; chosen=b/model; candidates=2; attempts=2"


def test_rules_splits_and_refusals():
    """All that decided, by name."""
    of = route(["a", "b"])
    facts: Any = {"rules": ("night", "eu"), "split": "canary:b", "refused": (Refused(named(of)["b"], "region"),)}
    made = Decision(of, decision(of).legs, "least_latency", **facts)
    assert told(made, "a/model")[b"X-Gateway-Decision"] == (
        b"route=m; strategy=least-latency; rules=night,eu; split=canary:b; chosen=a/model; candidates=2; refused=1; attempts=1"
    )


def test_nobody_was_asked():
    """An error once it was decided has the line, too; a model that served nobody has no other name."""
    of = route(["a"])
    made = Decision(of, (), "priority", (Refused(named(of)["a"], "circuit_open"),))
    assert told(made) == {b"X-Gateway-Decision": b"route=m; strategy=priority; chosen=none; candidates=0; refused=1; attempts=0"}


@pytest.mark.parametrize("asked_for", ["model", "a/model"])
def test_the_model_that_was_asked_for_served(asked_for):
    """Then there is nothing more to tell."""
    assert list(told(decision(route(["a"])), "a/model", model=asked_for)) == [b"X-Gateway-Decision"]


def test_a_name_cannot_be_anything_else():
    """No line break, no separator, no letter outside of ASCII, and no length without end."""
    made = decision(route(leg("a", name="x")))
    lines = told(made, "a/model", model="ü; route=evil\r\nX: y")
    assert lines[b"X-Gateway-Requested-Model"] == b"%C3%BC%3B%20route%3Devil%0D%0AX:%20y"
    assert len(told(made, "a/model", model="ü" * 9999)[b"X-Gateway-Requested-Model"]) == LONGEST_NAME


def test_many_rules_are_counted():
    """Nobody reads a header of thousands."""
    made = decision(route(["a"]), rules=tuple(f"r{n}" for n in range(50)))
    assert b"rules=r0,r1,r2,r3,r4,r5,r6,r7,+42;" in told(made, "a/model")[b"X-Gateway-Decision"]


def test_a_kept_answer_after_a_failure_is_the_cache_s():
    """It is told as such, whatever was told to others, and nothing of it is told to those who are answered by a provider."""
    of = route(["a"])
    made = of.settled
    assert made is not None

    def line(*, cached: bool) -> bytes:
        ex = asked()
        ex.model, ex.cached = "m", "stale" if cached else ""
        ex.attempts.append(Attempt("a", "model", 0.0))
        return decision_line(made, ex)

    assert b"; chosen=cache;" in line(cached=True)
    assert b"; chosen=a/model;" in line(cached=False)
    assert b"; chosen=cache;" in line(cached=True)
    assert b"; chosen=a/model;" in line(cached=False)
