from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Self

import msgspec
import pytest

from llm_gateway.core.clock import FakeClock
from llm_gateway.http.client import Client
from llm_gateway.providers import discovery
from llm_gateway.providers.deployment import Upstream
from llm_gateway.providers.discovery import FRESH, FRESH_FAILURE, Discovery, ListedModel, read
from llm_gateway.providers.registry import PROVIDER_TYPES
from scripted_upstream import ASK, CLOSE
from scripted_upstream import Upstream as Server


def reply(document, status: bytes = b"200 OK") -> bytes:
    body = document if isinstance(document, bytes) else msgspec.json.encode(document)
    return b"HTTP/1.1 %b\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (status, len(body), body)


def listing(*names: str):
    return {"object": "list", "data": [{"id": name, "object": "model"} for name in names]}


class World:
    """A discovery over real connections, and what it logged."""

    def __init__(self, *upstreams: Upstream) -> None:
        self.clock = FakeClock()
        self.events: list[tuple[str, str, str]] = []
        self.client = Client()
        self.discover = Discovery(upstreams, {"": self.client}, self.clock, self.log)

    def log(self, level, event, *, provider, reason) -> None:
        self.events.append((event, provider, reason))

    async def names(self) -> dict[str, list[str]]:
        return {provider: list(models) for provider, models in (await self.discover()).items()}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.client.close()


def upstream(server: Server, name: str = "gpu", kind: str = "vllm", **options) -> Upstream:
    return Upstream(name, PROVIDER_TYPES[kind], server.url, **options)


def run(scripts, test: Callable[[Server], Awaitable[None]]) -> None:
    async def inside():
        async with Server(*scripts) as server:
            await test(server)

    asyncio.run(inside())


def test_it_asks_once_in_a_while():
    """One GET of the models path with the provider's headers; the answer holds for FRESH seconds."""

    async def test(server):
        async with World(upstream(server, api_key="sk-secret", headers={"X-Team": "a"})) as world:
            assert await world.names() == {"gpu": ["llama", "qwen"]}
            world.clock.advance(FRESH - 1)
            assert await world.names() == {"gpu": ["llama", "qwen"]}
            assert len(server.requests) == 1
            head = server.requests[0][1]
            assert head.startswith(b"GET /v1/models HTTP/1.1\r\n")
            assert b"\r\nAuthorization: Bearer sk-secret\r\n" in head
            assert b"\r\nX-Team: a\r\n" in head
            assert b"content-type" not in head.lower()
            world.clock.advance(1)
            assert await world.names() == {"gpu": ["new"]}
            assert world.events == []

    run([[ASK, reply(listing("llama", "qwen")), ASK, reply(listing("new"))]], test)


@pytest.mark.parametrize(
    ("steps", "reason"),
    [
        ([ASK, reply({"error": "no"}, b"401 Unauthorized")], "status 401"),
        ([ASK, reply(b"", b"302 Found")], "status 302"),
        ([ASK, reply(b"<html>")], "not JSON"),
        ([ASK, reply(b"null")], "not a list of models"),
        ([ASK, reply({"data": {"a": 1}})], "not a list of models"),
        ([ASK, reply(b"[" * 100_000)], "not JSON"),
        ([ASK, reply(b" " * ((1 << 20) + 1))], "too_large"),
        ([ASK, b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{", CLOSE], "reset"),
        ([ASK, b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n{"], "malformed"),
    ],
)
def test_a_failing_provider_is_left_out(steps, reason):
    """Whatever it answers: left out, logged once with the reason, not asked again for FRESH_FAILURE seconds."""

    async def test(server):
        async with World(upstream(server)) as world:
            assert await world.names() == {}
            world.clock.advance(FRESH_FAILURE - 1)
            assert await world.names() == {}
            assert world.events == [("discovery_failed", "gpu", reason)]
            world.clock.advance(1)
            assert await world.names() == {"gpu": ["back"]}

    run([[*steps, CLOSE], [ASK, reply(listing("back"))]], test)


def test_a_provider_that_is_not_there():
    """A refused connection is a failure like the others, and its address is in no log line."""

    async def inside():
        async with Server([]) as server:
            gone = upstream(server)
        async with World(gone) as world:
            assert await world.names() == {}
            assert world.events == [("discovery_failed", "gpu", "connect")]

    asyncio.run(inside())


def test_a_list_that_is_lost_is_not_shown_any_longer():
    """A provider that listed models and fails now is left out: what it has is no longer known."""

    async def test(server):
        async with World(upstream(server)) as world:
            assert await world.names() == {"gpu": ["llama"]}
            world.clock.advance(FRESH)
            assert await world.names() == {}

    run([[ASK, reply(listing("llama")), ASK, reply(b"", b"500 Internal Server Error")]], test)


def test_one_slow_provider_does_not_hide_the_others(monkeypatch):
    """All are asked at once, and whoever waits gets what is there when the limit is over."""
    monkeypatch.setattr(discovery, "LIMIT", 0.1)

    async def inside():
        async with (
            Server([ASK, 30.0]) as slow,
            Server([ASK, reply(listing("llama"))]) as quick,
            World(upstream(slow, "slow"), upstream(quick, "quick")) as world,
        ):
            began = asyncio.get_running_loop().time()
            assert await world.names() == {"quick": ["llama"]}
            assert asyncio.get_running_loop().time() - began < 10

    asyncio.run(inside())


def test_single_flight():
    """Many who want the list at once make one request; one who leaves does not take it from the others."""

    async def test(server):
        async with World(upstream(server)) as world:
            wanting = [asyncio.ensure_future(world.names()) for _ in range(20)]
            await asyncio.sleep(0.02)
            wanting[0].cancel()
            results = await asyncio.gather(*wanting, return_exceptions=True)
            assert isinstance(results[0], asyncio.CancelledError)
            assert results[1:] == [{"gpu": ["llama"]}] * 19
            assert len(server.requests) == 1

    run([[ASK, 0.1, reply(listing("llama"))]], test)


def test_closing_ends_what_is_under_way():
    """At the gateway's end nothing is left running, and the connection is closed."""

    async def test(server):
        async with World(upstream(server)) as world:
            wanting = asyncio.ensure_future(world.names())
            await asyncio.sleep(0.02)
            await world.client.close()
            assert await wanting == {}
            assert [stats["active"] for stats in world.client.stats().values()] == [0]

    run([[ASK, 30.0]], test)


def test_who_is_not_asked():
    """Configured models are not asked for; nor is a provider that needs a key and has none, which would only say 401."""

    async def test(server):
        named = upstream(server, "named", models=("a",))
        keyless = upstream(server, "keyless", "openai")
        keyed = upstream(server, "keyed", "openai", api_key="sk-1")
        by_header = upstream(server, "by-header", "anthropic", headers={"X-Api-Key": "sk-2"})
        async with World(named, keyless, keyed, by_header) as world:
            assert set(await world.names()) == {"keyed", "by-header"}

    run([[ASK, reply(listing("m"))]], test)


def test_anthropics_pages_are_followed():
    """A list that says has_more is read on, up to a bound, even if it never ends."""

    async def test(server):
        async with World(upstream(server, kind="anthropic", api_key="k")) as world:
            assert await world.names() == {"gpu": ["c-1", "c/2"]}
            assert [head.split(b" ")[1] for _, head in server.requests][:2] == [
                b"/v1/models",
                b"/v1/models?limit=1000&after_id=c-1",
            ]
            assert len(server.requests) == discovery.PAGES

    first = reply({**listing("c-1"), "has_more": True, "last_id": "c-1"})
    again = reply({**listing("c/2"), "has_more": True, "last_id": "c/2"})
    run([[ASK, first, *[ASK, again] * 20]], test)


def test_names_that_cannot_be_asked_for_are_left_out():
    """A model name that could not stand in a header or a log line is not listed; neither is what is no model at all."""

    async def test(server):
        async with World(upstream(server)) as world:
            assert await world.names() == {"gpu": ["good"]}

    rows = [{"id": "good"}, {"id": "a b"}, {"id": ""}, {"id": "x" * 300}, {"id": "a\nb"}, {"id": 7}, {}, None, "text", []]
    run([[ASK, reply({"data": rows})]], test)


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (
            {"id": "m", "object": "model", "created": 1700000000, "owned_by": "vllm", "max_model_len": 8192},
            ListedModel("m", 1700000000, "vllm", context_window=8192),
        ),
        (
            {"id": "m", "created": 5, "owned_by": "llamacpp", "meta": {"n_ctx_train": 2048, "n_params": 9}},
            ListedModel("m", 5, "llamacpp", context_window=2048),
        ),
        (
            {"id": "m", "type": "chat", "created": 0, "display_name": "M", "organization": "Meta", "context_length": 131072},
            ListedModel("m", 0, "Meta", "M", 131072, None, ("chat",)),
        ),
        (
            {
                "type": "model",
                "id": "m",
                "display_name": "C",
                "created_at": "2025-09-29T00:00:00Z",
                "max_input_tokens": 9,
                "max_tokens": 4,
            },
            ListedModel("m", 1759104000, "", "C", 9, 4),
        ),
        (
            {"id": "m", "capabilities": {"completion_chat": True, "vision": False}, "max_context_length": 7},
            ListedModel("m", context_window=7, capabilities=("completion_chat",)),
        ),
        ({"id": "m", "capabilities": ["completion", 3]}, ListedModel("m", capabilities=("completion",))),
        (
            {
                "id": "m",
                "created": True,
                "owned_by": 5,
                "created_at": "soon",
                "max_model_len": -1,
                "context_length": "8k",
                "meta": [],
                "type": None,
            },
            ListedModel("m"),
        ),
        ({"id": "m", "created": 10**30, "max_model_len": 1e9}, ListedModel("m")),
    ],
)
@pytest.mark.parametrize("bare", [False, True])
def test_what_servers_tell(row, expected, bare):
    """vLLM, llama.cpp, Together (a bare list), Anthropic and Mistral tell the same facts by other names; nonsense is not told."""
    assert list(read([row] if bare else {"data": [row]})) == [expected]
