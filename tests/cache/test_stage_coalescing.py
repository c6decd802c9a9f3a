"""Equal requests at once: one asks, the others wait for it, and none of them can harm another."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import pytest

from cache.cached_world import OOPS, Got, World, document
from llm_gateway.core.clock import FakeClock
from scripted_upstream import ASK, Step, Upstream
from serving import connected, run, until
from whole_gateway import CHAT, KEY, answer, chat, request, said, streamed, whole_gateway

GATE = "wait until the test opens it"
EMBED = {"model": "m", "input": "x"}
VECTOR = answer(
    {
        "object": "list",
        "data": [{"object": "embedding", "index": 0, "embedding": [0.5]}],
        "model": "real",
        "usage": {"prompt_tokens": 1, "total_tokens": 1},
    }
)


class Gated(Upstream):
    """A provider that answers when it may."""

    def __init__(self, *scripts: Any) -> None:
        super().__init__(*scripts)
        self.gate = asyncio.Event()

    async def _play(self, step: Step, *where: Any) -> None:
        if step == GATE:
            await self.gate.wait()
        else:
            await super()._play(step, *where)


def at_once(
    scripts: list[list[Step]],
    test: Callable[[World, Gated], Awaitable[None]],
    kept: Mapping[str, Any] | None = None,
    *,
    sections: Mapping[str, Any] | None = None,
    **alias: Any,
) -> None:
    """Runs `test` before a provider of these connections."""

    async def main() -> None:
        async with Gated(*scripts) as upstream:
            configured = {**document(upstream.url, {"coalesce": True, **(kept or {})}, **alias), **(sections or {})}
            async with whole_gateway(configured, clock=FakeClock()) as gateway:
                await test(World(gateway, upstream, FakeClock()), upstream)

    run(main)


def active(world: World) -> int:
    count: int = world.gateway.app.world.pipeline.observe.active
    return count


async def together(world: World, count: int, body: Any = None, **more: Any) -> list[asyncio.Task[Got]]:
    """So many equal requests, all of which have come in."""
    before = active(world)
    tasks = [asyncio.create_task(world.post(body, **more)) for _ in range(count)]
    await until(lambda: active(world) == before + count)
    return tasks


def test_a_thousand_equal_embeddings_are_one_call():
    """Each has its own id and limits; the answer is the same to the byte."""

    async def test(world: World, upstream: Gated) -> None:
        tasks = await together(world, 1000, EMBED, path="/v1/embeddings")
        upstream.gate.set()
        got = await asyncio.gather(*tasks)
        assert {one.status for one in got} == {200}
        assert len({one.body for one in got}) == 1
        assert len({one.headers[b"x-request-id"] for one in got}) == 1000
        assert world.asked == 1
        assert world.answers.results == {"miss": 1, "coalesced": 999}
        assert world.answers.running == {}
        assert [one.cache for one in got].count("HIT") == 999
        cached = [line.get("cached") for line in world.gateway.access()]
        assert cached.count("coalesced") == 999

    at_once([[ASK, GATE, VECTOR]], test)


def test_streams_wait_for_nobody():
    """They are asked for one by one, and so are requests that want no kept answer."""

    async def test(world: World, upstream: Gated) -> None:
        tasks = await together(world, 2, chat(stream=True))
        tasks += await together(world, 1, chat(stream=True), says="no-cache")
        await until(lambda: world.asked == 3)
        upstream.gate.set()
        assert [(await task).status for task in tasks] == [200] * 3

    at_once([[ASK, GATE, streamed()]], test)


def test_who_wants_no_kept_answer_asks_beside_them():
    """no-cache and no-store neither wait nor are waited for."""

    async def test(world: World, upstream: Gated) -> None:
        tasks = await together(world, 1)
        tasks += await together(world, 1, says="no-cache")
        tasks += await together(world, 1, says="no-store")
        tasks += await together(world, 1)
        await until(lambda: world.asked == 3)
        upstream.gate.set()
        assert [(await task).cache for task in tasks] == ["MISS", "BYPASS", "BYPASS", "HIT"]

    at_once([[ASK, GATE, said()]], test)


def test_nothing_of_it_without_the_wish():
    """`coalesce` is off by default: who sends five equal requests gets five answers."""

    async def test(world: World, upstream: Gated) -> None:
        tasks = await together(world, 5)
        await until(lambda: world.asked == 5)
        upstream.gate.set()
        assert [(await task).cache for task in tasks] == ["MISS"] * 5

    at_once([[ASK, GATE, said()]], test, {"coalesce": False})


def test_other_tenants_do_not_wait():
    """C29: what is not the same request is not coalesced."""
    keys = [{"name": name, "key": f"sk-gateway-{name}-0123456789abcdef", "tenant": name} for name in ("one", "two")]

    async def test(world: World, upstream: Gated) -> None:
        tasks = []
        for name in ("one", "two", "one"):
            tasks += await together(world, 1, who=f"Authorization: Bearer sk-gateway-{name}-0123456789abcdef\r\n")
        await until(lambda: world.asked == 2)
        upstream.gate.set()
        assert [(await task).cache for task in tasks] == ["MISS", "MISS", "HIT"]

    at_once([[ASK, GATE, said()]], test, sections={"auth": {"keys": keys}})


def test_one_that_leaves_while_it_waits_harms_nobody():
    """Neither the one that asks nor those beside it."""

    async def test(world: World, upstream: Gated) -> None:
        (first,) = await together(world, 1)
        async with connected(world.gateway.port) as raw:
            raw.send(request(CHAT, chat()))
            await until(lambda: active(world) == 2)
        await until(lambda: active(world) == 1)
        (last,) = await together(world, 1)
        upstream.gate.set()
        assert ((await first).cache, (await last).cache) == ("MISS", "HIT")
        assert world.asked == 1
        assert [line["outcome"] for line in world.gateway.access()] == ["client_gone", "completed", "completed"]

    at_once([[ASK, GATE, said()]], test)


def test_when_the_one_that_asked_leaves_another_asks():
    """One, and not all of them: the rest wait for that one."""

    async def test(world: World, upstream: Gated) -> None:
        async with connected(world.gateway.port) as raw:
            raw.send(request(CHAT, chat()))
            await until(lambda: world.asked == 1)
            tasks = await together(world, 20)
        await until(lambda: world.asked == 2)
        upstream.gate.set()
        got = await asyncio.gather(*tasks)
        assert sorted(one.cache for one in got) == ["HIT"] * 19 + ["MISS"]
        assert world.asked == 2
        assert world.answers.running == {}

    at_once([[ASK, GATE, said("never")], [ASK, GATE, said()]], test)


@pytest.mark.parametrize("failure", [OOPS, answer({"error": {"message": "bad"}}, "400 Bad Request"), answer(b"{")])
def test_when_the_one_that_asked_fails_each_asks_for_itself(failure):
    """And is told its own failure, under its own id; a later one finds nothing and asks."""

    async def test(world: World, upstream: Gated) -> None:
        (first,) = await together(world, 1)
        await until(lambda: world.asked == 1)
        others = await together(world, 3)
        upstream.gate.set()
        got = await asyncio.gather(first, *others)
        assert {one.cache for one in got} == {"MISS"}
        assert len({one.status for one in got}) == 1
        assert got[0].status >= 400
        assert len({one.headers[b"x-request-id"] for one in got}) == 4
        assert world.asked == 4
        assert (world.answers.running, len(world.answers.memory)) == ({}, 0)

    at_once([[ASK, GATE, failure, *[ASK, failure] * 3]], test)


def test_an_answer_that_is_none_to_keep_is_not_shared():
    """What a filter stopped for one may come for another: each asks."""
    choice = {"index": 0, "message": {"role": "assistant", "content": "h"}, "finish_reason": "content_filter"}
    filtered = answer({"id": "c", "object": "chat.completion", "created": 1, "model": "real", "choices": [choice]})

    async def test(world: World, upstream: Gated) -> None:
        (first,) = await together(world, 1)
        await until(lambda: world.asked == 1)
        others = await together(world, 2)
        upstream.gate.set()
        assert [(await task).status for task in (first, *others)] == [200] * 3
        assert world.asked == 3

    at_once([[ASK, GATE, filtered, ASK, said("a"), ASK, said("b")], [ASK, said("c")]], test)


def test_an_old_answer_helps_those_that_waited():
    """The one that asked failed and was given the stale answer; the others come to the same."""

    async def main() -> None:
        async with Gated([ASK, said("old"), ASK, GATE, *[OOPS, ASK] * 3, OOPS], [ASK, OOPS] * 3) as upstream:
            clock = FakeClock()
            configured = document(upstream.url, {"coalesce": True, "stale": "1h"})
            async with whole_gateway(configured, clock=clock) as gateway:
                world = World(gateway, upstream, clock)
                await world.post()
                clock.advance(70)
                (first,) = await together(world, 1)
                await until(lambda: world.asked == 2)
                others = await together(world, 3)
                upstream.gate.set()
                got = await asyncio.gather(first, *others)
                assert [one.short for one in got] == [(200, "STALE")] * 4
                assert {one.text for one in got} == {"old"}

    run(main)


def test_who_has_no_time_left_is_told():
    """The route's whole time passes while the first one is silent: both end with a timeout, and nobody waits any longer."""

    async def test(world: World, upstream: Gated) -> None:
        tasks = await together(world, 3)
        got = await asyncio.gather(*tasks)
        assert {one.status for one in got} == {504}
        assert world.answers.running == {}
        assert active(world) == 0

    at_once([[ASK, GATE, said()]], test, timeouts={"total": "1s", "head": "1s", "first_token": "1s"})


def test_a_drain_tells_those_that_wait():
    """503 for each of them, and nobody asks in the place of another."""

    async def test(world: World, upstream: Gated) -> None:
        tasks = await together(world, 4)
        await until(lambda: world.asked == 1)
        await world.gateway.server.drain(0.05)
        got = await asyncio.gather(*tasks)
        assert {(one.status, one.code) for one in got} == {(503, "draining")}
        assert world.answers.running == {}
        assert world.asked == 1

    at_once([[ASK, GATE, said()]], test)


def test_one_that_waits_counts_as_one_that_runs():
    """Against its limits of requests at once, until it has its answer."""
    keys = [{"name": "tests", "key": KEY, "limits": {"concurrent": 2}}]

    async def test(world: World, upstream: Gated) -> None:
        tasks = await together(world, 2)
        assert (await world.post()).status == 429
        upstream.gate.set()
        assert sorted([(await task).cache for task in tasks]) == ["HIT", "MISS"]
        assert world.gateway.shared.accounts.book.holding == 0

    at_once([[ASK, GATE, said()]], test, sections={"auth": {"keys": keys}})
