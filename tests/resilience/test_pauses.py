"""Pauses: how long, when they grow, what ends them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.resilience.pauses import RULES, Cause, Pauses


def test_the_provider_says_how_long() -> None:
    """Retry-After holds, up to a bound: nobody can take a deployment away for a day with a header."""
    pauses = Pauses()
    pauses.begin("rate_limited", 100.0, 99.0, 7.0)
    assert pauses.longest() == (107.0, "rate_limited")
    pauses.begin("rate_limited", 200.0, 199.0, 86_400.0)
    assert pauses.longest() == (200.0 + RULES["rate_limited"].longest_told, "rate_limited")


def test_without_a_word_they_begin_short_and_grow() -> None:
    """1, 2, 4 ... 60 seconds, when each attempt after the pause meets the same."""
    pauses, now, lengths = Pauses(), 100.0, []
    for _ in range(8):
        pauses.begin("rate_limited", now, now - 0.01, None)
        until, _ = pauses.longest()
        lengths.append(until - now)
        now = until + 1.0
    assert lengths == [1, 2, 4, 8, 16, 32, 60, 60]


def test_many_at_once_count_once() -> None:
    """A hundred attempts under way are told 429 together: that is one piece of news, and the pause does not grow by it."""
    pauses = Pauses()
    news = [pauses.begin("rate_limited", 100.0 + i / 1000, 99.0, None) for i in range(100)]
    assert news == [True] + [False] * 99
    assert pauses.longest()[0] < 101.2
    pauses.begin("rate_limited", 102.0, 101.5, None)
    assert pauses.longest()[0] == 104.0


def test_a_shorter_one_does_not_shorten() -> None:
    """The later word is the shorter one, and both may hold (peers 4d: L#40130)."""
    pauses = Pauses()
    pauses.begin("rate_limited", 100.0, 99.0, 30.0)
    pauses.begin("rate_limited", 101.0, 99.0, 2.0)
    assert pauses.longest() == (130.0, "rate_limited")


def test_causes_stand_beside_each_other() -> None:
    """The end of one leaves the other."""
    pauses = Pauses()
    pauses.begin("rate_limited", 100.0, 99.0, 4.0)
    pauses.begin("quota", 100.0, 99.0, None)
    assert pauses.longest() == (105.0, "quota")
    assert pauses.end(["quota", "tls"])
    assert pauses.longest() == (104.0, "rate_limited")
    assert not pauses.end(["quota"])


def test_success_ends_what_it_disproves() -> None:
    """An attempt started after the pause began shows that there is no reason for it any more; an older one shows nothing."""
    pauses = Pauses()
    pauses.begin("quota", 100.0, 99.0, None)
    assert not pauses.disproved(99.5)
    assert pauses.longest()[1] == "quota"
    assert pauses.disproved(100.5)
    assert pauses.longest() == (0.0, "")
    pauses.begin("quota", 200.0, 199.0, None)
    assert pauses.longest() == (205.0, "quota")  # and it begins short again


@given(
    st.lists(
        st.tuples(
            st.sampled_from(list(RULES)), st.floats(0, 100), st.floats(0, 50), st.none() | st.floats(0, allow_infinity=True)
        )
    )
)
def test_never_for_ever(steps: list[tuple[Cause, float, float, float | None]]) -> None:
    """Whatever is said and however often: the end is a number, never beyond the longest that the rules allow, and never sooner
    than it was.
    """
    pauses, now, before = Pauses(), 0.0, 0.0
    for cause, gap, ago, told in steps:
        now += gap
        pauses.begin(cause, now, now - ago, told)
        until, _ = pauses.longest()
        assert before <= until <= now + 3600.0
        before = until
