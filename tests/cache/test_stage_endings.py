"""Requests that kept answers serve leave nothing behind: no ring for the collector, nothing running, nothing held."""

from __future__ import annotations

import asyncio
import gc

import pytest

from cache.cached_world import OOPS, World, document
from llm_gateway.core.clock import FakeClock
from scripted_upstream import ASK, Upstream
from serving import Raw, connected, run
from whole_gateway import CHAT, MESSAGES, chat, piece, request, said, streamed, whole_gateway

pytestmark = pytest.mark.usefixtures("tidy")

TIMES = 1000
LONG = streamed(*[piece("x" * 1000)] * 100, piece(finish="stop"))
LIVES = {
    "hit": ([said()], CHAT, chat(), "", 200),
    "hit_of_a_stream": ([streamed()], CHAT, chat(stream=True), "", 200),
    "hit_of_a_long_stream": ([LONG], CHAT, chat(stream=True), "", 200),
    "hit_in_another_dialect": ([said()], MESSAGES, chat(max_tokens=5), "", 200),
    "with_metadata": ([said()], CHAT, chat(), "X-Gateway-Metadata: true\r\n", 200),
    "stale": ([said(), *[OOPS] * TIMES], CHAT, chat(), "", 200),
    "missed_and_kept": ([said()] * TIMES, CHAT, chat(), "Cache-Control: no-cache\r\n", 200),
    "stream_missed_and_kept": ([streamed()] * TIMES, CHAT, chat(stream=True), "Cache-Control: no-cache\r\n", 200),
    "missed_and_failed": ([OOPS] * TIMES, CHAT, chat(), "", 502),
    "only_if_cached": ([said()], CHAT, chat(), "Cache-Control: only-if-cached\r\n", 504),
}


async def one(raw: Raw, data: bytes, status: int) -> None:
    raw.send(data)
    got = await raw.reply()
    assert got[0] == status


@pytest.mark.parametrize("name", LIVES)
@pytest.mark.parametrize("coalesce", [False, True])
def test_a_thousand_requests_leave_the_collector_nothing(name, coalesce):
    """With the collector off everything of a request is freed when it ends."""
    answers, path, body, says, status = LIVES[name]

    async def main() -> None:
        clock = FakeClock()
        async with Upstream([step for one in answers for step in (ASK, one)]) as upstream:
            configured = document(upstream.url, {"stale": "1h", "coalesce": coalesce})
            async with whole_gateway(configured, clock=clock) as gateway, connected(gateway.port) as raw:
                world = World(gateway, upstream, clock)
                data = request(path, body).replace(b"\r\n\r\n", b"\r\n" + says.encode() + b"\r\n", 1)
                await one(raw, data, status)
                clock.advance(70 if name == "stale" else 0)
                gc.collect()
                gc.disable()
                try:
                    for _ in range(TIMES - 1):
                        await one(raw, data, status)
                    found = gc.collect()
                finally:
                    gc.enable()
                assert world.answers.running == {}
                assert gateway.app.world.pipeline.observe.active == 0
        assert found < TIMES / 2

    run(main)


def test_those_that_wait_leave_nothing_either():
    """Twenty at a time, of which one asks: a task that waits makes some objects of its own, and no ring through the request."""
    rounds, width = 25, 20

    async def main() -> None:
        async with (
            Upstream([ASK, said()] * rounds) as upstream,
            whole_gateway(document(upstream.url, {"coalesce": True}), clock=FakeClock()) as gateway,
        ):
            bodies = [request(CHAT, chat(user=f"u{number}")) for number in range(rounds)]
            raws = [Raw(*await asyncio.open_connection("127.0.0.1", gateway.port)) for _ in range(width)]
            gc.collect()
            gc.disable()
            try:
                for body in bodies:
                    await asyncio.gather(*(one(raw, body, 200) for raw in raws))
                found = gc.collect()
            finally:
                gc.enable()
            for raw in raws:
                await raw.close()
            assert len(upstream.requests) == rounds
            assert gateway.shared.answers.running == {}
        assert found < rounds * width / 2

    run(main)
