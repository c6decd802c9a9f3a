"""The catalogue in a whole gateway: configured, asked for over HTTP, updated while it runs."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import msgspec

from catalogue.books import book, entry, priced
from llm_gateway.catalogue.store import FILE, install
from serving import connected
from whole_gateway import BEARER, KEY, whole_gateway


def document(state: Path, **catalogue: Any) -> dict[str, Any]:
    return {
        "providers": {
            "mine": {"type": "openai", "api_key": "sk-test", "base_url": "http://127.0.0.1:1", "models": ["gpt-4o-2024-08-06"]},
            "gpu": {"type": "vllm", "base_url": "http://127.0.0.1:1", "models": ["llama"]},
        },
        "models": {"either": {"deployments": ["mine/gpt-4o-2024-08-06", "gpu/llama"]}},
        "auth": {"keys": [{"name": "tests", "key": KEY}]},
        "state": {"dir": str(state)},
        "catalogue": catalogue,
    }


async def listed(port: int, query: str = "") -> dict[str, Any]:
    async with connected(port) as raw:
        raw.send(f"GET /v1/models{query} HTTP/1.1\r\nHost: t\r\n{BEARER}\r\n".encode())
        status, _, body = await raw.reply()
    assert status == 200
    return {model["id"]: model["x_gateway_info"] for model in msgspec.json.decode(body)["data"]}


def test_a_gateway_knows_its_models(tmp_path: Path) -> None:
    """From the built-in data by the provider's type, from the configuration for one's own; an alias has what both have."""
    facts = {"gpu/llama": {"context_window": 8192, "capabilities": ["tools"], "prices": {"input": 0, "output": 0}}}

    async def run() -> None:
        async with whole_gateway(document(tmp_path, models=facts)) as gateway:
            found = await listed(gateway.port)
            known, own, both = found["mine/gpt-4o-2024-08-06"], found["gpu/llama"], found["either"]
            assert (known["context_window"], known["pricing"]["input_per_million"]) == (128_000, 2.5)
            assert (own["context_window"], own["pricing"]["input_per_million"], own["pricing"]["source"]) == (
                8192,
                0,
                "configuration",
            )
            assert (both["context_window"], both["capabilities"], both["pricing"]) == (8192, ["tools"], None)
            assert list(await listed(gateway.port, "?pricing.input_per_million__gt=1")) == ["mine/gpt-4o-2024-08-06"]

    asyncio.run(run())


def test_newer_data_counts_from_the_next_reload(tmp_path: Path) -> None:
    """What `models update` installed is used when the configuration is read again; a file that it names goes before that."""
    update, named = tmp_path / "update.json", tmp_path / "named.json"
    update.write_bytes(book(entry("gpt-4o-2024-08-06", context=7, prices=priced()), date="2999-01-01"))
    named.write_bytes(book(entry("gpt-4o-2024-08-06", context=5, prices=priced()), date="2000-01-01"))

    async def window(port: int) -> int:
        window: int = (await listed(port))["mine/gpt-4o-2024-08-06"]["context_window"]
        return window

    async def run() -> None:
        async with whole_gateway(document(tmp_path)) as gateway:
            assert await window(gateway.port) == 128_000
            install(update, tmp_path)
            assert await window(gateway.port) == 128_000
            gateway.reload(document(tmp_path))
            assert await window(gateway.port) == 7
            gateway.reload(document(tmp_path, file=str(named)))
            assert await window(gateway.port) == 5

    asyncio.run(run())


def test_damaged_data_is_told_and_passed_over(tmp_path: Path) -> None:
    """The gateway starts and serves on what came with it."""
    (tmp_path / FILE).write_bytes(b"{")

    async def run() -> None:
        async with whole_gateway(document(tmp_path)) as gateway:
            assert (await listed(gateway.port))["mine/gpt-4o-2024-08-06"]["context_window"] == 128_000

    asyncio.run(run())
