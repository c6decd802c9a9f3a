"""Gateways that find each other's answers."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from e2e.world import eventually
from gateway_process import KEY, running_gateway
from limits.redis_support import until
from llm_gateway import cache
from llm_gateway.cache.redis import RedisAnswers
from llm_gateway.simulator import running_simulator
from scripted_upstream import ASK
from scripted_upstream import Upstream as Provider
from servers import RedisServer
from serving import run
from whole_gateway import CHAT, Gateway, chat, one_provider, said, streamed, whole_gateway


def document(url: str, redis: str, **more: Any) -> dict[str, Any]:
    """Whose answers are shared."""
    return {**one_provider(url), "cache": {"enabled": True, "backend": "redis", **more}, "redis": {"url": redis}}


def far(gateway: Gateway) -> RedisAnswers:
    found = gateway.shared.answers.far
    assert isinstance(found, RedisAnswers)
    return found


@asynccontextmanager
async def two(made: dict[str, Any]) -> AsyncIterator[tuple[Gateway, Gateway]]:
    """Gateways with this configuration and the same pepper."""
    async with whole_gateway(made) as one, whole_gateway(made) as other:
        yield one, other


async def asked(gateway: Gateway, body: dict[str, Any] | None = None) -> tuple[bytes, bytes]:
    """What X-Cache says, and the answer; what it has to tell Redis is told."""
    status, headers, answer = await gateway.post(CHAT, body or chat())
    assert status == 200
    await until(lambda: not len(far(gateway).writes))
    return headers[b"x-cache"], answer


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_found_by_another_gateway(redis_server: RedisServer, stream: bool) -> None:
    """The provider is asked once; the other gateway gives the same bytes, and then from its own memory."""

    async def test() -> None:
        async with (
            Provider([ASK, streamed() if stream else said()]) as provider,
            two(document(provider.url, redis_server.url)) as (one, other),
        ):
            miss, answer = await asked(one, chat(stream=stream))
            assert miss == b"MISS"
            assert await asked(other, chat(stream=stream)) == (b"HIT", answer)
            assert await asked(other, chat(stream=stream)) == (b"HIT", answer)
            assert (far(other).hits, len(provider.requests)) == (1, 1)

    run(test)


def test_who_may_not_is_given_none_from_redis(redis_server: RedisServer) -> None:
    """Tenants are as apart there as in memory."""

    async def test() -> None:
        async with Provider([ASK, said()] * 9) as provider:
            made = document(provider.url, redis_server.url)
            others = {**made, "tenants": {"acme": {}}, "auth": {"keys": [{**made["auth"]["keys"][0], "tenant": "acme"}]}}
            async with whole_gateway(made) as one, whole_gateway(others) as other:
                assert (await asked(one))[0] == b"MISS"
                assert (await asked(other))[0] == b"MISS"
                assert (await asked(one))[0] == (await asked(other))[0] == b"HIT"

    run(test)


def test_nothing_of_it_can_be_read_in_redis(redis_server: RedisServer) -> None:
    """Neither the prompt nor the answer, the model, the provider or the key: in no key and no value."""

    async def test() -> None:
        async with (
            Provider([ASK, said("a-private-answer")] * 2) as provider,
            two(document(provider.url, redis_server.url)) as (one, _),
        ):
            await asked(one, chat() | {"messages": [{"role": "user", "content": "a-private-prompt"}]})
            await asked(one, chat() | {"messages": [{"role": "user", "content": "a-private-prompt" * 200}]})

    run(test)
    keys = redis_server.command("KEYS", "*")
    assert isinstance(keys, list)
    assert len(keys) == 2
    everything = b"".join(key + redis_server.command("DUMP", key) + redis_server.command("GET", key) for key in keys)
    assert not [word for word in (b"private", b"real", b"gateway-tests", b"assistant", b"choices") if word in everything]


def test_redis_that_goes_away_is_missed_by_nobody(redis_server: RedisServer) -> None:
    """Killed, and started anew: all requests are answered, from memory or by the provider, and answers are shared again."""

    async def test() -> None:
        async with Provider([ASK, said()] * 9) as provider, two(document(provider.url, redis_server.url)) as (one, other):
            assert (await asked(one))[0] == b"MISS"
            redis_server.stop()
            assert (await asked(one))[0] == b"HIT"
            assert (await asked(other))[0] == b"MISS"
            assert (await asked(one, chat(seed=2)))[0] == b"MISS"
            redis_server.start()
            await until(lambda: far(one).link.up and far(other).link.up)
            assert (await asked(one, chat(seed=3)))[0] == b"MISS"
            assert (await asked(other, chat(seed=3)))[0] == b"HIT"

    run(test)


def test_cleared_by_another_gateway(redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """What one clears the other does not find in Redis, nor, when it was told, in its memory."""
    monkeypatch.setattr(cache.redis, "BEATS", 0.02)

    async def test() -> None:
        async with Provider([ASK, said()] * 9) as provider, two(document(provider.url, redis_server.url)) as (one, other):
            await asked(one)
            assert one.shared.answers.clear("another model") == 0
            assert (await asked(other))[0] == b"HIT"
            assert one.shared.answers.clear("m") == 1
            await until(lambda: not len(other.shared.answers.memory))
            assert (await asked(other))[0] == b"MISS"
            assert (await asked(one))[0] == b"HIT"
            assert one.shared.answers.clear() == 1
            assert (await asked(one))[0] == b"MISS"

    run(test)


def test_answers_above_the_bound_of_now(redis_server: RedisServer) -> None:
    """A reload that keeps smaller answers does not take larger ones from Redis either."""

    async def test() -> None:
        async with Provider([ASK, said("x" * 5000)]) as provider, two(document(provider.url, redis_server.url)) as (one, other):
            await asked(one)
            other.reload(document(provider.url, redis_server.url, entry="2KB"))
            assert (await asked(other))[0] == b"MISS"
            assert far(other).damaged == 1

    run(test)


@pytest.mark.timeout(90)
def test_workers_of_one_gateway(redis_server: RedisServer, tmp_path: Path) -> None:
    """Whichever worker is asked, and whichever is started in the place of one that died, finds it: the provider is asked once."""
    with running_simulator() as simulator:
        config = {
            "server": {"workers": 2},
            "cache": {"enabled": True, "backend": "redis"},
            "redis": {"url": redis_server.url},
            "providers": {"sim": {"type": "openai_compatible", "base_url": f"{simulator.url}/v1", "api_key": "sk-provider"}},
            "models": {"m": "sim/gpt-sim"},
        }
        with running_gateway(config, tmp_path) as gateway:

            def ask() -> str:
                """On a connection of its own: any of the workers, once there is one. What X-Cache says."""
                told: list[httpx.Response] = []
                assert eventually(lambda: _asked(gateway.url, told))
                assert told[0].status_code == 200
                return told[0].headers["X-Cache"]

            assert ask() == "MISS"
            assert eventually(lambda: redis_server.command("KEYS", "llm-gateway:cache:*") != [])
            assert [ask() for _ in range(10)] == ["HIT"] * 10
            for worker in gateway.pids["workers"]:
                os.kill(worker, signal.SIGKILL)
            assert [ask() for _ in range(10)] == ["HIT"] * 10
        assert len(simulator.requests) == 1


def _asked(url: str, told: list[httpx.Response]) -> bool:
    """False: nobody is there."""
    try:
        headers = {"Authorization": f"Bearer {KEY}"}
        told.append(httpx.post(f"{url}{CHAT}", headers=headers, json=chat("m"), timeout=30, trust_env=False))
    except httpx.TransportError:
        return False
    return True
