"""Bulkheads in a whole gateway: max_concurrent from the file to what callers see."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import pytest

from scripted_upstream import ASK, Upstream
from serving import connected, run, until
from whole_gateway import CHAT, LAST, SSE_HEAD, Gateway, chat, chunk, one_provider, piece, request, said, streamed, whole_gateway

PAUSE = 0.15


def limited(url: str, **bulkhead: Any) -> dict[str, Any]:
    """The model "m" at one deployment that may have one request at once."""
    document = one_provider(url, deployments=[{"model": "a/real", "max_concurrent": 1}])
    return {**document, "resilience": {"bulkhead": bulkhead}}


def inside(scripts: list[list[Any]], test: Callable[[Gateway, Upstream], Awaitable[None]], **bulkhead: Any) -> None:
    async def main() -> None:
        async with Upstream(*scripts) as upstream, whole_gateway(limited(upstream.url, **bulkhead)) as gateway:
            await test(gateway, upstream)
            assert gateway.shared.defences.standings.of("a/real").places == 0
            assert gateway.shared.defences.standings.account("a").places == 0

    run(main)


@pytest.mark.parametrize("stream", [False, True])
def test_the_second_request_waits_for_the_first(stream):
    """A stream holds its place until its end: the provider sees one request after the other."""
    slow = [SSE_HEAD + chunk(piece("hello")), PAUSE, chunk(piece(finish="stop")) + LAST] if stream else [PAUSE, said()]
    quick = streamed() if stream else said()

    async def test(gateway: Gateway, upstream: Upstream) -> None:
        first = asyncio.ensure_future(gateway.post(CHAT, chat(stream=stream)))
        await until(lambda: len(upstream.requests) == 1)
        second = asyncio.ensure_future(gateway.post(CHAT, chat(stream=stream)))
        await until(lambda: gateway.shared.defences.standings.of("a/real").waiting == 1)
        assert len(upstream.requests) == 1
        assert [(await one)[0] for one in (first, second)] == [200, 200]
        assert gateway.shared.defences.bulkhead.counts.entered == 1

    inside([[ASK, *slow, ASK, quick], [ASK, quick]], test)


def test_a_full_queue_is_told_at_once():
    """503 queue_full with Retry-After, without a request to the provider."""

    async def test(gateway: Gateway, upstream: Upstream) -> None:
        first = asyncio.ensure_future(gateway.post(CHAT, chat()))
        await until(lambda: len(upstream.requests) == 1)
        status, headers, body = await gateway.post(CHAT, chat())
        assert (status, msgspec.json.decode(body)["error"]["code"]) == (503, "queue_full")
        assert int(headers[b"retry-after"]) >= 1
        assert (await first)[0] == 200
        assert len(upstream.requests) == 1

    inside([[ASK, PAUSE, said()]], test, queue=0)


def test_a_wait_in_vain_ends():
    """503 queue_timeout after `wait`; the provider is not held responsible."""

    async def test(gateway: Gateway, upstream: Upstream) -> None:
        first = asyncio.ensure_future(gateway.post(CHAT, chat()))
        await until(lambda: len(upstream.requests) == 1)
        status, _, body = await gateway.post(CHAT, chat())
        assert (status, msgspec.json.decode(body)["error"]["code"]) == (503, "queue_timeout")
        assert (await first)[0] == 200
        standing = gateway.shared.defences.standings.of("a/real")
        assert (standing.failures, standing.success) == (0, 1.0)

    inside([[ASK, PAUSE, said()]], test, wait="30ms")


def test_a_caller_that_leaves_the_queue_leaves_no_trace():
    """The next one in the queue gets the place."""

    async def test(gateway: Gateway, upstream: Upstream) -> None:
        standing = gateway.shared.defences.standings.of("a/real")
        first = asyncio.ensure_future(gateway.post(CHAT, chat()))
        await until(lambda: len(upstream.requests) == 1)
        async with connected(gateway.port) as raw:
            raw.send(request(CHAT, chat()))
            await until(lambda: standing.waiting == 1)
        third = asyncio.ensure_future(gateway.post(CHAT, chat()))
        await until(lambda: gateway.shared.defences.bulkhead.counts.left == 1 and standing.waiting == 1)
        assert [(await one)[0] for one in (first, third)] == [200, 200]
        assert len(upstream.requests) == 2

    inside([[ASK, PAUSE, said(), ASK, said()]], test)
