"""Limits, budgets and places around kept answers: a hit counts as a request, and costs nothing."""

from __future__ import annotations

from typing import Any

import pytest

from cache.cached_world import OOPS, World, play
from serving import connected, until
from whole_gateway import CHAT, KEY, SSE_HEAD, answer, chat, chunk, piece, request, said, streamed

PRICES = {"models": {"a/real": {"prices": {"input": 1, "output": 1}}}}


def limited(**key: Any) -> dict[str, Any]:
    """One key with limits, at a dollar a million tokens."""
    return {"auth": {"keys": [{"name": "tests", "key": KEY, **key}]}, "catalogue": PRICES}


@pytest.mark.parametrize("stream", [False, True])
def test_a_hit_counts_as_a_request(stream):
    """Against rates of requests, as its headers say; the one that is too many is refused, though the answer is there."""

    async def test(world: World) -> None:
        body = chat(stream=stream)
        for left in (b"2", b"1", b"0"):
            got = await world.post(body)
            assert (got.status, got.headers[b"x-ratelimit-remaining-requests"]) == (200, left)
        got = await world.post(body)
        assert (got.status, got.cache, got.code) == (429, "", "rate_limit_exceeded")
        assert world.asked == 1
        assert world.gateway.shared.accounts.book.holding == 0

    play([streamed() if stream else said()], test, sections=limited(limits={"requests": {"minute": 3}}))


@pytest.mark.parametrize("stream", [False, True])
def test_its_tokens_come_back(stream):
    """What was reserved for an answer that nobody had to make: any number of hits, and as many tokens are left as before."""

    async def test(world: World) -> None:
        body = chat(stream=stream)
        lefts = []
        for _ in range(8):
            got = await world.post(body)
            assert got.status == 200
            lefts.append(int(got.headers[b"x-ratelimit-remaining-tokens"]))
        assert len(set(lefts[1:])) == 1, lefts
        assert world.asked == 1

    play([streamed() if stream else said()], test, sections=limited(limits={"tokens": {"minute": 2500}}))


def test_a_budget_is_not_touched():
    """Room for little more than one answer is enough for any number of hits."""

    async def test(world: World) -> None:
        for number in range(20):
            got = await world.post()
            assert got.short == (200, "HIT" if number else "MISS")
        assert world.gateway.shared.accounts.book.holding == 0
        assert (await world.post(chat(user="u"))).short == (200, "MISS")

    play([said(), said()], test, sections=limited(budgets=[{"amount": 0.0013}]))


def test_a_budget_that_is_used_up_refuses_hits_too():
    """Money is reserved before anybody knows whether it will be needed: a kept answer is no way around a hard budget."""

    async def test(world: World) -> None:
        assert (await world.post()).short == (200, "MISS")
        assert (await world.post(chat(user="u"))).short == (200, "MISS")
        got = await world.post()
        assert (got.status, got.cache) == (402, "")

    dear = {"models": {"a/real": {"prices": {"input": 100, "output": 200}}}}
    sections = {**limited(budgets=[{"amount": 0.25}]), "catalogue": dear}
    used = {"prompt_tokens": 3, "completion_tokens": 1000, "total_tokens": 1003}
    choice = {"index": 0, "message": {"role": "assistant", "content": "x"}, "finish_reason": "stop"}
    large = answer({"id": "c", "object": "chat.completion", "created": 1, "model": "real", "choices": [choice], "usage": used})
    play([said(), large], test, sections=sections)


def test_places_are_free_again():
    """One request at a time, and one stream: hits, stale answers and those that are refused leave none taken."""

    async def test(world: World) -> None:
        for body in (chat(), chat(stream=True)):
            assert (await world.post(body)).short == (200, "MISS")
            for _ in range(3):
                assert (await world.post(body)).short == (200, "HIT")
        world.clock.advance(70)
        for _ in range(2):
            assert (await world.post()).short == (200, "STALE")
        assert (await world.post(chat(user="u"), "only-if-cached")).status == 504
        assert (await world.post(says="max-stale")).short == (200, "STALE")
        assert world.gateway.shared.accounts.book.holding == 0

    sections = limited(limits={"concurrent": 1, "streams": 1})
    play([said(), streamed(), OOPS, OOPS], test, {"stale": "1h"}, sections=sections)


def test_a_place_that_is_taken_is_taken_for_hits():
    """Who has as many running as he may is refused, kept or not."""

    async def test(world: World) -> None:
        assert (await world.post()).short == (200, "MISS")
        async with connected(world.gateway.port) as raw:
            raw.send(request(CHAT, chat(stream=True)))
            await raw.reader.readuntil(b"half")
            assert (await world.post()).status == 429
        await until(lambda: world.gateway.shared.accounts.book.holding == 0)
        assert (await world.post()).short == (200, "HIT")

    play([said(), SSE_HEAD + chunk(piece("half"))], test, sections=limited(limits={"concurrent": 1}))


def test_a_hit_is_no_request_to_the_provider():
    """Its breaker, its headroom and its rates know nothing of it."""

    async def test(world: World) -> None:
        await world.post()
        standing = world.gateway.shared.defences.standings.of("a/real")
        before = (standing.samples, standing.running, standing.latency)
        for _ in range(5):
            await world.post()
        assert (standing.samples, standing.running, standing.latency) == before

    play([said()], test)
