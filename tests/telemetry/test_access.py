"""The access log's two ways of writing a line say the same."""

from __future__ import annotations

from types import SimpleNamespace

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.core.caller import Caller
from llm_gateway.core.errors import RateLimited
from llm_gateway.core.exchange import Attempt, Exchange
from llm_gateway.core.trace import TraceContext
from llm_gateway.core.usage import BilledUsage, MediaUsage, Usage
from llm_gateway.telemetry.access import as_json, as_text, line_of, rendered
from llm_gateway.telemetry.ended import hashing

NAMES = st.text(max_size=20)


def finished(model="m", key="k", served="s", *, stream=False, usage=None) -> Exchange:
    http = SimpleNamespace(path=b"/v1/chat/completions", headers={}, notes=None, body=b"", peer="127.0.0.1", reply=None)
    ex = Exchange("req_1", http, None, 100.0)
    ex.caller, ex.model, ex.served_provider, ex.served_model = Caller(key), model, "p", served
    ex.attempts.append(Attempt("p", served, 100.0))
    ex.status, ex.outcome, ex.stream, ex.usage, ex.committed, ex.bytes_out = 200, "completed", stream, usage, 100.25, 7
    return ex


USED = (
    None,
    Usage(input=3, cache_read=2, cache_write=4, output=5, reasoning=6),
    BilledUsage(input=3, output=5, cost=7),
    MediaUsage(input=3, images=2),
    MediaUsage(seconds=1.5, characters=7),
)


@given(NAMES, NAMES, NAMES, st.booleans(), st.sampled_from(USED), st.floats(0.0, 4e9))
def test_the_quick_line_is_the_careful_one(model, key, served, stream, usage, wall):
    """A completed request's line holds exactly what the struct would, whatever its names are made of, at any time."""
    ex = finished(model, key, served, stream=stream, usage=usage)
    quick = msgspec.json.decode(rendered([as_json(ex, wall, 100.5)]))
    careful = msgspec.json.decode(msgspec.json.encode(line_of(ex, wall, 100.5)))
    assert {**quick, **{name: "" for name in ("model", "served_model") if not quick[name]}} == {
        "model": "",
        "served_model": "",
        **careful,
    }
    assert quick["latency_ms"] == 500.0
    assert quick["first_token_ms"] == 250.0


@pytest.mark.parametrize("name", ["a\x1b[2Jb", "two\nlines", "\u202eright"])
def test_a_line_for_people_holds_no_control_characters(name):
    """A caller's model name cannot clear a terminal or forge a second line."""
    text = rendered([as_text(finished(model=name), 1_700_000_000.0, 101.0)]).decode()
    assert text.count("\n") == 1
    assert "\x1b" not in text
    assert "\u202e" not in text


def test_what_passes_through_is_called_so():
    """By its path, which no other operation has."""
    ex = finished()
    assert "operation" not in msgspec.json.decode(rendered([as_json(ex, 1_700_000_000.5, 100.5)]))
    ex.path = b"/passthrough/openai/v1/x"
    quick = msgspec.json.decode(rendered([as_json(ex, 1_700_000_000.5, 100.5)]))
    assert quick["operation"] == line_of(ex, 1.0, 100.5).operation == "passthrough"


def test_lost_hedges_are_told():
    """An attempt that lost a race was paid for: its line names it."""
    ex = finished()
    ex.hedges = [Attempt("slow", "model", 100.0, ended=100.25)]
    line = msgspec.json.decode(rendered([as_json(ex, 1_700_000_000.5, 100.5)]))
    assert line["hedges"] == [{"provider": "slow", "model": "model", "ms": 250.0}]


def test_both_lines_name_tenant_user_and_trace():
    """The end user only as a hash, which is the same each time and another with another secret."""
    ex = finished()
    ex.caller = Caller("k", tenant="acme", user="bob@example.com")
    ex.trace = TraceContext("a" * 32, "b" * 16, "", 1, b"", lambda _bits: 1)
    one, again, other = hashing(b"secret"), hashing(b"secret"), hashing(b"another")
    record = as_json(ex, 1_700_000_000.5, 100.5, one)
    quick = msgspec.json.decode(rendered([record]))
    careful = msgspec.json.decode(msgspec.json.encode(line_of(ex, 1_700_000_000.5, 100.5, one(ex))))
    for line in (quick, careful):
        assert (line["tenant_id"], line["trace_id"], line["span_id"]) == ("acme", "a" * 32, "b" * 16)
        assert line["user_id"] == again(ex) != other(ex)
    assert "bob" not in rendered([record]).decode()


def test_a_failure_names_its_code_and_its_kind():
    """The message is a fixed sentence: what an error says could hold what a provider quoted."""
    ex = finished()
    ex.error, ex.status, ex.outcome = RateLimited("You said: secret prompt"), 429, "failed"
    text = rendered([as_json(ex, 1_700_000_000.5, 100.5)])
    line = msgspec.json.decode(text)
    assert (line["error"], line["error_type"], line["message"]) == ("rate_limit_exceeded", "rate_limit_error", "request failed")
    assert b"secret" not in text
