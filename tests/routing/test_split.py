"""Shares of the requests."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from llm_gateway.config.schema import Mirroring, Share
from llm_gateway.routing.features import Features
from llm_gateway.routing.split import Copies, Split


def split(*shares: float, name: str = "canary", by: Any = None) -> Split:
    """Sides called a, b, c ..."""
    return Split(name, [Share(letter, share) for letter, share in zip("abcdef", shares, strict=False)], by)


def request(model: str = "m", **facts: Any) -> Features:
    return Features(model, 0.0, 0.0, facts.pop("seed", 1), **facts)


@pytest.mark.parametrize(("by", "field"), [("key", "key"), ("session", "session"), ("user", "user"), (None, "session")])
def test_a_split_holds_on_to_an_identity(by: Any, field: str) -> None:
    """The same identity always gets the same side, whatever else differs, and the shares are as written."""
    canary = split(90, 10, by=by)
    sides: Counter[str] = Counter()
    for number in range(4000):
        first = canary.route(request(seed=number, **{field: f"id-{number}"}))
        assert first == canary.route(request("other", seed=number + 7, tokens=5, **{field: f"id-{number}"}))
        sides[first] += 1
    assert 320 < sides["b"] < 480


def test_a_split_of_users_falls_back_to_sessions_and_keys() -> None:
    """Who names no user is held on to by session, then by key."""
    canary = split(50, 50, by="user")
    for number in range(50):
        named = f"s{number}"
        routes = {canary.route(request(session=named, seed=1)), canary.route(request(session=named, seed=2, key="k"))}
        assert {*routes, canary.route(request(key=named)), canary.route(request(user=named, session="x"))} == routes
        assert len(routes) == 1


def test_a_growing_canary_moves_only_those_that_it_gains() -> None:
    """From 10 to 25 percent: everybody who had the new side keeps it."""
    before, behind = split(90, 10), split(75, 25)
    moved = 0
    for number in range(2000):
        asked = request(session=f"s{number}")
        old, new = before.route(asked), behind.route(asked)
        assert old == new or (old, new) == ("a", "b")
        moved += old != new
    assert 230 < moved < 370


def test_splits_of_two_rules_divide_independently() -> None:
    """They do not give the same people the new side."""
    one, other = split(50, 50, name="one"), split(50, 50, name="two")
    same = sum(one.route(request(session=f"s{n}")) == other.route(request(session=f"s{n}")) for n in range(2000))
    assert 880 < same < 1120


def test_a_split_by_request_draws_each_time() -> None:
    """From the seed: no identity, but the same again when it is recomputed."""
    drawn = split(90, 10, by="request")
    sides = Counter(drawn.route(request(seed=number, session="s", key="k")) for number in range(4000))
    assert 320 < sides["b"] < 480
    assert drawn.route(request(seed=5, session="x")) == drawn.route(request(seed=5))


@pytest.mark.parametrize("shares", [(100.0, 0.0), (0.0, 100.0), (33.3333333, 33.3333333, 33.3333334), (0.0, 50.0, 50.0, 0.0)])
def test_a_side_without_a_share_gets_nobody(shares: tuple[float, ...]) -> None:
    """A canary that is parked at 0; and whatever rounding leaves belongs to a side that has a share."""
    parked = split(*shares)
    wanted = {letter for letter, share in zip("abcdef", shares, strict=False) if share}
    assert {parked.route(request(session=f"s{n}")) for n in range(500)} == wanted


def test_copies_are_a_share_of_the_requests() -> None:
    """Drawn from the seed, and not together with a split of the same rule."""
    copies, sides = Copies("r", Mirroring("m2", 5.0)), split(95, 5, name="r", by="request")
    seen = Counter((sides.route(one), copies.drawn(one)) for one in (request(seed=n) for n in range(8000)))
    assert 300 < seen["a", True] + seen["b", True] < 500
    assert seen["b", True] < 60
    assert all(Copies("r", Mirroring("m2", 100.0)).drawn(request(seed=n)) for n in range(100))
