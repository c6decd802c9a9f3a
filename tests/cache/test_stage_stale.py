"""Answers whose time is over: given when nobody can answer, and never for what is wrong with the request itself."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from cache.cached_world import CALM, OOPS, World, document, play
from llm_gateway.core.clock import FakeClock
from scripted_upstream import ASK, Upstream
from serving import run
from whole_gateway import SSE_HEAD, answer, chat, chunk, piece, said, streamed, whole_gateway

STALE = {"stale": "1h"}
HASTY = {"timeouts": {"connect": "1s", "head": "1s", "first_token": "1s", "idle": "1s", "total": "5s"}}


async def grown_old(world: World, body: Any = None) -> bytes:
    """The answer that is kept, a minute and ten seconds later."""
    first = await world.post(body)
    assert first.short == (200, "MISS")
    world.clock.advance(70)
    return first.body


@pytest.mark.parametrize(
    "failure",
    [
        OOPS,
        answer({"error": {"message": "no"}}, "503 Service Unavailable"),
        answer({"error": {"message": "slow down"}}, "429 Too Many Requests"),
        answer({"error": {"message": "who?"}}, "401 Unauthorized"),
        answer(b"{"),
        answer({"error": {"message": "no", "type": "server_error"}}),
    ],
    ids=["500", "503", "429", "401", "no_json", "error_in_200"],
)
def test_when_the_provider_fails(failure):
    """The old answer to the byte, marked as stale, whichever way the provider failed; what failed is in the log."""

    async def test(world: World) -> None:
        old = await grown_old(world)
        got = await world.post()
        assert (got.short, got.body) == ((200, "STALE"), old)
        assert got.headers[b"warning"] == b'110 - "Response is Stale"'
        assert b"; chosen=cache;" in got.headers[b"x-gateway-decision"]
        assert (got.headers[b"age"], got.headers[b"x-cache-ttl"]) == (b"70", b"0")
        line = world.gateway.access()[-1]
        assert (line["cached"], line["status"], line["outcome"]) == ("stale", 200, "completed")
        assert [one.get("error") for one in line["attempts"]] != [None]
        assert world.answers.results == {"miss": 1, "stale": 1}

    play([said(), failure], test, STALE, max_wait="0s")


def test_when_nobody_can_be_reached():
    """Connections are refused from now on."""

    async def test(world: World) -> None:
        old = await grown_old(world)
        await world.upstream.__aexit__()
        got = await world.post()
        assert (got.short, got.body) == ((200, "STALE"), old)

    play([said()], test, STALE)


def test_when_the_provider_is_too_slow():
    """It did not begin to answer in time."""

    async def test(world: World) -> None:
        old = await grown_old(world)
        got = await world.post()
        assert (got.short, got.body, world.asked) == ((200, "STALE"), old, 2)

    play([said(), b""], test, STALE, **HASTY)


def test_while_the_circuit_is_open():
    """Nobody is even asked; an answer nobody has kept is refused as ever."""

    async def test(world: World) -> None:
        old = await grown_old(world)
        for _ in range(5):
            assert (await world.post()).short == (200, "STALE")
        assert world.asked == 6
        got = await world.post()
        assert (got.short, got.body, world.asked) == ((200, "STALE"), old, 6)
        other = await world.post(chat(user="u"))
        assert (other.status, other.code, other.cache) == (503, "circuit_breaker_open", "MISS")

    play([said(), *[OOPS] * 8], test, STALE, sections={"resilience": {}})


def test_only_while_it_is_kept():
    """When the longer time is over too, the failure is told."""

    async def test(world: World) -> None:
        await grown_old(world)
        assert (await world.post()).cache == "STALE"
        world.clock.advance(20)
        got = await world.post()
        assert got.short == (502, "MISS")
        assert len(world.answers.memory) == 0

    play([said(), OOPS, OOPS], test, {"stale": "30s"})


def test_never_where_nothing_is_said_of_it():
    """`stale` is 0 by default."""

    async def test(world: World) -> None:
        await grown_old(world)
        assert (await world.post()).short == (502, "MISS")

    play([said(), OOPS], test)


@pytest.mark.parametrize(
    ("failure", "status", "code"),
    [
        (answer({"error": {"message": "bad", "code": "bad_thing"}}, "400 Bad Request"), 400, None),
        (answer({"error": {"message": "x", "code": "content_filter"}}, "400 Bad Request"), 400, "content_filter"),
        (answer({"error": {"message": "x", "code": "context_length_exceeded"}}, "400 Bad"), 400, "context_length_exceeded"),
        (answer({"error": {"message": "x"}}, "422 Unprocessable Entity"), None, None),
    ],
)
def test_what_is_wrong_with_the_request_is_told(failure, status, code):
    """The provider is well, and says no: an old answer would hide it."""

    async def test(world: World) -> None:
        await grown_old(world)
        got = await world.post()
        assert got.cache == "MISS"
        assert 400 <= got.status < 500
        assert status in (None, got.status)
        assert code in (None, got.code)

    play([said(), failure], test, STALE)


def test_a_good_answer_takes_its_place():
    """When the provider is well again its answer is given and kept."""

    async def test(world: World) -> None:
        await grown_old(world)
        assert (await world.post()).cache == "STALE"
        got = await world.post()
        assert (got.cache, got.text) == ("MISS", "new")
        got = await world.post()
        assert (got.cache, got.text) == ("HIT", "new")

    play([said("old"), OOPS, said("new")], test, STALE)


def test_a_fallback_is_asked_before():
    """A smaller model's answer of now comes before yesterday's of the larger one; only if both fail that is given."""

    async def main() -> None:
        clock = FakeClock()
        async with Upstream([ASK, said("old"), ASK, OOPS, ASK, OOPS]) as one, Upstream([ASK, said("small"), ASK, OOPS]) as two:
            configured = document(one.url, {"ttl": "60s", "stale": "1h"}, fallback=["s"])
            configured["providers"]["b"] = {"type": "openai_compatible", "base_url": two.url}
            configured["models"]["s"] = {"deployments": ["b/small"], "retries": 0}
            async with whole_gateway(configured, clock=clock) as gateway:
                world = World(gateway, one, clock)
                await grown_old(world)
                got = await world.post()
                assert (got.cache, got.text, got.headers[b"x-gateway-provider"]) == ("MISS", "small", b"b")
                world.clock.advance(70)
                got = await world.post()
                assert (got.cache, got.text, got.headers[b"x-gateway-provider"]) == ("STALE", "small", b"b")
                assert (len(one.requests), len(two.requests)) == (3, 2)
                assert len(gateway.access()[-1]["attempts"]) == 2

    run(main)


def test_whoever_asked_for_a_new_one_is_given_no_old_one():
    """no-cache, no-store and max-age say what will not do: then the failure is told. Within its age one is better than none."""

    async def test(world: World) -> None:
        await grown_old(world)
        for says, cached in (("no-cache", "BYPASS"), ("no-store", "BYPASS"), ("max-age=60", "MISS")):
            assert (await world.post(says=says)).short == (502, cached)
        assert (await world.post(says="max-age=90")).short == (200, "STALE")

    play([said(), *[OOPS] * 4], test, STALE)


def test_a_stream_that_cannot_begin_is_given_from_before():
    """Nothing was sent yet: the old stream is whole. One that breaks after it began ends with an error, as ever."""

    async def test(world: World) -> None:
        body = chat(stream=True)
        old = await grown_old(world, body)
        for _ in range(2):  # a status, an error as the first event
            got = await world.post(body)
            assert (got.short, got.body) == ((200, "STALE"), old)
        got = await world.post(body)
        assert got.short == (200, "MISS")
        assert b"half" in got.body
        assert b"[DONE]" not in got.body
        assert (await world.post(body)).cache == "STALE"

    in_band = SSE_HEAD + chunk(b'data: {"error":{"message":"no"}}\n\n') + b"0\r\n\r\n"
    broken = [SSE_HEAD + chunk(piece("half")), 0.05, b"0\r\n\r\n"]
    play([streamed(), OOPS, in_band, broken, OOPS], test, STALE)


def test_the_ledger_says_what_was_tried():
    """A stale answer has no provider, no tokens and no cost; its failed attempts are there."""

    async def test(world: World) -> None:
        await grown_old(world)
        await world.post()
        provider = world.gateway.stats.provider("a", 1e9)
        assert (provider.requests, provider.errors) == (2, 1)
        line = world.gateway.access()[-1]
        assert not line.get("provider")
        assert not line.get("usage")

    play([said(), OOPS], test, STALE)


def test_its_time_is_a_rule_of_the_alias_too():
    """`models.NAME.cache.stale` holds for that one alone."""

    async def test(world: World) -> None:
        await grown_old(world)
        assert (await world.post()).cache == "STALE"
        direct = chat("a/real")
        await grown_old(world, direct)
        assert (await world.post(direct)).short == (502, "MISS")

    play([said(), OOPS, said(), *[OOPS] * 9], test, cache={"stale": "1h"})


def test_hurry_is_no_reason():
    """The request's own deadline passes while the provider is silent: the old answer is given then."""

    async def test(world: World) -> None:
        body = msgspec.json.encode(chat())
        says = "X-Gateway-Deadline: 2\r\n"
        assert (await world.post(body, says)).short == (200, "MISS")
        world.clock.advance(70)
        assert (await world.post(body, says)).short == (200, "STALE")

    play([said(), b""], test, STALE, sections={"resilience": CALM})
