"""What is told of a request, and what is not."""

from __future__ import annotations

from random import Random
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from llm_gateway.core.caller import Caller
from llm_gateway.core.errors import BudgetExceeded, GatewayError, InvalidRequest, NotFound, RateLimited, Unauthenticated
from llm_gateway.core.exchange import Attempt, Exchange
from llm_gateway.core.ledger import Bill
from llm_gateway.core.trace import begun
from llm_gateway.core.usage import Usage
from llm_gateway.dialects.openai_chat import OPENAI_CHAT
from llm_gateway.telemetry.trace_facts import AUTH, LIMITS, MOST_ATTEMPTS, NAME, ROUTING, VALIDATION, Facts, facts_of

CANARY = "sk-canary-0123456789"
TRACE = begun(Random(1).getrandbits, "ratio")


def exchange(**changes: Any) -> Exchange:
    """That came in at 100.0."""
    headers = {b"authorization": f"Bearer {CANARY}".encode(), b"tracestate": CANARY.encode(), b"cookie": CANARY.encode()}
    body = msgspec.json.encode({"model": "m", "messages": CANARY, "api_key": CANARY})
    http = SimpleNamespace(path=f"/v1/{CANARY}".encode(), headers=headers, notes=None, body=body, peer="203.0.113.9", reply=None)
    ex = Exchange("req_1", http, OPENAI_CHAT, 100.0)
    for name, value in changes.items():
        setattr(ex, name, value)
    return ex


def told(ex: Exchange, now: float = 102.0) -> Facts:
    return facts_of(ex, TRACE, 1_700_000_000.0, now, lambda _ex: "hashed")


def test_times_are_from_the_requests_head():
    """And the head's own is in Unix seconds."""
    attempt = Attempt("a", "m", 100.5, ended=101.0, status=200, span="0" * 15 + "1", sent=100.6, over=101.5)
    facts = told(exchange(attempts=[attempt], committed=101.0, stages=(100.1, 100.2, 100.3)))
    assert facts.began == pytest.approx(1_700_000_000.0 - 2.0)
    assert (facts.seconds, facts.committed) == (2.0, 1.0)
    (one,) = facts.attempts
    assert (one.started, one.sent, one.ended, one.over) == pytest.approx((0.5, 0.6, 1.0, 1.5))
    stages = [(stage.name, stage.ended) for stage in facts.stages]
    assert stages == [
        (AUTH, pytest.approx(0.1)),
        (VALIDATION, pytest.approx(0.2)),
        (LIMITS, pytest.approx(0.3)),
        (ROUTING, pytest.approx(0.5)),
    ]


def test_nothing_that_was_sent_is_told():
    """Neither body nor headers, path or address, whatever became of the request."""
    caller = Caller(CANARY, key_id=CANARY, tenant="t")
    error = InvalidRequest(f"no {CANARY}", details={"x": CANARY})
    for changes in ({}, {"error": error, "outcome": "failed", "status": 400}, {"model": CANARY}):
        encoded = msgspec.msgpack.encode(told(exchange(caller=caller, sample=CANARY.encode(), **changes)))
        assert CANARY.encode() not in encoded
        assert b"203.0.113.9" not in encoded


def test_a_models_name_is_told_once_it_is_resolved():
    """Until then it is whatever the caller wrote."""
    assert told(exchange(model="m")).model == ""
    assert told(exchange(model="m" * 999, decision=object())).model == "m" * NAME


def test_attempts_are_bounded():
    """The first and the last ones are told; those that lost a race, too."""
    tries = [Attempt("a", f"m{number}", 100.0 + number) for number in range(50)]
    facts = told(exchange(attempts=tries, hedges=[Attempt("h", "m", 100.0)]))
    assert (len(facts.attempts), facts.left_out) == (MOST_ATTEMPTS, 51 - MOST_ATTEMPTS)
    assert (facts.attempts[0].model, facts.attempts[-1].provider, facts.attempts[-1].lost) == ("m0", "h", True)
    assert len({one.span for one in facts.attempts}) == MOST_ATTEMPTS


def test_tokens():
    """In disjoint classes; none: nothing was counted."""
    assert told(exchange(usage=Usage(3, cache_read=2, cache_write=1, output=4, reasoning=5))).told == (6, 9, 2, 1, 5)
    assert told(exchange(usage=Usage())).told is None


def test_what_has_no_price_has_no_cost():
    """Nothing looks free that is not known to be."""
    bill = Bill(Usage(1), 5, "prices", False, (), "v", "")
    assert told(exchange(bill=bill)).cost == 5
    assert told(exchange(bill=msgspec.structs.replace(bill, unpriced=("output",)))).cost is None
    assert told(exchange(bill=msgspec.structs.replace(bill, source="none"))).cost is None
    assert told(exchange()).cost is None


@pytest.mark.parametrize(
    ("error", "known", "seen", "stage"),
    [
        (Unauthenticated("no"), False, False, AUTH),
        (InvalidRequest("no"), True, False, VALIDATION),
        (NotFound("no"), True, True, VALIDATION),
        (RateLimited("no"), True, True, LIMITS),
        (BudgetExceeded("no"), True, True, LIMITS),
    ],
)
def test_who_refused(error: GatewayError, known: bool, seen: bool, stage: str):
    """The stage that the request did not get past."""
    caller = Caller("k") if known else None
    facts = told(exchange(error=error, caller=caller, view=object() if seen else None, outcome="failed"))
    assert [(one.name, one.failed, one.ended) for one in facts.stages] == [(stage, True, 2.0)]


def test_who_left_was_not_refused():
    """Nothing is known of the stages then."""
    assert told(exchange(outcome="client_gone")).stages == []


def test_nobody_could_be_asked():
    """Then it is the routing that failed."""
    facts = told(exchange(error=NotFound("no"), caller=Caller("k"), stages=(100.1, 100.2, 100.3), outcome="failed"))
    stage = facts.stages[-1]
    assert (stage.name, stage.failed, stage.ended) == (ROUTING, True, 2.0)
