"""Which answers are kept at all: as they ended, and as the configuration says."""

from __future__ import annotations

import pytest

from cache.cached_world import OOPS, World, document, play
from whole_gateway import answer, chat, said

FILTERED = {"index": 0, "message": {"role": "assistant", "content": "h"}, "finish_reason": "content_filter"}
SPOILT = {
    "error": OOPS,
    "rejected": answer({"error": {"message": "bad"}}, "400 Bad Request"),
    "no_json": answer(b"{"),
    "null": answer(b"null"),
    "no_choices": answer({"id": "c", "object": "chat.completion", "choices": []}),
    "an_error_in_a_200": answer({"error": {"message": "no", "type": "server_error"}}),
    "filtered": answer({"id": "c", "object": "chat.completion", "created": 1, "model": "real", "choices": [FILTERED]}),
}


@pytest.mark.parametrize("name", SPOILT)
def test_what_went_wrong_is_not_kept(name):
    """C29: errors of any kind, answers that are none, and those that a filter stopped are asked for anew."""

    async def test(world: World) -> None:
        first = await world.post()
        assert first.cache == "MISS"
        assert first.status == (200 if name == "filtered" else 400 if name == "rejected" else 502)
        got = await world.post()
        assert (got.cache, got.text) == ("MISS", "good")
        assert (await world.post()).short == (200, "HIT")

    play([SPOILT[name], said("good")], test)


def test_an_answer_above_the_limit_is_not_kept():
    """One byte more than `entry`; as many are kept."""

    async def test(world: World) -> None:
        small, large = chat(user="s"), chat(user="l")
        size = len((await world.post(small)).body)
        assert size <= 1024 < len((await world.post(large)).body)
        assert (await world.post(small)).cache == "HIT"
        assert (await world.post(large)).cache == "MISS"

    play([said("x" * 500), said("x" * 1000), said("x" * 1000)], test, {"entry": "1KB"})


def test_only_what_asking_again_would_not_change():
    """`only_deterministic`: temperature 0 in so many words; anything else is asked and has no X-Cache."""

    async def test(world: World) -> None:
        for body, cached in ((chat(), ("", "")), (chat(temperature=0.2), ("", "")), (chat(temperature=0), ("MISS", "HIT"))):
            assert ((await world.post(body)).cache, (await world.post(body)).cache) == cached

    play([said()] * 5, test, {"only_deterministic": True})


def test_an_alias_may_keep_none():
    """Its answers have no X-Cache, whatever the section says; the other way round, one alone may keep some."""

    async def test(world: World) -> None:
        assert [(await world.post()).cache for _ in range(2)] == ["", ""]
        changed = document(world.upstream.url, {"enabled": False}, cache={"enabled": True, "ttl": "10s"})
        world.gateway.reload(changed)
        assert [(await world.post()).cache for _ in range(2)] == ["MISS", "HIT"]
        assert (await world.post(chat("a/real"))).cache == ""
        world.clock.advance(10)
        assert (await world.post()).cache == "MISS"

    play([said()] * 5, test, cache={"enabled": False})


def test_a_configuration_that_leads_elsewhere_finds_nothing_of_before():
    """Another model, another account's name; and back again the old answer is good again."""

    async def test(world: World) -> None:
        assert (await world.post()).text == "one"
        old, new = document(world.upstream.url), document(world.upstream.url, deployments=["a/other"])
        world.gateway.reload(new)
        got = await world.post()
        assert (got.cache, got.text) == ("MISS", "two")
        world.gateway.reload(old)
        got = await world.post()
        assert (got.cache, got.text) == ("HIT", "one")

    play([said("one"), said("two")], test)


def test_switching_it_off_forgets_everything():
    """Nothing is given from it any more, and its memory is free."""

    async def test(world: World) -> None:
        await world.post()
        assert world.answers.memory.bytes > 0
        world.gateway.reload(document(world.upstream.url, {"enabled": False}))
        assert (await world.post()).short == (200, "")
        assert (world.answers.memory.bytes, len(world.answers.memory)) == (0, 0)

    play([said()] * 2, test)
