"""What a worker allows by itself while Redis is away."""

from __future__ import annotations

from llm_gateway.core.clock import FakeClock
from llm_gateway.limits.alone import ANEW, Alone
from llm_gateway.limits.memory import MemoryBook
from llm_gateway.limits.meter import Meter
from llm_gateway.limits.redis_counters import Counter

BUDGET = Meter(key="b", scope="key", name="k", unit="usd", most=1000, calendar="total", hard=True)


def spend(alone: Alone, counter: Counter, name: str, amount: int, now: float) -> bool:
    """Whether it was let by, and is settled."""
    entry = (counter, counter.at(now), amount)
    if alone.take(name, [entry], now, 60.0).refused >= 0:
        return False
    alone.settle(name, [entry], now, tell=True)
    return True


def told(alone: Alone, counter: Counter, clock: FakeClock) -> None:
    """Redis is back and knows of everything."""
    counter.spent += sum(one.amount for one in alone.used(clock.monotonic()))
    list(alone.running(clock.now()))


def test_outages_one_after_the_other_allow_parts_of_what_is_left_then():
    """Not of what was left at the first one: each allows less, and all of them together never more than there is."""
    clock = FakeClock()
    alone = Alone("local_share", lambda: MemoryBook(clock), clock, lambda: 2)
    counter = Counter(BUDGET, "p:", clock.now())
    allowed = []
    for outage in range(5):
        clock.advance(ANEW / 10)
        alone.begin()
        spent = 0
        while spend(alone, counter, f"{outage}-{spent}", 10, clock.now()):
            spent += 10
        allowed.append(spent)
        told(alone, counter, clock)
        counter.spent += 10 * (outage + 1)  # others spend, too
    assert allowed == [500, 240, 110, 40, 0]
    assert counter.spent <= 1000 + 50


def test_the_refusal_tells_what_is_really_spent():
    """What Redis knows of already is not told twice."""
    clock = FakeClock()
    alone = Alone("local_share", lambda: MemoryBook(clock), clock, lambda: 2)
    counter = Counter(BUDGET, "p:", clock.now())
    alone.begin()
    assert spend(alone, counter, "a", 400, clock.now())
    told(alone, counter, clock)
    clock.advance(1)
    alone.begin()
    taken = alone.take("b", [(counter, counter.at(clock.now()), 301)], clock.now(), 60.0)
    assert taken.refused == 0
    assert taken.states[0].settled == 400
    assert alone.take("c", [(counter, counter.at(clock.now()), 300)], clock.now(), 60.0).refused < 0


def test_rates_go_on_through_outages_that_follow_each_other():
    """Redis that comes and goes is no way around a rate."""
    clock = FakeClock()
    alone = Alone("local_share", lambda: MemoryBook(clock), clock, lambda: 2)
    rate = Meter(key="r", scope="key", name="k", unit="requests", most=20, period=60.0, burst=20, hard=True)
    counter = Counter(rate, "p:", clock.now())
    let_by = 0
    for outage in range(3):
        alone.begin()
        let_by += sum(spend(alone, counter, f"{outage}-{one}", 1, clock.now()) for one in range(20))
        told(alone, counter, clock)
        clock.advance(0.1)
    assert let_by == 10


def test_who_may_spend_nothing_is_refused():
    """A budget that was used up when Redis was last heard of stays used up."""
    clock = FakeClock()
    alone = Alone("local_share", lambda: MemoryBook(clock), clock, lambda: 1)
    counter = Counter(BUDGET, "p:", clock.now())
    counter.spent = 1000
    alone.begin()
    assert not spend(alone, counter, "a", 1, clock.now())
