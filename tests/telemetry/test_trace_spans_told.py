"""What providers are told of traces, and requests that take other ways through the gateway."""

from __future__ import annotations

import asyncio
from random import Random

import pytest

from llm_gateway.core.clock import SystemClock
from llm_gateway.telemetry.traces import Traces
from realtime_sessions import between, dial
from scripted_upstream import ASK, Upstream
from serving import run, until
from telemetry.traced import PARENT, SAMPLED, TRACE, UNSAMPLED, Told, arrived, settings, traced, two
from whole_gateway import BEARER, CHAT, KEY, answer, chat, one_provider, said


def test_the_callers_context_goes_on_unchanged():
    """Of a request that nobody records the provider is told the caller's context as it came, and control nothing."""

    async def test() -> None:
        async with Upstream([ASK, said()]) as upstream, traced(one_provider(upstream.url), draw=0.9, sample=0.5) as world:
            await world.gateway.post(CHAT, chat(), BEARER + UNSAMPLED + "tracestate: a=1\r\nbaggage: b=2\r\n")
            sent = upstream.requests[0][1].lower()
            assert f"traceparent: 00-{TRACE}-{PARENT}-00\r\n".encode() in sent
            assert b"tracestate" not in sent
            assert b"baggage" not in sent
            assert await world.facts() == []

    run(test)


@pytest.mark.parametrize(
    ("propagate", "names"), [("none", set()), ("ids", {b"traceparent"}), ("full", {b"traceparent", b"tracestate", b"baggage"})]
)
def test_what_a_provider_is_told(propagate: str, names: set[bytes]):
    """Each account says how much of the context goes to it."""

    async def test() -> None:
        async with Upstream([ASK, said()]) as upstream:
            document = one_provider(upstream.url)
            document["providers"]["a"]["propagate"] = propagate
            async with traced(document) as world:
                await world.gateway.post(CHAT, chat(), BEARER + SAMPLED + "tracestate: a=1\r\nbaggage: b=2\r\n")
                lines = upstream.requests[0][1].split(b"\r\n\r\n")[0].lower().split(b"\r\n")
        assert {line.split(b":")[0] for line in lines} & {b"traceparent", b"tracestate", b"baggage"} == names

    run(test)


def test_a_mirrored_request():
    """What is asked beside it belongs to the same trace, with a span of its own below the request's."""

    async def test() -> None:
        async with Upstream([ASK, said()]) as first, Upstream([ASK, said()]) as second:
            document = two(first, second)
            document["models"] = {"m": "a/real", "shadow": "b/real"}
            mirrored = {"name": "shadow", "when": "not stream", "then": {"mirror": {"to": "shadow", "percent": 100}}}
            document["routing"] = {"rules": [mirrored]}
            async with traced(document) as world:
                await world.gateway.post(CHAT, chat(), BEARER + SAMPLED)
                await until(lambda: bool(second.requests))
                one, other = sorted(await world.facts(), key=lambda facts: facts.request_id)
            assert (one.trace_id, one.parent_id) == (TRACE, PARENT)
            assert (other.trace_id, other.parent_id) == (TRACE, one.span_id)
            assert (other.request_id, other.outcome) == (f"{one.request_id}.mirror", "mirrored")
            assert other.attempts[0].span.encode() in second.requests[0][1]

    run(test)


def test_two_traceparents_are_none():
    """Nobody can know which one is meant: the caller's trace is not gone on with, and neither is passed on."""

    async def test() -> None:
        async with Upstream([ASK, said()]) as upstream, traced(one_provider(upstream.url)) as world:
            await world.gateway.post(CHAT, chat(), BEARER + SAMPLED + SAMPLED.replace(PARENT, "1" * 16))
            assert b"traceparent" not in upstream.requests[0][1].lower()
            assert await world.facts() == []

    run(test)


def test_what_passes_through_is_traced_too():
    """A raw request has its attempt, and its provider is told."""

    async def test() -> None:
        sound = answer(b"RIFF" + bytes(60)).replace(b"application/json", b"audio/wav")
        async with Upstream([ASK, sound]) as upstream, traced(one_provider(upstream.url, kind="openai")) as world:
            body = {"model": "m", "input": "hi", "voice": "alloy"}
            status, _, _ = await world.gateway.post("/v1/audio/speech", body, BEARER + SAMPLED)
            assert status == 200
            (facts,) = await world.facts()
            assert facts.operation == "speech"
            assert f"-{facts.attempts[0].span}-01\r\n".encode() in upstream.requests[0][1]

    run(test)


def test_a_realtime_session():
    """Its attempt lasts as long as the session, and the provider is told with the handshake."""

    async def test() -> None:
        async with between() as (gateway, simulator):
            traces = Traces(SystemClock(), Random(7), lambda _ex: "", gateway.shared.report)
            gateway.shared.observe.tracer = traces.configure(settings())
            headers = {"Authorization": f"Bearer {KEY}", "traceparent": f"00-{TRACE}-{PARENT}-01"}
            async with dial(gateway, headers=headers) as session:
                await session.recv()
                await asyncio.sleep(0.05)
            await until(lambda: gateway.shared.observe.active == 0)
            told = Told()
            traces.tell(told)
            (facts,) = told.facts
            (attempt,) = facts.attempts
            assert (facts.operation, attempt.status) == ("realtime", 101)
            assert attempt.over - attempt.ended > 0.04
            sent = dict(next(seen for seen in simulator.requests if seen.method == "GET").headers)
            assert sent["traceparent"] == f"00-{TRACE}-{attempt.span}-01"
            assert arrived([facts])

    run(test)
