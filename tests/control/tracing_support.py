"""An exporter of traces with a clock of the test's, and facts to send."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random
from typing import Any

import msgspec

from llm_gateway.config.schema import Config, Provider, Telemetry, Tracing
from llm_gateway.config.values import Duration
from llm_gateway.control.tracing import Exporter
from llm_gateway.core.clock import FakeClock
from llm_gateway.telemetry.trace_facts import Facts


def facts(number: int = 1, **changes: Any) -> Facts:
    """Of a request that was refused, at the fake clock's beginning."""
    made = Facts(
        trace_id=f"{number:032x}",
        span_id=f"{number:016x}",
        parent_id="",
        why="error",
        began=1_700_000_000.0,
        seconds=0.5,
        committed=0.0,
        request_id=f"req_{number}",
        operation="chat",
        dialect="openai_chat",
        model="",
        stream=False,
        status=401,
        outcome="failed",
        error="invalid_api_key",
        error_type="authentication_error",
        tenant="",
        project="",
        user="",
        provider="",
        served_model="",
        usage=None,
        told=None,
        cost=0,
        estimated=False,
        seams=0,
        attempts=[],
        left_out=0,
        stages=[],
    )
    return msgspec.structs.replace(made, **changes)


def message(*numbers: int, dropped: int = 0) -> list[Any]:
    """As a worker tells it."""
    return [[msgspec.msgpack.encode(facts(number)) for number in numbers], dropped]


def config(url: str, **tracing: Any) -> Config:
    """It waits 10 ms for a batch, unless told otherwise."""
    settings = Tracing(**{"endpoint": url, "interval": Duration(0.01), "timeout": Duration(5), **tracing})
    return Config(telemetry=Telemetry(tracing=settings), providers={"a": Provider(type="vertex")})


class World:
    """`waits`: how long the exporter slept, or would have."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.waits: list[float] = []
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.exporter = Exporter(self.clock, self._log, {"NO_PROXY": "*"}, "here", Random(3), self._sleep)  # type: ignore[arg-type]

    async def _sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.clock.advance(seconds)

    def _log(self, _level: str, event: str, **facts: Any) -> None:
        self.events.append((event, facts))


@asynccontextmanager
async def exporting(url: str, **tracing: Any) -> AsyncIterator[World]:
    world = World()
    world.exporter.use(config(url, **tracing))
    try:
        yield world
    finally:
        await world.exporter.close()
