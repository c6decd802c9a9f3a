"""A gateway that turns requests away, from its configuration to its log; and one that a reload lets in again."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest

from llm_gateway.worker.serve import Gateway
from serving import connected, run, until
from whole_gateway import CHAT, chat, config_of, one_provider, request

pytestmark = pytest.mark.usefixtures("collector")


def test_memory_that_is_used_up(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """With 1 MB for the process everything is refused but health, and the log says so; a reload with more lets requests in."""
    document = one_provider("http://127.0.0.1:1")
    own = {"state": {"dir": str(tmp_path)}, "logging": {"access": "off"}, "server": {"port": 0, "drain": "1s"}}
    own["server"]["limits"] = {"body": "100KB", "upload": "100KB"}
    memory = ["1MB"]

    def load() -> Any:
        return config_of({**document, **own, "resilience": {"shedding": {"memory": memory[0]}}})

    async def main() -> None:
        gateway = Gateway(load(), load, {})
        running = await gateway.start()

        async def ask(data: bytes) -> tuple[int, bytes]:
            async with connected(running.port) as raw:
                raw.send(data)
                status, _, body = await raw.reply()
                return status, body

        try:
            assert gateway._server is not None
            assert gateway._server._state.limits.buffered_bytes == 512 << 10
            await until(lambda: gateway._shedding.pressure == 4.0)
            status, body = await ask(request(CHAT, chat()))
            assert (status, msgspec.json.decode(body)["error"]["code"]) == (503, "overloaded")
            assert (await ask(b"GET /health/live HTTP/1.1\r\nHost: t\r\n\r\n"))[0] == 200
            await until(lambda: gateway._shedding._told == 1)
            memory[0] = "1024GB"
            gateway._reload_soon()
            await until(lambda: gateway._shedding.pressure == 0.0)
            await ask(request(CHAT, chat()))
            assert sum(gateway._shedding.refused) == 1
        finally:
            await gateway.stop()
        beats = gateway._shedding.late
        await asyncio.sleep(0.12)
        assert gateway._shedding.late == beats

    run(main)
    lines = [msgspec.json.decode(line) for line in capfd.readouterr().err.splitlines()]
    told = [line for line in lines if line["event"] == "requests_shed"]
    assert [(line["requests"], line["pressure"]) for line in told] == [(1, 4.0)]
    assert told[0]["memory_percent"] > 100
