"""What a session holds of limits: its parts are settled as they come, and the next one has to fit."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from limits.session_support import Session
from limits_support import CENT, Limited, budget, caller
from llm_gateway.config.schema import Allowance, Rate
from llm_gateway.core.caller import EndUser
from llm_gateway.core.errors import Forbidden, GatewayError
from llm_gateway.limits.meter import Meter

NOON = 1_699_963_200.0
"""2023-11-14T12:00:00Z."""
COIN = CENT / 1e9


def limited(**more: Any) -> Limited:
    return Limited(now=NOON, **more)


def test_a_part_is_spent_at_once_and_another_is_reserved() -> None:
    """Everybody else sees both; at the end the reservation is free again, and nothing is counted twice."""
    session = Session(limited(), caller(None, budget(1)))
    assert session.state().settled == 0
    session.told(2 * CENT)
    session.told(CENT)
    assert session.state()[:3] == (100 * CENT - 5 * CENT, 3 * CENT, 2 * CENT)
    session.end()
    session.end()
    assert (session.state().settled, session.state().reserved) == (3 * CENT, 0)
    assert session.limited.book.holding == 0
    assert session.ended == []


def test_a_hard_budget_ends_it() -> None:
    """When another part like the largest so far does not fit: which budget that is, and when it begins anew, is said in words."""
    session = Session(limited(), caller(None, budget(0.05)))
    for _ in range(4):
        session.told()
        assert session.ended == []
    session.told()
    (error,) = session.ended
    assert (error.status, error.code, error.type) == (402, "budget_exceeded", "insufficient_quota")
    assert error.message == (
        "The budget of this API key for this month is used up: 0.05 of 0.05 US dollars."
        " It begins anew at 2023-12-01T00:00:00Z. The session is ended."
    )
    assert error.details is not None
    assert (error.details["limit_name"], error.details["settled"]) == ("budget_per_month", 0.05)
    session.end()
    assert (session.state().settled, session.state().reserved) == (5 * CENT, 0)
    assert session.limited.limiter.refused == {("key", "cost"): 1}


def test_it_ends_before_a_budget_is_overspent() -> None:
    """What is left and too little for one more is told as such; what other requests hold, too."""
    session = Session(limited(), caller(None, budget(0.025, period="day")))
    session.told()
    session.told()
    (error,) = session.ended
    assert "for this day has 0.005 US dollars left, and the next answer may cost 0.01. It begins anew at" in error.message
    assert (error.code, session.state().settled) == ("budget_exceeded", 2 * CENT)

    who = caller(None, budget(0.06, period="total"))
    first, second = Session(both := limited(), who), Session(both, who)
    first.told(2 * CENT)
    second.told(CENT)
    assert [error.code for error in (*first.ended, *second.ended)] == []
    second.told(CENT)
    (error,) = second.ended
    assert (error.status, error.code) == (429, "budget_reserved")
    assert "1970" not in error.message


def test_answers_that_are_made_at_once() -> None:
    """For each of them as much is reserved as for one; who begins more than there is money for is ended before they are told."""
    session = Session(limited(), caller(None, budget(0.07)))
    begun = session.hold.begun
    session.told()
    assert session.state().reserved == CENT
    begun(session.limited.limiter, 2)
    begun(session.limited.limiter, 4)
    begun(session.limited.limiter, 3)
    assert session.state().reserved == 4 * CENT
    session.told(running=2)
    assert session.state()[1:3] == (2 * CENT, 2 * CENT)
    begun(session.limited.limiter, 5)
    assert (session.state().left, session.ended) == (0, [])
    begun(session.limited.limiter, 6)
    assert [error.code for error in session.ended] == ["budget_reserved"]
    session.end()
    assert session.state()[1:3] == (2 * CENT, 0)


def test_answers_that_are_made_at_once_where_nothing_is_spent() -> None:
    """Without a budget there is nothing to reserve."""
    session = Session(limited(), caller(Allowance(tokens=Rate(minute=100_000))))
    session.told(tokens=10)
    before = session.state().left
    session.hold.begun(session.limited.limiter, 9)
    assert session.state().left == before


def test_a_soft_budget_warns_only() -> None:
    """It is overspent, and its alerts are sent, each once."""
    session = Session(limited(), caller(None, budget(0.02, hard=False)))
    for _ in range(5):
        session.told()
    session.end()
    assert session.ended == []
    assert session.state().settled == 5 * CENT
    assert [alert.percent for alert in session.limited.alerts] == [50, 80, 100]


def test_tokens_are_limited_too() -> None:
    """A rate ends it when it is used up, and not because of what may come: that comes back by itself."""
    session = Session(limited(), caller(Allowance(tokens=Rate(minute=6000))))
    session.told(tokens=5000)
    assert session.ended == []
    session.limited.clock.advance(20.0)
    session.told(tokens=2900)
    assert session.ended == []
    session.told(tokens=500)
    (error,) = session.ended
    assert (error.status, error.code) == (429, "rate_limit_exceeded")
    assert error.message.startswith("The limit of this API key of 6000 tokens per minute is reached. Try again in ")
    assert error.retry_after is not None


def test_it_keeps_its_place() -> None:
    """Between its parts as well; one request it was, and one place is free when it is over."""
    one = limited()
    who = caller(Allowance(concurrent=1, requests=Rate(minute=5)))
    session = Session(one, who)
    for _ in range(3):
        session.told()
        assert one.refused(who).details["limit_name"] == "concurrent_requests"  # type: ignore[index]
    assert session.ended == []
    session.end()
    ex = one.hold(who)
    assert [state.left for state in ex.hold.states] == [0, 3]


def test_a_long_silence_lets_go_of_nothing() -> None:
    """What is held is held anew while the session runs, which a lease would end otherwise."""
    one = limited()
    who = caller(Allowance(concurrent=1), budget(1))
    session = Session(one, who)
    session.told()
    for _ in range(100):
        one.clock.advance(60.0)
        session.hold.renew(one.limiter, one.clock.monotonic())
    assert session.state().reserved == CENT
    assert one.refused(who).status == 429
    one.clock.advance(901.0)
    one.hold(who)


def test_a_transcription_says_nothing_of_the_next_answer() -> None:
    """What a caller said is written down for little: as much as before is reserved for the answer."""
    session = Session(limited(), caller(None, budget(1)))
    expected = session.state().reserved
    session.told(5, answer=False)
    assert session.state()[1:3] == (5, expected)
    session.told(7)
    assert session.state()[1:3] == (12, 7)


def test_a_part_counts_in_the_period_in_which_it_was_told() -> None:
    """A session over midnight can neither use up yesterday's money nor go around today's."""
    session = Session(limited(), caller(None, budget(0.03, period="day")))
    session.told()
    session.told()
    session.limited.clock.advance(12 * 3600.0)
    session.told()
    assert session.ended == []
    assert session.state().settled == 0
    session.told()
    session.told()
    assert (session.ended, session.state().settled) == ([], 2 * CENT)
    session.told()
    assert [error.code for error in session.ended] == ["budget_exceeded"]


def test_limits_are_those_of_the_moment() -> None:
    """A budget that somebody is given holds for the sessions that run; one without any is not in their way."""
    session = Session(limited(), caller())
    session.told()
    assert session.ex.hold is None
    session.ex.caller = caller(None, budget(0.02))
    session.told()
    assert session.state()[1:3] == (CENT, CENT)
    session.told()
    assert [error.code for error in session.ended] == ["budget_exceeded"]


def test_an_end_user_that_is_blocked_meanwhile() -> None:
    """Who is not known to be good any more is let go, as before a request."""
    session = Session(limited(), caller())
    users = SimpleNamespace(user=lambda _tenant, _name: EndUser(True, None, None, Allowance()))
    session.ex.caller = caller(None, budget(1), user="ada", users=users)
    with pytest.raises(Forbidden) as caught:
        session.told()
    assert caught.value.code == "user_blocked"


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3 * CENT)), max_size=60), st.integers(1, 20))
def test_parts_add_up_and_the_slack_is_one_part(told: list[tuple[int, int]], cents: int) -> None:
    """Of several sessions together: all that was told is spent, nothing is held behind them, and a hard budget is exceeded by no
    more than each one's last part was larger than those before it.
    """
    one = limited()
    who = caller(None, budget(cents * COIN, period="total"))
    sessions: dict[int, Session] = {}
    spent = slack = 0
    reserved: dict[int, int] = {}
    for number, cost in told:
        if number not in sessions:
            try:
                sessions[number] = Session(one, who)
            except GatewayError:
                continue
            reserved[number] = sessions[number].hold._first
        session = sessions[number]
        if session.ended:
            continue
        spent += cost
        slack += max(cost - reserved[number], 0)
        reserved[number] = max(cost, session.hold._largest or 0)
        session.told(cost)
    for session in sessions.values():
        session.end()
    if sessions:
        state = session.state()
        assert (state.settled, state.reserved, one.book.holding) == (spent, 0, 0)
        assert spent <= cents * CENT + slack


def test_a_meter_that_only_counts() -> None:
    """Places are kept by a counter that cannot refuse; what refuses nobody already is itself."""
    meter = Meter("key", "k", "concurrent", 1)
    assert (meter.counted.key, meter.counted.hard) == (meter.key, False)
    assert meter.counted.counted is not meter
    soft = meter.counted
    assert soft.counted is soft
