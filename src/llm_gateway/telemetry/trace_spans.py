"""The spans of one request, made of what its worker told (trace_facts.py).

    gateway.request                     from the request's head to the last byte of its answer
    ├─ middleware.auth                  what the gateway did before anyone was asked
    ├─ middleware.validation
    ├─ middleware.rate_limit
    ├─ router.select_provider           or middleware.cache, where what is kept was the answer
    └─ provider.<name>.request          one for each attempt; its id is what the provider is told as its parent
       └─ http.client.request           from the first byte that was sent

Names are those of requirements 7.2, O2; gen_ai.* those of OpenTelemetry's conventions for generative AI
(https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-spans/). A span lies within its parent.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

import msgspec

from llm_gateway.core.trace import Bits, new_span_id
from llm_gateway.telemetry.naming import MAKERS
from llm_gateway.telemetry.trace_facts import Facts, Stage, Try

INTERNAL, SERVER, CLIENT = 1, 2, 3
"""Kinds of spans, as OTLP counts them."""
Attributes = dict[str, str | int | float | bool]

OPERATIONS: Mapping[str, str] = MappingProxyType({"completion": "text_completion", "embedding": "embeddings"})
"""gen_ai.operation.name, where it is not our own word."""
FAILED = 500
"""From this status on, a request's own span says that it failed: a refusal is the caller's matter."""
WRONG = frozenset({"cut", "failed", "drained"})
LEFT = frozenset({"client_gone", "drained"})


class Span(msgspec.Struct, gc=False):
    """One span. Times are Unix nanoseconds."""

    name: str
    kind: int
    span_id: str
    parent_id: str
    start: int
    end: int
    attributes: Attributes
    error: str | None = None
    """Why it failed, in a word or two; None: it did not."""
    events: tuple[tuple[str, int], ...] = ()


class Within(NamedTuple):
    """A stretch of time that spans must lie within."""

    start: int
    end: int

    def part(self, zero: int, started: float, ended: float) -> Within:
        """From `started` to `ended`, seconds from `zero`."""
        start = min(max(zero + int(started * 1e9), self.start), self.end)
        return Within(start, min(max(zero + int(ended * 1e9), start), self.end))


def spans_of(facts: Facts, types: Mapping[str, str], bits: Bits) -> list[Span]:
    """Of one request, its own span first. `types`: by provider, of which type it is."""
    zero = int(facts.began * 1e9)
    whole = Within(zero, zero + max(0, int(facts.seconds * 1e9)))
    own = Span("gateway.request", SERVER, facts.span_id, facts.parent_id, whole.start, whole.end, _request(facts))
    refused = 400 <= facts.status < FAILED
    if facts.status >= FAILED or (facts.outcome in WRONG and not refused):
        own.error = facts.error or facts.outcome
    spans = [own, *(_stage(stage, facts, whole, zero, bits) for stage in facts.stages)]
    for number, one in enumerate(facts.attempts, 1):
        spans += _attempt(facts, one, number, whole, types, bits)
    return spans


def _stage(stage: Stage, facts: Facts, whole: Within, zero: int, bits: Bits) -> Span:
    start, end = whole.part(zero, stage.started, stage.ended)
    span = Span(stage.name, INTERNAL, new_span_id(bits), facts.span_id, start, end, {})
    if stage.failed:
        span.attributes["error.type"] = span.error = facts.error
    return span


def _request(facts: Facts) -> Attributes:
    """What is said of the whole request."""
    told: Attributes = {
        "request.id": facts.request_id,
        "request.model": facts.model,
        "request.provider": facts.provider,
        "request.user_id": facts.user,
        "request.tenant_id": facts.tenant,
        "request.project_id": facts.project,
        "request.operation": facts.operation,
        "request.dialect": facts.dialect,
        "response.model": facts.served_model,
        "error.type": facts.error or facts.error_type,
        "gateway.outcome": facts.outcome,
        "gateway.sampled_by": facts.why,
        "gateway.cache.result": facts.cached,
    }
    told = {name: value for name, value in told.items() if value}
    told |= {
        "request.stream": facts.stream,
        "response.status": facts.status,
        "http.response.status_code": facts.status,
        "response.cached": bool(facts.cached),
        "gateway.attempts": len(facts.attempts) + facts.left_out,
    }
    if facts.usage is not None:
        into, out, read, written, reasoning = facts.usage
        names = ("input", "output", "total", "cache_read", "cache_write", "reasoning")
        counts = (into, out, into + out, read, written, reasoning)
        told |= {f"response.tokens.{name}": count for name, count in zip(names, counts, strict=True) if count}
        if facts.cost is not None:
            told["gateway.cost_usd"] = facts.cost / 1e9
        told["gateway.usage_estimated"] = facts.estimated
    if facts.seams:
        told["gateway.continued"] = facts.seams
    return told | _latencies(facts)


def _latencies(facts: Facts) -> Attributes:
    total, asked = facts.seconds, _covered(facts)
    told: Attributes = {
        "latency.total_ms": _ms(total),
        "latency.provider_ms": _ms(asked),
        "latency.gateway_overhead_ms": _ms(max(0.0, total - asked)),
    }
    if facts.committed:
        told["latency.first_content_ms"] = _ms(facts.committed)
    return told


def _covered(facts: Facts) -> float:
    """Seconds in which at least one attempt was under way."""
    covered = last = 0.0
    for one in sorted(facts.attempts, key=lambda one: one.started):
        end = min(_end(one, facts), facts.seconds)
        covered += max(0.0, end - max(one.started, last))
        last = max(last, end)
    return covered


def _end(one: Try, facts: Facts) -> float:
    return one.over or one.ended or facts.seconds


def _attempt(facts: Facts, one: Try, number: int, whole: Within, types: Mapping[str, str], bits: Bits) -> list[Span]:
    zero = whole.start
    mine = whole.part(zero, one.started, _end(one, facts))
    kind = types.get(one.provider, "")
    result = _result(facts, one)
    told: Attributes = {
        "gen_ai.operation.name": OPERATIONS.get(facts.operation, facts.operation),
        "gen_ai.provider.name": MAKERS.get(kind, kind) or one.provider,
        "gen_ai.request.model": one.model,
        "gen_ai.request.stream": facts.stream,
        "gateway.provider": one.provider,
        "gateway.attempt.number": number,
        "gateway.attempt.result": result,
        "gateway.own_key": one.own,
    }
    events: tuple[tuple[str, int], ...] = ()
    if one.over and one.ended:
        told["gen_ai.response.time_to_first_chunk"] = round(max(0.0, one.ended - one.started), 6)
        events = (("first_content", mine.part(zero, one.ended, one.ended).start),)
    if result == "answered" and facts.told is not None:
        into, out, read, written, reasoning = facts.told
        told |= {"gen_ai.usage.input_tokens": into, "gen_ai.usage.output_tokens": out}
        told |= {"gen_ai.usage.cache_read.input_tokens": read} if read else {}
        told |= {"gen_ai.usage.cache_creation.input_tokens": written} if written else {}
        told |= {"gen_ai.usage.reasoning.output_tokens": reasoning} if reasoning else {}
    http: Attributes = {"http.request.method": "GET" if facts.operation == "realtime" else "POST"}
    if one.status:
        http["http.response.status_code"] = told["http.response.status_code"] = one.status
    error = one.error or None
    if error:
        http["error.type"] = told["error.type"] = error
    sent = mine.part(zero, max(one.sent, one.started), _end(one, facts))
    return [
        Span(f"provider.{one.provider}.request", CLIENT, one.span, facts.span_id, *mine, told, error, events),
        Span("http.client.request", CLIENT, new_span_id(bits), one.span, *sent, http, error),
    ]


def _result(facts: Facts, one: Try) -> str:
    """answered, failed, cut (its stream broke), lost (a race), client_gone, drained."""
    if one.lost:
        return "lost"
    if one.error:
        return "cut" if one.over else "failed"
    if one is facts.attempts[-1] and facts.outcome in LEFT:
        return facts.outcome
    return "answered"


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 3)
