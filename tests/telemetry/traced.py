"""Requests of a whole gateway whose traces stay here, for tests of what is told of them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from random import Random
from typing import Any

import msgspec

from fakes.collector import Seen, check_nesting, read
from llm_gateway.config.schema import Tracing
from llm_gateway.control.tracing_otlp import made
from llm_gateway.core.clock import SystemClock
from llm_gateway.telemetry.ended import hashing
from llm_gateway.telemetry.trace_facts import Facts
from llm_gateway.telemetry.traces import TOPIC, Traces
from scripted_upstream import Upstream
from serving import until
from whole_gateway import KEY, Gateway, whole_gateway

SECRET = b"0" * 32
TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
SAMPLED = f"traceparent: 00-{TRACE}-{PARENT}-01\r\n"
UNSAMPLED = f"traceparent: 00-{TRACE}-{PARENT}-00\r\n"
ON = {"endpoint": "http://127.0.0.1:1", "sample": 0}


class Told:
    """Takes the place of the link to control."""

    def __init__(self) -> None:
        self.messages: list[Any] = []
        self.takes = True

    def __call__(self, topic: str, body: Any) -> bool:
        if self.takes:
            assert topic == TOPIC
            self.messages.append(msgspec.msgpack.decode(msgspec.msgpack.encode(body)))
        return self.takes

    @property
    def facts(self) -> list[Facts]:
        return [msgspec.msgpack.decode(one, type=Facts) for facts, _ in self.messages for one in facts]

    @property
    def dropped(self) -> int:
        return sum(dropped for _, dropped in self.messages)


class TracedGateway:
    """A gateway, and what it told."""

    def __init__(self, gateway: Gateway, traces: Traces) -> None:
        self.gateway = gateway
        self.traces = traces

    async def facts(self) -> list[Facts]:
        """Of all requests, when none runs any more."""
        await until(lambda: self.gateway.shared.observe.active == 0)
        told = Told()
        self.traces.tell(told)
        return told.facts


@asynccontextmanager
async def traced(document: Mapping[str, Any], *, draw: float | None = None, **tracing: Any) -> AsyncIterator[TracedGateway]:
    """Serves `document` with these settings of telemetry.tracing. `draw`: what chance says."""
    randomness = Random(7)
    if draw is not None:
        randomness.random = lambda: draw  # type: ignore[method-assign]
    async with whole_gateway(document) as gateway:
        traces = Traces(SystemClock(), randomness, hashing(SECRET), gateway.shared.report)
        gateway.shared.observe.tracer = traces.configure(settings(**tracing))
        yield TracedGateway(gateway, traces)


def settings(**tracing: Any) -> Tracing:
    """Of telemetry.tracing; nothing is sampled unless they say so."""
    return Tracing(**(ON | tracing))


def arrived(facts: list[Facts]) -> list[Seen]:
    """The spans of one trace as a collector gets them."""
    types = {"a": "openai_compatible", "b": "vertex"}
    encoded = [msgspec.msgpack.encode(one) for one in facts]
    spans = list(read(made(encoded, {"service.name": "t"}, types, Random(3).getrandbits, zipped=False).body))
    check_nesting(spans)
    return spans


def two(one: Upstream, other: Upstream, **alias: Any) -> dict[str, Any]:
    """The model "m" at two providers of which each is asked once."""
    provider = {"type": "openai_compatible", "api_key": "sk-provider-secret"}
    return {
        "providers": {"a": {**provider, "base_url": one.url}, "b": {**provider, "base_url": other.url}},
        "models": {"m": {"deployments": ["a/real", "b/real"], "retries": 0, **alias}},
        "auth": {"keys": [{"name": "tests", "key": KEY}]},
    }
