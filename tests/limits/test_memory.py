"""The book of one process."""

from __future__ import annotations

from math import inf

from hypothesis import given
from hypothesis import strategies as st

from limits_support import meter
from llm_gateway.core.clock import FakeClock
from llm_gateway.limits.memory import MemoryBook
from llm_gateway.limits.meter import Charge, Meter

LEASE = 100.0


class Booked:
    def __init__(self, **more) -> None:
        self.clock = FakeClock()
        self.book = MemoryBook(self.clock, **more)

    def take(self, hold: str, *charges: tuple[Meter, int]) -> bool:
        return self.taken(hold, *charges).refused < 0

    def taken(self, hold: str, *charges: tuple[Meter, int]):
        return self.book.take(hold, [Charge(*one) for one in charges], self.clock.now(), LEASE)

    def settle(self, hold: str, *charges: tuple[Meter, int]) -> None:
        self.book.settle(hold, [Charge(*one) for one in charges], self.clock.now())

    def left(self, limit: Meter) -> int:
        return self.book.state(limit).left


REQUESTS = meter(most=10)
TOKENS = meter("tokens", 1000)
PLACES = meter("concurrent", 3, 0.0)
MONEY = meter("cost", 100, 0.0, calendar="month")


def test_all_or_nothing():
    """A request that one limit refuses takes nothing of the others."""
    booked = Booked()
    assert booked.take("a", (REQUESTS, 1), (PLACES, 1), (MONEY, 90))
    taken = booked.taken("b", (REQUESTS, 1), (PLACES, 1), (MONEY, 20), (TOKENS, 50))
    assert taken.refused == 2
    assert [state.left for state in taken.states] == [9, 2, 10, 1000]
    assert booked.book.holding == 1
    assert booked.left(TOKENS) == 1000


def test_the_limit_that_is_in_the_way_for_longest_is_told():
    """Who comes back when the first of two is there again would be refused again."""
    booked = Booked()
    minute, hour = meter(most=1), meter(most=1, period=3600.0)
    assert booked.take("a", (minute, 1), (hour, 1))
    taken = booked.taken("b", (minute, 1), (hour, 1))
    assert taken.refused == 1
    assert taken.states[1].retry == 3600.0


def test_settling_gives_back_what_was_not_used():
    """Tokens by the difference, places altogether, money by what it cost."""
    booked = Booked()
    booked.take("a", (REQUESTS, 1), (TOKENS, 600), (PLACES, 1), (MONEY, 50))
    booked.settle("a", (REQUESTS, 1), (TOKENS, 100), (PLACES, 1), (MONEY, 7))
    assert [booked.left(one) for one in (REQUESTS, TOKENS, PLACES, MONEY)] == [9, 900, 3, 93]
    assert booked.book.holding == 0


def test_settling_twice_is_settling_once():
    """Neither the amounts nor the place come back a second time, nor are they charged again."""
    booked = Booked()
    booked.take("a", (TOKENS, 600), (PLACES, 1), (MONEY, 50))
    for _ in range(3):
        booked.settle("a", (TOKENS, 100), (PLACES, 1), (MONEY, 7))
    assert [booked.left(one) for one in (TOKENS, PLACES, MONEY)] == [900, 3, 93]


def test_what_was_not_held_is_charged_when_it_is_settled():
    """A request that was let by without a hold still costs what it cost, once."""
    booked = Booked()
    booked.settle("a", (MONEY, 7))
    booked.settle("a", (MONEY, 7))
    booked.take("b", (TOKENS, 100))
    booked.settle("b", (TOKENS, 100), (MONEY, 3))
    assert booked.left(MONEY) == 90


def test_settled_in_another_order_or_not_at_all():
    """Charges are matched by their counters; what a settlement does not name was not used."""
    booked = Booked()
    booked.take("a", (TOKENS, 600), (MONEY, 50), (PLACES, 1))
    booked.settle("a", (MONEY, 5), (TOKENS, 10))
    assert [booked.left(one) for one in (TOKENS, PLACES, MONEY)] == [990, 3, 95]


def test_a_top_up_adds_to_what_is_held():
    """A second take under the same hold; all of it is settled together."""
    booked = Booked()
    booked.take("a", (TOKENS, 100), (MONEY, 10), (PLACES, 1))
    assert booked.take("a", (TOKENS, 200), (MONEY, 20))
    assert booked.left(MONEY) == 70
    assert not booked.take("a", (TOKENS, 1), (MONEY, 71))
    booked.settle("a", (TOKENS, 150), (MONEY, 15), (PLACES, 1))
    assert [booked.left(one) for one in (TOKENS, PLACES, MONEY)] == [850, 3, 85]


def test_a_request_that_never_ends_frees_what_it_held():
    """When its lease is over: place, tokens and money, in the middle of others that go on."""
    booked = Booked()
    for hold in ("a", "b", "c"):
        assert booked.take(hold, (PLACES, 1), (MONEY, 30))
    assert not booked.take("d", (PLACES, 1))
    booked.clock.advance(60)
    assert booked.take("b", (MONEY, 1))  # it is still running: its lease begins anew
    booked.clock.advance(60)
    assert booked.take("d", (PLACES, 1), (MONEY, 60))
    assert booked.book.expired == 2
    assert booked.book.holding == 2


def test_a_request_that_ends_after_its_lease_counts_once():
    """Its cost is what it was, though its reservation is gone."""
    booked = Booked()
    booked.take("a", (MONEY, 30), (PLACES, 1), (TOKENS, 100))
    booked.clock.advance(LEASE)
    booked.take("b", (PLACES, 1))
    booked.settle("a", (MONEY, 25), (PLACES, 1), (TOKENS, 10))
    booked.settle("a", (MONEY, 25), (PLACES, 1), (TOKENS, 10))
    assert [booked.left(one) for one in (MONEY, PLACES, TOKENS)] == [75, 2, 990]


def test_a_wall_clock_that_jumps_changes_nothing_about_rates():
    """An hour forward gives nothing for free, an hour back refuses nobody (faults C32)."""
    booked = Booked()
    for number in range(10):
        assert booked.take(f"a{number}", (REQUESTS, 1))
    booked.clock.jump(3600)
    assert not booked.take("b", (REQUESTS, 1))
    booked.clock.jump(-7200)
    assert not booked.take("b", (REQUESTS, 1))
    booked.clock.advance(60)
    assert all(booked.take(f"c{number}", (REQUESTS, 1)) for number in range(10))


def test_a_jump_does_not_end_leases():
    """They are measured, not shown."""
    booked = Booked()
    booked.take("a", (PLACES, 1))
    booked.clock.jump(86400 * 3)
    booked.take("b", (PLACES, 1))
    assert booked.book.holding == 2


def test_seeds_count_by_their_version():
    """However many tell the same, and in whatever order: the latest alone counts, and nothing is added up (peers.md 4b)."""
    booked = Booked()
    booked.take("a", (MONEY, 10))
    for _ in range(8):
        booked.book.seed(MONEY.key, 60, 5)
    booked.book.seed(MONEY.key, 20, 4)
    assert booked.left(MONEY) == 30
    booked.book.seed(MONEY.key, 20, 6)
    assert booked.left(MONEY) == 70


def test_a_seed_may_come_before_anyone_asks():
    """It waits for the counter; one of an earlier period is not this one's."""
    booked = Booked()
    booked.book.seed(MONEY.key, 60, 1)
    assert not booked.take("a", (MONEY, 41))
    daily = meter("cost", 100, 0.0, calendar="day")
    booked.book.seed(daily.key, 60, 1)
    booked.clock.advance(86400)
    assert booked.take("b", (daily, 100))


def test_counters_that_are_as_new_are_dropped():
    """What has come back, is free and was spent in another month need not be kept; what is held is."""
    booked = Booked()
    for number in range(20_000):
        booked.take(
            f"h{number}",
            (Meter("key", f"k{number}", "requests", 10, 60.0), 1),
            (Meter("key", f"k{number}", "cost", 10, calendar="month"), 0),
        )
        booked.settle(
            f"h{number}",
            (Meter("key", f"k{number}", "requests", 10, 60.0), 1),
            (Meter("key", f"k{number}", "cost", 10, calendar="month"), 0),
        )
        booked.clock.advance(0.1)
    assert len(booked.book) < 12_000


def test_a_counter_that_is_held_is_not_dropped():
    """A request whose rate has come back meanwhile still settles on the same counter."""
    booked = Booked()
    other = Meter("key", "other", "tokens", 1000, 60.0)
    booked.take("a", (other, 10))
    booked.clock.advance(99)
    for number in range(10_001):
        booked.take(f"h{number}", (Meter("key", f"k{number}", "requests", 1, 1.0), 1))
    booked.settle("a", (other, 900))
    assert booked.left(other) < 200


def test_new_names_do_not_help_anybody():
    """Beyond the most counters for end users, those that are new share one, tenant by tenant; those that are known keep theirs."""
    booked = Booked(most=5)

    def user(name: str) -> Meter:
        return Meter("user", name, "requests", 3, 60.0)

    assert all(booked.take(f"a{number}", (user(f"acme:{number}"), 1)) for number in range(5))
    passed = [booked.take(f"b{number}", (user(f"acme:new{number}"), 1)) for number in range(100)]
    assert sum(passed) == 3
    assert booked.take("c", (user("acme:4"), 1))
    assert booked.take("d", (user("other:1"), 1))
    assert len(booked.book) == 7
    booked.clock.advance(LEASE)
    assert booked.take("e", (user("acme:fresh"), 1))
    assert len(booked.book) == 1


def test_states_can_be_read_again():
    """They are looked up when asked: by place, from the end, and all of them."""
    booked = Booked()
    taken = booked.taken("a", (REQUESTS, 1), (MONEY, 10))
    assert taken.states[-1].reserved == 10
    assert [state.left for state in taken.states] == [9, 90]
    assert len(taken.states) == 2
    assert taken.states[:1] == [taken.states[0]]
    booked.take("b", (REQUESTS, 1))
    assert taken.states[0].left == 8


def test_more_than_a_rate_ever_gives():
    """It is told that waiting does not help."""
    booked = Booked()
    taken = booked.taken("a", (REQUESTS, 11))
    assert (taken.refused, taken.states[0].retry) == (0, inf)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["take", "settle", "again", "wait", "top up"]),
            st.integers(0, 5),
            st.integers(0, 40),
            st.integers(0, 60),
        ),
        max_size=60,
    )
)
def test_nothing_is_lost_or_doubled(steps):
    """Whatever comes in whatever order, a budget's counters are those of a plain sum over the requests, and a place is taken by
    whoever runs and nobody else.
    """
    booked = Booked()
    running: dict[str, int] = {}
    spent = 0
    for what, who, amount, actual in steps:
        hold = f"h{who}"
        if what == "take" and hold not in running:
            fits = amount + spent + sum(running.values()) <= 100 and len(running) < 3
            fits = fits and spent + sum(running.values()) < 100
            name = f"{hold}-{booked.clock.monotonic()}"
            booked.clock.advance(0.01)
            assert booked.take(name, (PLACES, 1), (MONEY, amount)) is fits
            if fits:
                running[hold] = amount
                setattr(booked, hold, name)
        elif what == "top up" and hold in running:
            fits = amount + spent + sum(running.values()) <= 100 and spent + sum(running.values()) < 100
            if booked.take(getattr(booked, hold), (MONEY, amount)):
                assert fits
                running[hold] += amount
            else:
                assert not fits
        elif what in ("settle", "again") and hasattr(booked, hold):
            booked.settle(getattr(booked, hold), (PLACES, 1), (MONEY, actual))
            if running.pop(hold, None) is not None:
                spent += actual
        else:
            booked.clock.advance(0.001)
        state = booked.book.state(MONEY)
        assert (state.settled, state.reserved) == (spent, sum(running.values()))
        assert booked.book.state(PLACES).settled == len(running)


def test_what_others_spent_is_of_its_own_period() -> None:
    """It is put to what is counted here; what is told of yesterday after midnight is not, and today's begins at nothing."""
    clock = FakeClock(1_700_000_000.0)  # 2023-11-14 22:13:20 UTC
    book, day = MemoryBook(clock), Meter("key", "k", "cost", 100, calendar="day")
    book.take("a", [Charge(day, 10)], clock.now(), 60)
    book.settle("a", [Charge(day, 10)], clock.now())
    book.others(day.key, 40, 1, clock.now())
    book.others(day.key, 55, 2, clock.now())
    book.others(day.key, 1, 1, clock.now())
    assert book.state(day).settled == 65
    yesterday = clock.now()
    clock.advance(7200)
    book.others(day.key, 70, 3, yesterday)
    assert book.state(day).settled == 0
    book.others(day.key, 5, 4, clock.now())
    assert book.state(day).settled == 5
