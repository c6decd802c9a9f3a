"""How busy a vLLM server says it is."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.core.clock import SystemClock
from llm_gateway.http.client import Client
from llm_gateway.providers.deployment import Upstream as Account
from llm_gateway.providers.load import Load, Loads, Watched, read
from llm_gateway.providers.vllm import VLLM
from scripted_upstream import ASK, Upstream
from whole_gateway import BEARER, answer, connected, one_provider, whole_gateway

PAGE = b"""# HELP vllm:num_requests_running Number of requests in model execution batches.
# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{engine="0",model_name="a}b \\"q\\""} 3.0
vllm:num_requests_running{engine="1",model_name="m"} 2.0 1395066363000
vllm:num_requests_waiting{engine="0",model_name="m"} 7.0
vllm:kv_cache_usage_perc{engine="0"} 0.25
vllm:kv_cache_usage_perc{engine="1"} 0.5
vllm:e2e_request_latency_seconds_bucket{le="+Inf"} 12.0
"""


def page(text: bytes = PAGE) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\nContent-Length: %d\r\n\r\n%b" % (len(text), text)


def test_engines_are_counted_together() -> None:
    """Requests are added up; of the caches the fullest one is told. Labels may hold anything between their quotes."""
    assert read(PAGE, 5.0) == Load(running=5, waiting=7, cache=0.5, at=5.0)


def test_the_older_name_of_the_cache_is_known() -> None:
    """As servers before 0.10 say it."""
    text = b"vllm:num_requests_running 1\nvllm:gpu_cache_usage_perc 1.5\n"
    assert read(text, 0.0) == Load(1, 0, 1.0, 0.0)


@pytest.mark.parametrize(
    "text", [b"", b"<html>", b"up 1\n", b"vllm:num_requests_running NaN\n", b"vllm:num_requests_running -1\n"]
)
def test_what_tells_no_load_is_refused(text: bytes) -> None:
    """Another server's metrics, a web page, counts that cannot be."""
    with pytest.raises(ValueError, match="no metrics"):
        read(text, 0.0)


@given(st.binary())
def test_no_page_breaks_the_reader(text: bytes) -> None:
    """A load or a ValueError, nothing else."""
    try:
        read(text, 0.0)
    except ValueError as error:
        assert str(error) == "no metrics of vLLM's"  # noqa: PT017 - most pages are refused, and some are not


class Noted:
    def __init__(self) -> None:
        self.events: list[tuple[str, str, dict[str, Any]]] = []

    def __call__(self, level: str, event: str, **fields: Any) -> None:
        self.events.append((level, event, fields))


async def until(what: Any) -> None:
    for _ in range(400):
        if what():
            return
        await asyncio.sleep(0.005)
    raise TimeoutError


def test_it_is_read_again_and_again_and_forgotten_when_it_cannot_be() -> None:
    """Each change is logged once; the path is below the server, not below /v1."""

    async def run() -> None:
        refused = answer({}, "503 Service Unavailable")
        async with Upstream([ASK, page(), ASK, refused, ASK, refused, ASK, page()]) as upstream:
            log, client = Noted(), Client()
            loads = Loads(SystemClock(), log)
            seen: list[bool] = []
            loads.watch({"v": Watched(Account("v", VLLM, f"{upstream.url}/v1", api_key="k"), 0.01)}, {"": client})
            await until(lambda: loads.of("v") is not None)
            await until(lambda: loads.of("v") is None)
            await until(lambda: loads.of("v") is not None)
            seen = [b"GET /metrics HTTP/1.1" in sent for _, sent in upstream.requests]
            await loads.close()
            await client.close()
            assert all(seen)
            assert [(level, event) for level, event, _ in log.events] == [
                ("warning", "load_unknown"),
                ("info", "load_known_again"),
            ]
            assert log.events[0][2] == {"provider": "v", "reason": "status 503"}

    asyncio.run(run())


def test_health_shows_it() -> None:
    """GET /health/providers has the numbers where they are known, and no member where they are not."""

    async def run() -> None:
        async with whole_gateway(one_provider("http://127.0.0.1:1", kind="vllm")) as gateway:
            health = gateway.shared.health
            health.providers = {"a": "vllm", "b": "vllm"}
            health.load = {"a": Load(5, 7, 0.5, 0.0)}.get
            async with connected(gateway.port) as raw:
                raw.send(f"GET /health/providers HTTP/1.1\r\nHost: t\r\n{BEARER}\r\n".encode())
                _, _, body = await raw.reply()
            first, second = msgspec.json.decode(body)["providers"]
            assert {name: first["load"][name] for name in ("requests_running", "requests_waiting", "cache_usage")} == {
                "requests_running": 5,
                "requests_waiting": 7,
                "cache_usage": 0.5,
            }
            assert "load" not in second

    asyncio.run(run())
