"""Faults of status, observed on a raw socket."""

from __future__ import annotations

from email.utils import parsedate_to_datetime

import pytest

from llm_gateway.core.clock import FakeClock
from llm_gateway.simulator.answer import Answer
from llm_gateway.simulator.faults import table
from llm_gateway.simulator.faults.spec import Given, parse
from simulator.support import CHAT, MESSAGES, STREAMS, chat, exchange, message, post


@pytest.mark.parametrize(("code", "kind"), [(429, "rate_limit_error"), (529, "overloaded_error"), (500, "api_error")])
def test_status(simulator, code, kind):
    """A status fault answers in the manner of the provider whose path was asked."""
    openai = exchange(simulator.url, post(f"/f/{code}{CHAT}", chat()))
    anthropic = exchange(simulator.url, post(f"/f/status:code={code}{MESSAGES}", message()))
    assert (openai.status, anthropic.status) == (code, code)
    assert openai.json["error"].keys() == {"message", "type", "param", "code"}
    assert anthropic.json["type"] == "error"
    assert anthropic.json["error"]["type"] == kind


@pytest.mark.parametrize(
    ("kind", "shown"),
    [
        ("gemini", {"error": {"code": 503, "message": "simulated error 503", "status": "UNAVAILABLE"}}),
        ("ollama", {"error": "simulated error 503"}),
        ("converse", {"message": "simulated error 503"}),
    ],
)
def test_status_of_the_others(simulator, kind, shown):
    """Also where a stream was asked for, the refusal is one document in the provider's words."""
    path, document = STREAMS[kind]
    answer = exchange(simulator.url, post(f"/f/503{path}", document))
    assert (answer.status, answer.json) == (503, shown)
    assert (answer.header("x-amzn-errortype") or "ServiceUnavailable").startswith("ServiceUnavailable")


def test_google_says_when_to_come_back_in_the_body(simulator):
    """RetryInfo beside the header."""
    path, document = STREAMS["gemini"]
    details = exchange(simulator.url, post(f"/f/429:retry_after=9{path}", document)).json["error"]["details"]
    assert [detail["retryDelay"] for detail in details] == ["9s"]


@pytest.mark.parametrize("value", ["1", "-5", "abc", "99999999"])
def test_retry_after_forms(simulator, value):
    """Retry-After is sent as it was asked for, however absurd."""
    answer = exchange(simulator.url, post(f"/f/429:retry_after={value},retry_after_ms=7{CHAT}", chat()))
    assert answer.header("retry-after") == value
    assert answer.header("retry-after-ms") == "7"


def test_retry_after_date():
    """retry_after_date counts from the wall clock it was handed."""
    clock = FakeClock(now=1_700_000_000)
    answer = Answer(200, [], [(0.0, b"{}")])
    table.apply(parse("503:retry_after_date=30"), answer, Given(now=clock.now))
    date = dict(answer.headers)[b"retry-after"].decode()
    assert parsedate_to_datetime(date).timestamp() == 1_700_000_030


def test_reason(simulator):
    """A quota error is told apart from a rate limit by its code."""
    answer = exchange(simulator.url, post(f"/f/429:reason=insufficient_quota{CHAT}", chat()))
    assert answer.json["error"]["code"] == "insufficient_quota"


def test_redirect(simulator):
    """redirect sends the caller to an address it must not ask."""
    plain = exchange(simulator.url, post(f"/f/redirect{CHAT}", chat()))
    chosen = exchange(simulator.url, post(CHAT, chat(), "X-Simulator-Fault: redirect:to=http://127.0.0.1:1/x,code=307"))
    assert (plain.status, plain.header("location")) == (302, "http://169.254.169.254/latest/meta-data/")
    assert (chosen.status, chosen.header("location")) == (307, "http://127.0.0.1:1/x")
