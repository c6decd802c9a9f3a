"""Requests that were answered by what was kept: seen as such, and nobody's work or cost."""

from __future__ import annotations

import pytest

from llm_gateway.core.errors import TimedOut
from llm_gateway.core.exchange import Attempt, Exchange
from llm_gateway.core.ledger import Bill
from llm_gateway.core.usage import Usage
from telemetry.test_folding import CHAT, Counted, refused, served

WHO = {"endpoint": CHAT, "provider": "cache", "model": "fast"}


def given(cached: str = "hit", *attempts: Attempt, model: str = "fast", stream: bool = False) -> Exchange:
    """One that nobody answered; `attempts`: who tried."""
    ex = served(stream=stream)
    ex.attempts[:] = attempts
    ex.served_provider = ex.served_model = ""
    ex.usage, ex.model, ex.cached = None, model, cached
    ex.bill = Bill(Usage(), 0, "none", False, (), "", "")
    return ex


def failed(provider: str = "p", began: float = 100.1) -> Attempt:
    return Attempt(provider, "m", began, began + 0.1, 500, "server_error")


@pytest.mark.parametrize("cached", ["hit", "stale", "coalesced"])
@pytest.mark.parametrize("stream", [False, True])
def test_a_kept_answer_is_a_request_of_the_cache(cached: str, stream: bool):
    """It succeeded, took its time, and is no attempt, no token, no first token and no money of anybody."""
    counted = Counted()(given(cached, stream=stream))
    assert counted.value("gateway_requests_total", **WHO, tenant="acme", status="200") == [1]
    assert counted.value("gateway_request_outcomes_total", endpoint=CHAT, outcome="completed") == [1]
    took = counted.value("gateway_request_duration_seconds", **WHO, stream=str(stream).lower())
    assert (sum(took[:-1]), took[-1]) == (1, pytest.approx(0.5))
    ai = {"gen_ai_operation_name": "chat", "gen_ai_provider_name": "cache", "gen_ai_request_model": "fast"}
    assert counted.value("gen_ai_client_operation_duration_seconds", **ai)[-1] == pytest.approx(0.5)
    families = set(counted.folding.counts.copied())
    assert families == {
        "gateway_requests_total",
        "gateway_request_outcomes_total",
        "gateway_request_bytes_total",
        "gateway_response_bytes_total",
        "gateway_request_duration_seconds",
        "gen_ai_client_operation_duration_seconds",
    }


@pytest.mark.parametrize("stream", [False, True])
def test_who_failed_before_a_stale_answer_has_failed(stream: bool):
    """With one attempt or several: each counts as an error of its provider, and none as an answer or a first token."""
    for tries in ([failed()], [failed("q"), failed(began=100.3)]):
        counted = Counted()(given("stale", *tries, stream=stream))
        assert counted.sum("gateway_requests_total") == 1
        assert counted.value("gateway_requests_total", **WHO, tenant="acme", status="200") == [1]
        assert counted.sum("gateway_provider_requests_total") == counted.sum("gateway_provider_errors_total") == len(tries)
        assert counted.value("gateway_provider_errors_total", provider="p", model="m", error_type="server_error") == [1]
        assert counted.sum("gateway_errors_total") == 0
        assert counted.sum("gateway_failovers_total") == len(tries) - 1
        assert counted.value("gateway_time_to_first_token_seconds", provider="p", model="m") is None


def test_what_a_failed_attempt_cost_is_its_providers():
    """An answer that was none may have to be paid for; what was given in its place costs nothing more."""
    ex = given("stale", failed())
    ex.bill = Bill(Usage(input=30), 3_000_000, "prices", True, (), "", "")
    counted = Counted()(ex)
    assert counted.value("gateway_cost_dollars_total", provider="p", model="m", tenant="acme") == [pytest.approx(0.003)]
    assert counted.value("gateway_tokens_total", provider="p", model="m", tenant="acme", type="input") == [30]


def test_hits_and_answers_of_providers_are_told_apart():
    """Though path, caller, model and status are the same."""
    counted = Counted(labels=("alias",))
    for ex in (served(), given(), served(), given(), given("stale", failed())):
        counted(ex)
    assert counted.value("gateway_requests_total", **WHO, status="200", alias="fast") == [3]
    assert counted.value("gateway_requests_total", **{**WHO, "provider": "p", "model": "m"}, status="200", alias="fast") == [2]


def test_a_model_that_has_a_label_has_it_here_too():
    """Asked for by its own name or behind its provider's, configured or found to answer; anything else is unknown."""
    counted = Counted()
    counted(given(model="m"), given(model="p/m"), given(model="new"), given(model="p/new"))
    assert counted.value("gateway_requests_total", **{**WHO, "model": "m"}, tenant="acme", status="200") == [2]
    assert counted.value("gateway_requests_total", **{**WHO, "model": "unknown"}, tenant="acme", status="200") == [2]
    counted(served("new"), given(model="new"), given(model="p/new"))
    assert counted.value("gateway_requests_total", **{**WHO, "model": "new"}, tenant="acme", status="200") == [2]
    counted.folding.naming.configure([], [], {})
    counted(given(model="p/new"), given(model="m"))
    assert counted.value("gateway_requests_total", **{**WHO, "model": "new"}, tenant="acme", status="200") == [3]
    assert counted.value("gateway_requests_total", **{**WHO, "model": "unknown"}, tenant="acme", status="200") == [3]


def test_who_wanted_a_kept_answer_or_none_failed_at_nobody():
    """The 504 is the cache's, which alerts leave out; another 504 is not."""
    ex, other = refused(TimedOut("x", code="not_cached")), refused(TimedOut("x", code="deadline_exceeded"))
    counted = Counted()(ex, other)
    assert counted.value("gateway_requests_total", **WHO, tenant="acme", status="504") == [1]
    assert counted.value("gateway_requests_total", **{**WHO, "provider": "none"}, tenant="acme", status="504") == [1]
    assert counted.value("gateway_errors_total", endpoint=CHAT, provider="none", error_type="not_cached") == [1]


def test_a_flood_of_names_stays_bounded():
    """Names of kept answers are callers' own until they have proved to mean something (faults C33)."""
    counted = Counted()
    for number in range(3000):
        counted(given(model=f"random-{number}"))
    assert len(counted.folding.counts.copied()["gateway_requests_total"]) == 1
