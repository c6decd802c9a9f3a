"""Whole traces, from a request to its spans."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes.collector import Seen
from llm_gateway.telemetry.trace_facts import Facts, Stage, Try
from llm_gateway.telemetry.trace_spans import spans_of
from scripted_upstream import ASK, CLOSE, Upstream
from serving import connected, run
from telemetry.traced import PARENT, SAMPLED, TRACE, arrived, traced, two
from whole_gateway import BEARER, CHAT, SSE_HEAD, answer, chat, chunk, one_provider, piece, request, said, streamed

DOWN = answer({"error": {"message": "no"}}, "503 Service Unavailable")
USER = "alice@example.com"


def tree(spans: list[Seen]) -> list[str]:
    """One line for each span, in the order in which they were made: depth, name, whether it failed and why."""
    by_id = {span.id: span for span in spans}

    def depth(span: Seen) -> int:
        return 0 if span.parent not in by_id else 1 + depth(by_id[span.parent])

    return ["  " * depth(span) + span.name + (f" !{span.message}" if span.status == 2 else "") for span in spans]


def named(spans: list[Seen], name: str) -> list[Seen]:
    return [span for span in spans if span.name == name]


BEFORE = [
    "gateway.request",
    "  middleware.auth",
    "  middleware.validation",
    "  middleware.rate_limit",
    "  router.select_provider",
]


def test_a_failover():
    """The first attempt failed, the second one answered: both are there, below the caller's own span."""

    async def test() -> None:
        async with (
            Upstream([ASK, DOWN]) as bad,
            Upstream([ASK, said()]) as good,
            traced(two(bad, good)) as world,
        ):
            status, _, _ = await world.gateway.post(CHAT, chat(user=USER), BEARER + SAMPLED)
            assert status == 200
            spans = arrived(await world.facts())
            assert tree(spans) == [
                *BEFORE,
                "  provider.a.request !overloaded",
                "    http.client.request !overloaded",
                "  provider.b.request",
                "    http.client.request",
            ]
            root, failed, answered = spans[0], *(span for span in spans if span.name.startswith("provider."))
            assert (root.trace, root.parent, root.kind) == (TRACE, PARENT, 2)
            told = root.attributes
            user = told.pop("request.user_id")
            assert len(user) == 32
            assert user not in USER
            assert 0 <= told.pop("latency.gateway_overhead_ms") <= told.pop("latency.total_ms")
            assert told.pop("latency.provider_ms") > 0
            assert told.pop("latency.first_content_ms") > 0
            assert told.pop("request.id").startswith("req_")
            assert told == {
                "request.model": "m",
                "request.provider": "b",
                "request.operation": "chat",
                "request.dialect": "openai_chat",
                "request.stream": False,
                "response.model": "real",
                "response.status": 200,
                "response.cached": False,
                "response.tokens.input": 3,
                "response.tokens.output": 2,
                "response.tokens.total": 5,
                "http.response.status_code": 200,
                "gateway.outcome": "completed",
                "gateway.sampled_by": "parent",
                "gateway.attempts": 2,
                "gateway.usage_estimated": False,
            }
            assert failed.attributes["gateway.attempt.result"] == "failed"
            assert failed.attributes["http.response.status_code"] == 503
            assert answered.attributes == {
                "gen_ai.operation.name": "chat",
                "gen_ai.provider.name": "gcp.vertex_ai",
                "gen_ai.request.model": "real",
                "gen_ai.request.stream": False,
                "gen_ai.usage.input_tokens": 3,
                "gen_ai.usage.output_tokens": 2,
                "gateway.provider": "b",
                "gateway.attempt.number": 2,
                "gateway.attempt.result": "answered",
                "gateway.own_key": False,
                "http.response.status_code": 200,
            }
            for upstream, span in ((bad, failed), (good, answered)):
                assert f"traceparent: 00-{TRACE}-{span.id}-01\r\n".encode() in upstream.requests[0][1]

    run(test)


def test_a_stream_that_breaks():
    """What was shown before the cut has its time; the attempt and the request say that they were cut."""

    async def test() -> None:
        broken = SSE_HEAD + chunk(piece("hello"))
        async with Upstream([ASK, broken, 0.05, CLOSE]) as upstream, traced(one_provider(upstream.url)) as world:
            async with connected(world.gateway.port) as raw:
                raw.send(request(CHAT, chat(stream=True)))
                await raw.reply()
            (facts,) = await world.facts()
            assert (facts.why, facts.outcome) == ("error", "cut")
            spans = arrived([facts])
            assert tree(spans) == [
                "gateway.request !upstream_error",
                *BEFORE[1:],
                "  provider.a.request !reset",
                "    http.client.request !reset",
            ]
            root, (attempt,) = spans[0], named(spans, "provider.a.request")
            assert root.status == 2
            assert attempt.attributes["gateway.attempt.result"] == "cut"
            assert attempt.attributes["gen_ai.response.time_to_first_chunk"] > 0
            ((name, at),) = attempt.events
            assert name == "first_content"
            assert attempt.start < at < attempt.end - 30_000_000, "the cut came later than the first content"

    run(test)


def test_a_stream_that_is_continued():
    """Both legs are attempts of the same request, the first of them cut."""

    async def test() -> None:
        broken = SSE_HEAD + chunk(piece("one two three four "))
        rest = streamed(piece("one two three four five"), piece(finish="stop"))
        async with (
            Upstream([ASK, broken, 0.02, CLOSE]) as first,
            Upstream([ASK, rest]) as second,
            traced(two(first, second, on_cut="continue"), draw=0.0, sample=0.5) as world,
        ):
            async with connected(world.gateway.port) as raw:
                raw.send(request(CHAT, chat(stream=True)))
                await raw.reply()
            spans = arrived(await world.facts())
            results = [span.attributes["gateway.attempt.result"] for span in spans if span.name.startswith("provider.")]
            assert results == ["cut", "answered"]
            assert spans[0].attributes["gateway.continued"] == 1
            assert spans[0].status == 0

    run(test)


def test_a_hedged_request():
    """The attempt that lost the race is there too, and is no failure."""

    async def test() -> None:
        async with (
            Upstream([ASK, 5.0]) as slow,
            Upstream([ASK, said()]) as fast,
            traced(two(slow, fast, hedge={"after": "20ms", "extra": 1}), draw=0.0, sample=0.5) as world,
        ):
            await world.gateway.post(CHAT, chat())
            spans = arrived(await world.facts())
            results = {
                span.name: span.attributes["gateway.attempt.result"] for span in spans if span.name.startswith("provider.")
            }
            assert results == {"provider.a.request": "lost", "provider.b.request": "answered"}
            assert all(span.status == 0 for span in spans)

    run(test)


@pytest.mark.parametrize(
    ("headers", "body", "status", "code", "stage"),
    [
        ("Authorization: Bearer sk-wrong-0123456789abcdef\r\n", chat(), 401, "invalid_api_key", "middleware.auth"),
        (BEARER, chat("nobody-has-it"), 404, "model_not_found", "router.select_provider"),
        (BEARER, {"model": "m", "messages": "x", "stream": 3}, 400, None, "middleware.validation"),
        (BEARER, chat(), 429, "rate_limit_exceeded", "middleware.rate_limit"),
    ],
    ids=["stranger", "unknown model", "malformed", "too many"],
)
def test_refused(headers: str, body: Any, status: int, code: str | None, stage: str):
    """A refusal names the stage that refused; the request's own span did not fail, as the caller's fault is none of ours."""

    async def test() -> None:
        async with Upstream([ASK, said()]) as upstream:
            document = one_provider(upstream.url)
            if status == 429:
                document["auth"]["keys"][0]["limits"] = {"requests": {"minute": 1}}
            async with traced(document) as world:
                if status == 429:
                    assert (await world.gateway.post(CHAT, body, headers))[0] == 200
                assert (await world.gateway.post(CHAT, body, headers))[0] == status
                (facts,) = await world.facts()
        assert facts.why == "error"
        spans = arrived([facts])
        root = spans[0]
        assert root.status == 0
        assert root.attributes["response.status"] == status
        assert code is None or root.attributes["error.type"] == code
        assert [span.name for span in spans if span.status == 2] == [stage]
        assert "request.model" not in root.attributes, "a name that nobody has may be anything"

    run(test)


TIMES = st.floats(-1.0, 10.0, allow_nan=False)


@given(
    tries=st.lists(st.tuples(TIMES, TIMES, TIMES, TIMES), max_size=5),
    stages=st.lists(st.tuples(TIMES, TIMES), max_size=4),
    seconds=st.floats(0.0, 5.0),
)
def test_spans_lie_within_their_parents(tries: list[tuple[float, ...]], stages: list[tuple[float, ...]], seconds: float):
    """Whatever the facts say, also nonsense: no span begins before its parent, ends after it, or before it began."""
    attempts = [
        Try(f"{number:016x}", "a", "m", started, sent, ended, over, 200, "", False, False)
        for number, (started, sent, ended, over) in enumerate(tries, 1)
    ]
    facts = facts_with(seconds=seconds, attempts=attempts, stages=[Stage("s", *times) for times in stages])
    spans = spans_of(facts, {}, Random(1).getrandbits)
    by_id = {span.span_id: span for span in spans}
    assert len(spans) == 1 + len(stages) + 2 * len(tries)
    for span in spans[1:]:
        parent = by_id[span.parent_id]
        assert parent.start <= span.start <= span.end <= parent.end
    told = spans[0].attributes
    assert 0 <= told["latency.provider_ms"] <= told["latency.total_ms"]


def facts_with(**changes: Any) -> Facts:
    """Of a request to which nothing happened, but for these changes."""
    kinds = {str: "", float: 0.0, bool: False, int: 0, list: []}
    told: dict[str, Any] = {name: kinds.get(kind) for name, kind in plain_types().items()}
    return Facts(**told | {"trace_id": "1" * 32, "span_id": "f" * 16, "began": 1e9, "outcome": "completed"} | changes)


def plain_types() -> dict[str, type | None]:
    by_name = {"str": str, "float": float, "bool": bool, "int": int}
    return {name: by_name.get(text, list if text.startswith("list") else None) for name, text in Facts.__annotations__.items()}
