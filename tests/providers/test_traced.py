"""What an attempt's provider is told of the trace."""

from __future__ import annotations

from random import Random

import pytest

from llm_gateway.core.exchange import Attempt
from llm_gateway.core.trace import Propagate, TraceContext, begun, parsed
from llm_gateway.providers.traced import trace_lines

BITS = Random(1).getrandbits
GIVEN = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"
HEADERS = {b"traceparent": GIVEN, b"tracestate": b"a=1", b"baggage": b"b=2"}


def caller() -> TraceContext:
    context = parsed(GIVEN, BITS)
    assert context is not None
    return context


def test_a_recorded_attempt_is_the_providers_parent():
    """Its span is named when it is sent, and again if it is sent once more."""
    context, attempt = begun(BITS, "ratio"), Attempt("a", "m", 1.0)
    lines = trace_lines(context, attempt, "ids", {}, 2.0)
    assert lines == f"traceparent: 00-{context.trace_id}-{attempt.span}-01\r\n".encode()
    assert attempt.sent == 2.0
    first = attempt.span
    trace_lines(context, attempt, "ids", {}, 3.0)
    assert attempt.span != first


def test_who_is_told_nothing_has_a_span_all_the_same():
    """It is the provider that is not to know, not the operator."""
    context, attempt = begun(BITS, "ratio"), Attempt("a", "m", 1.0)
    assert trace_lines(context, attempt, "none", HEADERS, 2.0) == b""
    assert attempt.span


def test_what_is_not_recorded_has_no_span():
    """Nothing is made for it: the caller's context goes on as it came."""
    attempt = Attempt("a", "m", 1.0)
    assert trace_lines(caller(), attempt, "ids", HEADERS, 2.0) == b"traceparent: " + GIVEN + b"\r\n"
    assert (attempt.span, attempt.sent) == ("", 0.0)


@pytest.mark.parametrize("how", ["none", "ids", "full"])
def test_companions_go_with_the_callers_context_alone(how: Propagate):
    """Where the trace begins here, tracestate belongs to nobody (W3C Trace Context, section 3.3)."""
    assert b"tracestate" not in trace_lines(begun(BITS, "ratio"), Attempt("a", "m", 1.0), how, HEADERS, 2.0)
    lines = trace_lines(caller(), Attempt("a", "m", 1.0), how, HEADERS, 2.0)
    assert (b"tracestate: a=1\r\nbaggage: b=2\r\n" in lines) is (how == "full")
