"""Places and queues: who is let in, in which order, and what the others are told."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from llm_gateway.config.schema.bulkheads import AdaptiveLimit
from llm_gateway.config.schema.bulkheads import Bulkhead as Settings
from llm_gateway.config.values import Duration
from llm_gateway.core.errors import UpstreamUnavailable
from llm_gateway.resilience.bulkhead import Bulkhead, Waiter
from llm_gateway.routing.candidate import Candidate
from llm_gateway.routing.features import CRITICAL, HIGH, LOW, NORMAL
from resilience.places import limited, siblings

NOW = 1000.0
LATER = NOW + 60


def bulkheads(*, queue: int = 1000, wait: float = 5.0) -> Bulkhead:
    return Bulkhead(Settings(queue=queue, wait=Duration(wait)))


def run(test: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(test())  # type: ignore[arg-type]


async def turns(count: int = 3) -> None:
    """Let everybody run who can."""
    for _ in range(count):
        await asyncio.sleep(0)


def refused(places: Bulkhead, candidates: list[Candidate], **given: Any) -> UpstreamUnavailable:
    with pytest.raises(UpstreamUnavailable) as error:
        places.join(candidates, given.get("priority", NORMAL), given.get("deadline", LATER), NOW)
    return error.value


def served(places: Bulkhead, one: Candidate, waiters: list[Waiter]) -> list[int]:
    """In which order the waiters get the only place."""
    order = []
    for _ in waiters:
        places.leave(one)
        order += [index for index, waiter in enumerate(waiters) if waiter.granted and index not in order]
    return order


def test_without_a_limit_everyone_enters():
    """Nothing is limited unless it is said; the places are counted all the same, for a limit that a reload brings."""
    places, one = bulkheads(), limited(0)
    assert all(places.try_enter(one) for _ in range(500))
    assert (one.standing.places, one.account.places) == (500, 500)


@pytest.mark.parametrize(("limit", "account"), [(2, 0), (0, 2), (2, 5), (5, 2)])
def test_the_lower_limit_holds(limit, account):
    """Of a deployment's limit and its account's; a place given back is free again."""
    places, one = bulkheads(), limited(limit, account=account)
    assert [places.try_enter(one) for _ in range(3)] == [True, True, False]
    places.leave(one)
    assert [places.try_enter(one) for _ in range(2)] == [True, False]


def test_siblings_share_their_account_only():
    """A full deployment leaves its siblings alone; a full account closes them all."""
    places = bulkheads()
    first, second = siblings(1, 0, account=3)
    assert [places.try_enter(first), places.try_enter(first)] == [True, False]
    assert [places.try_enter(second) for _ in range(3)] == [True, True, False]


def test_the_order_is_class_then_urgency_then_arrival():
    """critical before high before normal before low; in a class the sooner end first, then who came first."""
    places, one = bulkheads(), limited(1)
    places.try_enter(one)
    asked = [(LOW, LATER), (NORMAL, LATER), (NORMAL, NOW + 2), (CRITICAL, LATER), (NORMAL, LATER), (HIGH, LATER)]
    waiters = [places.join([one], priority, deadline, NOW) for priority, deadline in asked]
    assert (one.standing.waiting, one.account.waiting) == (6, 6)
    assert served(places, one, waiters) == [3, 5, 2, 1, 4, 0]
    assert (one.standing.waiting, one.standing.places) == (0, 1)


def test_a_full_queue_sheds_the_lowest_class():
    """A newcomer of a higher class takes the place of the last of the lowest; one of the same class is refused."""
    places, one = bulkheads(queue=2), limited(1)
    places.try_enter(one)
    low, normal = (places.join([one], priority, LATER, NOW) for priority in (LOW, NORMAL))
    assert refused(places, [one], priority=LOW).code == "queue_full"
    high = places.join([one], HIGH, LATER, NOW)
    assert (low.reason, normal.reason, high.reason) == ("queue_full", "", "")
    assert refused(places, [one], priority=NORMAL).code == "queue_full"
    assert (places.counts.displaced, places.counts.full, one.standing.waiting) == (1, 2, 2)


def test_an_account_has_one_queue_length_for_all_its_deployments():
    """Names of models come from callers: they cannot make more queue than one account may have."""
    places = bulkheads(queue=3)
    first, *others = siblings(0, 0, 0, 0, account=1)
    places.try_enter(first)
    for one in others:
        places.join([one], NORMAL, LATER, NOW)
    assert refused(places, [first]).code == "queue_full"
    high = places.join([first], HIGH, LATER, NOW)
    places.leave(first)
    assert high.granted is first
    assert first.account.waiting == 2


def test_a_queue_of_nothing_refuses_at_once():
    """`queue: 0` means that nobody waits."""
    places, one = bulkheads(queue=0), limited(1)
    places.try_enter(one)
    assert refused(places, [one], priority=CRITICAL).code == "queue_full"


def test_who_cannot_make_its_deadline_is_refused_at_once():
    """Two seconds a place and two at once: the third in the queue would be let in after three seconds."""
    places, one = bulkheads(), limited(2)
    for _ in range(3):
        places.try_enter(one)
        places.leave(one, 2.0)
    assert places.try_enter(one)
    assert places.try_enter(one)
    for _ in range(2):
        places.join([one], NORMAL, NOW + 2, NOW)
    error = refused(places, [one], deadline=NOW + 2.9)
    assert (error.code, error.retry_after, error.sent) == ("queue_timeout", 3.0, False)
    assert (error.retryable, error.elsewhere_only) == (True, True)
    assert places.join([one], NORMAL, NOW + 3.1, NOW)
    assert places.join([one], HIGH, NOW + 1.1, NOW)  # those of lower classes are not in its way
    assert places.counts.late == 1


def test_the_expected_wait_at_an_account_counts_all_its_queues():
    """The one behind two others, of different deployments, waits for three places."""
    places = bulkheads()
    first, second = siblings(0, 0, account=1)
    places.try_enter(first)
    places.leave(first, 4.0)
    places.try_enter(second)
    places.join([first], NORMAL, LATER, NOW)
    places.join([second], NORMAL, LATER, NOW)
    assert places.expected(first, NORMAL) == 12.0
    assert places.expected(first, HIGH) == 4.0


def test_several_full_candidates_and_the_first_free():
    """It waits in every queue, and leaves all of them when one lets it in."""
    places = bulkheads()
    one, other = limited(1), limited(1, name="b")
    assert places.try_enter(one)
    assert places.try_enter(other)
    both, last = places.join([one, other], NORMAL, LATER, NOW), places.join([one], NORMAL, LATER, NOW)
    places.leave(other)
    assert (both.granted, last.granted) == (other, None)
    assert (one.standing.waiting, other.standing.waiting, other.standing.places) == (1, 0, 1)
    places.leave(one)
    assert last.granted is one


def test_two_candidates_of_one_account():
    """The account's place goes to the waiter once, at its first candidate."""
    places = bulkheads()
    one, other = siblings(2, 2, account=1)
    places.try_enter(one)
    waiter = places.join([other, one], NORMAL, LATER, NOW)
    places.leave(one)
    assert waiter.granted is other
    assert (one.account.waiting, one.account.places, one.standing.places) == (0, 1, 0)


def test_a_free_candidate_is_taken_before_a_full_one_is_waited_for():
    """In order: the second one here."""

    async def test() -> None:
        places = bulkheads()
        one, other = limited(1), limited(1, name="b")
        places.try_enter(one)
        assert await places.first_free([one, other], NORMAL, LATER, NOW) is other
        assert places.counts.waited == 0

    run(test)


def test_a_displaced_waiter_that_waits_elsewhere_too_goes_on_waiting():
    """It lost one queue of two."""
    places = bulkheads(queue=1)
    one, other = limited(1), limited(1, name="b")
    places.try_enter(one)
    places.try_enter(other)
    both = places.join([one, other], LOW, LATER, NOW)
    places.join([one], HIGH, LATER, NOW)
    assert (both.reason, one.standing.waiting, places.counts.displaced) == ("", 1, 0)
    places.leave(other)
    assert both.granted is other


def test_a_place_goes_straight_to_the_waiter():
    """A newcomer between the hand-over and the waiter's own turn finds no place."""

    async def test() -> None:
        places, one = bulkheads(), limited(1)
        places.try_enter(one)
        waiting = asyncio.ensure_future(places.first_free((one,), NORMAL, LATER, NOW))
        await turns()
        places.leave(one)
        assert not places.try_enter(one)
        assert await waiting is one
        places.leave(one)
        assert (one.standing.places, one.account.places, places.counts.entered) == (0, 0, 1)

    run(test)


@pytest.mark.parametrize("handed", [False, True])
def test_a_caller_that_leaves_owes_nothing(handed):
    """While it waits, and in the moment in which it was handed a place, which goes to the next one."""

    async def test() -> None:
        places, one = bulkheads(), limited(1)
        places.try_enter(one)
        leaving, staying = (asyncio.ensure_future(places.first_free((one,), NORMAL, LATER, NOW)) for _ in range(2))
        await turns()
        if handed:
            places.leave(one)
        leaving.cancel()
        await turns()
        assert leaving.cancelled()
        if not handed:
            assert one.standing.waiting == 1
            places.leave(one)
        assert await staying is one
        assert (one.standing.places, one.standing.waiting, places.counts.left) == (1, 0, 1)

    run(test)


def test_the_longest_wait_ends_in_a_refusal():
    """The queue is left, and the next place goes to others."""

    async def test() -> None:
        places, one = bulkheads(wait=0.02), limited(1)
        places.try_enter(one)
        with pytest.raises(UpstreamUnavailable) as error:
            await places.first_free((one,), NORMAL, LATER, NOW)
        assert (error.value.code, error.value.reason) == ("queue_timeout", "queue_timeout")
        assert (one.standing.waiting, one.account.waiting, places.counts.expired) == (0, 0, 1)
        places.leave(one)
        assert places.try_enter(one)

    run(test)


def test_time_that_is_up_after_the_hand_over_changes_nothing():
    """The timer and the place came in the same moment: the place counts."""
    places, one = bulkheads(), limited(1)
    places.try_enter(one)
    waiter = places.join([one], NORMAL, LATER, NOW)
    places.leave(one)
    places.expire(waiter)
    assert (waiter.granted, waiter.reason, places.counts.expired) == (one, "", 0)


def test_who_is_displaced_is_told_at_once():
    """The waiting task gets the refusal, not a silence until its time is up."""

    async def test() -> None:
        places, one = bulkheads(queue=1), limited(1)
        places.try_enter(one)
        low = asyncio.ensure_future(places.first_free((one,), LOW, LATER, NOW))
        await turns()
        high = asyncio.ensure_future(places.first_free((one,), HIGH, LATER, NOW))
        await turns()
        with pytest.raises(UpstreamUnavailable) as error:
            await low
        assert error.value.code == "queue_full"
        places.leave(one)
        assert await high is one

    run(test)


def test_a_reload_raises_and_lowers_limits():
    """A raised limit lets waiters in at once; a removed one everybody; a lowered one takes nobody's place away."""
    places, one = bulkheads(), limited(0)
    places.configure(Settings(), {one.standing: 1}, ())
    places.try_enter(one)
    waiters = [places.join([one], NORMAL, LATER, NOW) for _ in range(4)]
    places.configure(Settings(), {one.standing: 3}, ())
    assert [waiter.granted is one for waiter in waiters] == [True, True, False, False]
    places.configure(Settings(), {one.standing: 2}, ())
    places.leave(one)
    assert not places.try_enter(one)
    assert waiters[2].granted is None
    places.configure(Settings(), {}, ())
    assert (one.standing.limit, one.standing.places, waiters[3].granted) == (0, 4, one)


def test_an_adaptive_limit_moves_with_the_answers():
    """A failure lowers the standing's limit; a written limit is its maximum; what was learned outlives a reload."""
    places, one, other = bulkheads(), limited(0), limited(0, name="b")
    settings = Settings(adaptive=AdaptiveLimit(algorithm="aimd", initial=10))
    both = (one.standing, other.standing)
    places.configure(settings, {other.standing: 5}, both)
    assert (one.standing.limit, other.standing.limit) == (10, 5)
    places.try_enter(one)
    places.leave(one, 1.0, answered=False)
    assert one.standing.limit == 9
    places.try_enter(one)
    places.leave(one, 1.0)
    assert one.standing.limit == 9  # an ending that tells nothing
    places.configure(settings, {other.standing: 5}, both)
    assert one.standing.limit == 9
    places.configure(Settings(), {other.standing: 5}, both)
    assert (one.standing.limit, other.standing.limit) == (0, 5)


def test_nothing_is_left_behind():
    """After a thousand waits no queue, no future and no ring of references remains."""

    left = []

    async def test() -> None:
        places, one = bulkheads(), limited(1)
        gc.collect()
        gc.disable()
        try:
            for _ in range(1000):
                places.try_enter(one)
                waiting = asyncio.ensure_future(places.first_free((one,), NORMAL, LATER, NOW))
                await asyncio.sleep(0)
                places.leave(one)
                await waiting
                places.leave(one)
            del waiting
            assert places._queues == {}
            left.append(gc.collect())
        finally:
            gc.enable()

    for _ in range(3):  # other threads of the process, of servers that tests share, leave something now and then
        run(test)
    assert min(left) < 100
