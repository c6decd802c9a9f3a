"""GET /metrics: who may read it, and what stands in it."""

from __future__ import annotations

import asyncio
import gzip
from types import SimpleNamespace
from typing import Any

import pytest
from starlette.requests import Request

from llm_gateway.config.schema import Metrics as Settings
from llm_gateway.control.metrics import FRESH, Metrics
from llm_gateway.control.metrics_tally import Tally
from llm_gateway.control.metrics_text import OPEN, PLAIN
from llm_gateway.core.clock import FakeClock
from llm_gateway.core.errors import NotFound, Unauthenticated

ADMIN = ("127.0.0.1", 9090)


class Closed:
    """An admission that lets nobody in."""

    def demand(self, _headers: Any, scope: str) -> None:
        raise Unauthenticated(f"no {scope}")


def metrics(**settings: Any) -> Metrics:
    clock = FakeClock()
    config = SimpleNamespace(telemetry=SimpleNamespace(metrics=Settings(**settings)))
    return Metrics(clock, Tally(clock), list, SimpleNamespace(config=config), Closed())


def asked(made: Metrics, server: Any = ADMIN, **headers: str) -> Any:
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return asyncio.run(
        made.answer(Request({"type": "http", "method": "GET", "path": "/metrics", "headers": raw, "server": server}))
    )


def test_the_admin_port_needs_no_key():
    """Prometheus' text, not to be kept by anybody on the way."""
    answer = asked(metrics())
    assert (answer.status_code, answer.headers["content-type"], answer.headers["cache-control"]) == (200, PLAIN, "no-store")
    assert b"# TYPE http_requests_total counter" in answer.body
    assert b"gateway_build_info{" in answer.body


@pytest.mark.parametrize(("settings", "server"), [({"needs_key": True}, ADMIN), ({}, None)], ids=["configured", "main port"])
def test_elsewhere_a_key_is_needed(settings, server):
    """Where the configuration wants one, and for whoever comes through the main port."""
    with pytest.raises(Unauthenticated, match="admin:read"):
        asked(metrics(**settings), server)


def test_they_can_be_off():
    """Then there is nothing at the path."""
    with pytest.raises(NotFound):
        asked(metrics(enabled=False))


def test_openmetrics_and_gzip_are_for_who_asks():
    """By Accept and Accept-Encoding."""
    made = metrics()
    answer = asked(made, accept="application/openmetrics-text;version=1.0.0,text/plain;q=0.5", accept_encoding="gzip")
    assert (answer.headers["content-type"], answer.headers["content-encoding"]) == (OPEN, "gzip")
    assert gzip.decompress(answer.body).endswith(b"# EOF\n")


def test_who_asks_at_the_same_time_gets_the_same():
    """Half a second later everything is looked at again."""
    made = metrics()
    looks: list[int] = []
    made.sources.append(lambda: looks.append(1) or [("gateway_active_requests", ("0",), len(looks))])
    first, second = asked(made).body, asked(made).body
    assert (first == second, len(looks)) == (True, 1)
    made._clock.advance(FRESH)
    assert b'gateway_active_requests{worker="0"} 2\n' in asked(made).body


def test_what_takes_time_is_looked_at_before():
    """Sources themselves never wait."""
    made = metrics()
    seen: list[str] = []

    async def look() -> None:
        seen.append("look")

    made.before.append(look)
    made.sources.append(lambda: seen.append("ask") or [])
    asked(made)
    assert seen == ["look", "ask"]
