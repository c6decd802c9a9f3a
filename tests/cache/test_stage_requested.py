"""What Cache-Control of a request does, through a whole gateway."""

from __future__ import annotations

import pytest

from cache.cached_world import World, play
from whole_gateway import MESSAGES, chat, said


@pytest.mark.parametrize(
    ("says", "first", "second"),
    [
        ("no-store", "BYPASS", "MISS"),
        ("no-cache", "BYPASS", "HIT"),
        ("max-age=0", "MISS", "HIT"),
    ],
)
def test_who_wants_no_kept_answer_is_asked_for(says, first, second):
    """And what comes of it is kept for others, unless that is not wanted either."""

    async def test(world: World) -> None:
        got = await world.post(says=says)
        assert (got.cache, got.text) == (first, "one")
        assert (await world.post()).cache == second

    play([said("one"), said("two")], test)


def test_no_store_takes_nothing_and_changes_nothing():
    """What was kept for others stays as it was."""

    async def test(world: World) -> None:
        assert (await world.post()).text == "one"
        assert (await world.post(says="no-store")).text == "two"
        assert (await world.post(says="no-cache, no-store")).text == "three"
        assert (await world.post()).text == "one"

    play([said("one"), said("two"), said("three")], test)


def test_no_cache_renews_what_is_kept():
    """The next one gets the newer answer."""

    async def test(world: World) -> None:
        assert (await world.post()).text == "one"
        assert (await world.post(says="no-cache")).text == "two"
        got = await world.post()
        assert (got.cache, got.text) == ("HIT", "two")

    play([said("one"), said("two")], test)


def test_max_age_is_to_the_second():
    """As old as is said will do; older is asked for anew."""

    async def test(world: World) -> None:
        await world.post()
        world.clock.advance(10)
        assert (await world.post(says="max-age=10")).text == "one"
        assert (await world.post(says="max-age=9")).text == "two"

    play([said("one"), said("two")], test)


def test_max_stale_reaches_as_far_as_the_route_keeps():
    """With the header of stale answers; beyond what the caller takes, or the route keeps, somebody is asked."""

    async def test(world: World) -> None:
        await world.post()
        world.clock.advance(70)
        got = await world.post(says="max-stale=20")
        assert (got.cache, got.text, got.headers[b"age"], got.headers[b"x-cache-ttl"]) == ("STALE", "one", b"70", b"0")
        assert got.headers[b"warning"].startswith(b"110 ")
        assert (await world.post(says="max-stale")).cache == "STALE"
        assert (await world.post(says="max-stale=70, max-age=69")).text == "two"

    play([said("one"), said("two")], test, {"stale": "30s"})


def test_max_stale_makes_nobody_keep_longer():
    """Where the route says nothing of stale answers there are none."""

    async def test(world: World) -> None:
        await world.post()
        world.clock.advance(60)
        assert (await world.post(says="max-stale=1000")).text == "two"

    play([said("one"), said("two")], test)


def test_only_if_cached_asks_nobody():
    """504 and a code of its own where nothing is kept; otherwise as any hit. Whoever wants none kept and none asked gets none."""

    async def test(world: World) -> None:
        got = await world.post(says="only-if-cached")
        assert (got.status, got.code, world.asked) == (504, "not_cached", 0)
        await world.post()
        assert (await world.post(says="only-if-cached")).short == (200, "HIT")
        assert (await world.post(says="only-if-cached, no-cache")).status == 504
        got = await world.post(chat(max_tokens=5), says="only-if-cached", path=MESSAGES)
        assert (got.status, got.json["type"], world.asked) == (504, "error", 1)

    play([said()], test)
