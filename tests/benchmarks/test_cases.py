"""What `make bench` measures can be measured: its configurations are valid, and its collector takes what the gateway sends."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from pathlib import Path

import httpx
import msgspec
import pytest

from benchmarks import cases
from llm_gateway.config.load import load
from llm_gateway.config.schema import Network, Tracing
from llm_gateway.control.tracing_post import Collector
from llm_gateway.core.clock import SystemClock
from llm_gateway.dialects.registry import DIALECTS
from llm_gateway.providers.registry import option_names
from servers import free_port

COLLECTOR = Path(cases.__file__).parent / "collector.py"
ENGINE = Path(cases.__file__).parent / "engine.py"
MORE = {cases.GATEWAY: "", cases.SHARING: cases.COUNTING, cases.OBSERVING: cases.TRACING, cases.KEEPING: cases.CACHING}


@pytest.mark.parametrize("port", MORE)
def test_each_case_is_served_by_a_gateway_that_has_what_it_is_called_after(tmp_path: Path, port: int) -> None:
    """Its model and its key are there; who observes has limits, and traces one request in a hundred."""
    text = cases.CONFIG + MORE[port]
    for word, value in {"PORT": "8080", "CERT": "cert.pem", "LOG": "./access.log", "STATE": "state"}.items():
        text = text.replace(word, value)
    (tmp_path / "gateway.yaml").write_text(text)
    config = load(tmp_path / "gateway.yaml", environ={}, provider_types=option_names(), dialects=DIALECTS)
    served = [case for case in cases.CASES if case.port == port]
    keys = {key.key.reveal(): key for key in config.auth.keys}
    assert served
    assert {case.model for case in served} <= set(config.models)
    assert {case.key for case in served} <= set(keys)
    assert config.telemetry.metrics.enabled
    assert config.ledger.enabled
    assert config.telemetry.tracing.on == (port == cases.OBSERVING)
    if port == cases.OBSERVING:
        assert config.telemetry.tracing.sample == 0.01
        assert all(keys[case.key].limits.requests for case in served)


def test_the_floor_forwards_what_it_is_asked() -> None:
    """With the engine alone: the answer is the provider's, and the announcement names the process that is measured."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\nConnection: close\r\n\r\nan answer")
        writer.close()

    async def asked() -> tuple[str, dict[str, object], int]:
        provider = await asyncio.start_server(answer, "127.0.0.1", 0)
        port, upstream = free_port(), provider.sockets[0].getsockname()[1]
        process = await asyncio.create_subprocess_exec(
            sys.executable, str(ENGINE), str(port), str(upstream), stdout=asyncio.subprocess.PIPE
        )
        assert process.stdout is not None
        try:
            said = await asyncio.wait_for(process.stdout.readuntil(b"\n}\n"), 20)
            async with httpx.AsyncClient(trust_env=False) as client:
                told = await client.post(f"http://127.0.0.1:{port}/v1/chat/completions", content=b"{}", timeout=20)
        finally:
            process.terminate()
            await process.communicate()
            provider.close()
        return told.text, msgspec.json.decode(said), process.pid

    text, said, pid = asyncio.run(asked())
    assert text == "an answer"
    assert said == {"pids": {"workers": [pid], "control": None}}


def test_its_collector_takes_traces() -> None:
    """Over a connection that is used again; a line tells of each batch, so that a case without traces is noticed."""
    port = free_port()
    process = subprocess.Popen([sys.executable, str(COLLECTOR), str(port)], stdout=subprocess.PIPE)
    try:
        end = time.monotonic() + 20
        while time.monotonic() < end:
            try:
                httpx.get(f"http://127.0.0.1:{port}/", trust_env=False)
                break
            except httpx.HTTPError:
                time.sleep(0.02)

        async def sent() -> list[int]:
            collector = Collector(Tracing(endpoint=f"http://127.0.0.1:{port}"), Network(), {}, SystemClock())
            rejected = [await collector.send(b"x" * size) for size in (10, 70_000)]
            await collector.close()
            return rejected

        assert asyncio.run(sent()) == [0, 0]
    finally:
        process.terminate()
        out, _ = process.communicate(timeout=20)
    assert out.decode().splitlines() == ["/v1/traces 10 bytes", "/v1/traces 70000 bytes"]
