"""The classes of failure that gateways are compared on: the caller gets a whole correct answer within its deadline if any deployment
can give one, and an honest error in time if none can.

Each class is asked through both fronts, whole and streamed, at providers of both dialects, with the arrangements of faults/classes.py.
Partial outage with flapping, and recovery, take their time: they are in test_failover_recovery.py.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from faults.answers import Got, cut_short, well_ended
from faults.classes import ARRANGEMENTS, FAILURES, TOKENS, TOTAL, WAYS, Case, attempts, retry_after, running_classes, together
from faults.world import FRONTS, World, nothing_leaked, question, refused

fronts = pytest.mark.parametrize("front", FRONTS)
ways = pytest.mark.parametrize("way", WAYS)
waiting = pytest.mark.parametrize(
    ("front", "way"), [(FRONTS[0], way) for way in WAYS] + [pytest.param(FRONTS[1], way, marks=pytest.mark.long) for way in WAYS]
)
"""Where seconds are waited for in each: one front in every run, the others with the long ones."""
SLOWEST = 8.0
"""Seconds that anything of this may take: two silences and a pause of a second are within, on a busy machine."""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with running_classes(tmp_path_factory.mktemp("classes")) as made:
        yield made


def asked(world: World, case: Case) -> tuple[str, Got]:
    text = question()
    got = world.ask(case.front, case.model, text, stream=case.stream, tokens=TOKENS)
    assert got.seconds < SLOWEST < TOTAL
    nothing_leaked(world, got)
    return text, got


def answered(world: World, case: Case) -> None:
    """The whole answer, once, from the one that can give it; everyone else is on record with his failure."""
    text, got = asked(world, case)
    assert got.status == 200, got
    if case.stream:
        well_ended(got)
    expected = world.ask(case.front, f"{case.back}-well", text, stream=False, tokens=TOKENS).text
    assert got.text == expected
    *failed, last = attempts(world, case)
    assert last == (case.helper, None)
    assert {provider for provider, _ in failed} == set(case.failing)
    assert all(error is not None for _, error in failed)
    assert failed[0][1] in words(case)


def told(world: World, case: Case) -> Got:
    """An honest error: the right status in the front's shape, or after text an event that says the answer is not complete."""
    failure = FAILURES[case.failure]
    _, got = asked(world, case)
    if failure.shown and case.stream and got.status == 200:  # a damaged event may as well be the first
        cut_short(got)
        assert got.text
    else:
        refused(world, got, failure.status[FRONTS.index(case.front)])
        if case.front == "openai":
            assert got.error["code"] == failure.code
    assert {error for _, error in attempts(world, case)} <= words(case)
    return got


def words(case: Case) -> set[str | None]:
    return {*FAILURES[case.failure].reason.split()}


def holds(world: World, failure: str, front: str, way: str) -> None:
    """Alone an error; with any help an answer. All at once: what is asked together must not disturb each other."""
    arrangements = ARRANGEMENTS if FAILURES[failure].helps else ARRANGEMENTS[:1]
    asked = [Case(failure, one, front, back, way) for one in arrangements for back in FRONTS]
    together(lambda case: told(world, case) if case.arrangement == "alone" else answered(world, case), asked)


@fronts
@ways
def test_a_refused_connection(world: World, front: str, way: str) -> None:
    """Nothing listens at the provider's address."""
    holds(world, "refused", front, way)


@fronts
@ways
def test_a_name_that_is_not_found(world: World, front: str, way: str) -> None:
    """The provider's host name has no address."""
    holds(world, "dns", front, way)


@waiting
def test_a_connection_that_is_never_made(world: World, front: str, way: str) -> None:
    """The provider's host does not react to connection requests."""
    holds(world, "unreachable", front, way)


@fronts
@ways
def test_a_server_error(world: World, front: str, way: str) -> None:
    """500, each time."""
    holds(world, "500", front, way)


@waiting
def test_a_rate_limit(world: World, front: str, way: str) -> None:
    """429 with Retry-After: alone it is passed on; the same model elsewhere is asked at once, another model after the pause."""
    holds(world, "429", front, way)
    got = world.ask(front, Case("429", "alone", front, "openai", way).model, stream=way == "stream")
    refused(world, got, 429)
    assert retry_after(got) == 1


@waiting
def test_silence_before_the_head(world: World, front: str, way: str) -> None:
    """The request is taken, and nothing comes."""
    holds(world, "silent", front, way)


@waiting
def test_a_slow_first_token(world: World, front: str, way: str) -> None:
    """A head comes, and nothing after it."""
    holds(world, "slow", front, way)


@fronts
@ways
def test_a_cut_in_the_middle(world: World, front: str, way: str) -> None:
    """The connection breaks in the body: a stream that may be continued is, character for character."""
    holds(world, "cut", front, way)


@waiting
def test_a_stall_in_the_middle(world: World, front: str, way: str) -> None:
    """The body stops, and the connection stays."""
    holds(world, "stall", front, way)


@fronts
@ways
def test_a_refused_provider_key(world: World, front: str, way: str) -> None:
    """401 is about the gateway's key: the caller, whose key is right, is not told 401."""
    holds(world, "401", front, way)


@fronts
@ways
def test_no_access(world: World, front: str, way: str) -> None:
    """403: the same."""
    holds(world, "403", front, way)


@fronts
@ways
def test_an_exhausted_quota(world: World, front: str, way: str) -> None:
    """Never repeated at the same account; alone it is told as what it is."""
    holds(world, "quota", front, way)
    for back in FRONTS:
        assert len(attempts(world, Case("quota", "alone", front, back, way))) == 1


@fronts
@ways
@pytest.mark.parametrize("failure", ["529", "503"])
def test_overload(world: World, front: str, way: str, failure: str) -> None:
    """529, and 503: each front has its own status for it."""
    holds(world, failure, front, way)


@fronts
@ways
def test_a_content_filter(world: World, front: str, way: str) -> None:
    """The provider's refusal after exactly one attempt, whoever else could be asked."""
    filtered = [Case("filter", one, front, back, way) for one in ARRANGEMENTS for back in FRONTS]
    together(lambda case: told(world, case), filtered)
    for case in filtered:
        assert len(attempts(world, case)) == 1


@fronts
@ways
def test_malformed_json(world: World, front: str, way: str) -> None:
    """A body, or an event, that is no JSON."""
    holds(world, "malformed", front, way)
