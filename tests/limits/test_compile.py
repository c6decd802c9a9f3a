"""Configuration to meters."""

from __future__ import annotations

import pytest

from limits_support import budget, rpm
from llm_gateway.config.schema import Allowance, Limiting, Rate, Spending
from llm_gateway.core.caller import EndUser
from llm_gateway.core.caller import Spending as Entry
from llm_gateway.limits import compile as made
from llm_gateway.limits.compile import instead, meters_of, source_of


def entry(limits: Allowance | None = None, *budgets, scope: str = "key", name: str = "k") -> Entry:
    return Entry(scope, name, limits or Allowance(), budgets)


def test_each_time_is_a_limit_of_its_own():
    """The burst is that of the shortest: of the hour it would make one of seconds."""
    limits = Allowance(requests=Rate(minute=60, hour=1000, day=10_000, burst=70))
    assert [(one.most, one.period, one.burst) for one in meters_of([entry(limits)])] == [
        (60, 60.0, 70),
        (1000, 3600.0, 0),
        (10_000, 86400.0, 0),
    ]
    (hourly,) = meters_of([entry(Allowance(requests=Rate(hour=100, burst=5)))])
    assert (hourly.period, hourly.burst) == (3600.0, 5)


def test_every_kind_of_limit():
    """All of an Allowance and a budget, under names that are the same in every process."""
    rate = Rate(minute=5)
    limits = Allowance(
        requests=rate, tokens=rate, fresh_tokens=rate, cached_tokens=rate, output_tokens=rate, concurrent=3, streams=2
    )
    assert [one.key for one in meters_of([entry(limits, budget(1))])] == [
        "key:k:concurrent:0",
        "key:k:streams:0",
        "key:k:requests:60",
        "key:k:tokens:60",
        "key:k:fresh_tokens:60",
        "key:k:cached_tokens:60",
        "key:k:output_tokens:60",
        "key:k:cost:month",
    ]


def test_the_smaller_of_two_limits_of_the_same_holds():
    """Two entries of one owner share a counter, so that they must not both be charged."""
    (both,) = meters_of([entry(rpm(60, 10)), entry(rpm(30, 20))])
    assert (both.most, both.burst) == (30, 10)
    assert len(meters_of([entry(rpm(60)), entry(rpm(30), scope="tenant", name="t")])) == 2


def test_every_budget_counts_by_itself():
    """A soft one beside a hard one, or another time zone: each has its own counter."""
    several = meters_of(
        [entry(None, budget(10), budget(5, hard=False), budget(7, timezone="Asia/Tokyo"), budget(1, period="day"))]
    )
    assert [one.key for one in several] == ["key:k:cost:month", "key:k:cost:month#2", "key:k:cost:month#3", "key:k:cost:day"]
    assert [one.most for one in several] == [10**10, 5 * 10**9, 7 * 10**9, 10**9]
    assert [one.hard for one in several] == [True, False, True, True]


def test_what_the_gateway_limits():
    """Everyone, tags, models and sources, as `limits` says."""
    limiting = Limiting(
        everyone=Spending(limits=rpm(100), budgets=(budget(5),)),
        sources=rpm(5),
        models={"m": rpm(7)},
        tags={"beta": Spending(limits=rpm(9))},
    )
    assert [one.key for one in made.of_everyone(limiting)] == ["everyone:*:requests:60", "everyone:*:cost:month"]
    assert [one.key for one in made.of_tag(limiting, "beta")] == ["tag:beta:requests:60"]
    assert made.of_tag(limiting, "other") == ()
    assert [one.most for one in made.of_model(limiting, "m")] == [7]
    assert [one.key for one in made.of_source(limiting, "192.0.2.1")] == ["source:192.0.2.1:requests:60"]


@pytest.mark.parametrize(
    ("peer", "source"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("/run/gateway:1.sock", "/run/gateway:1.sock"),
        ("", ""),
    ],
)
def test_whoever_has_an_address_has_its_network(peer, source):
    """IPv6 addresses are counted by networks of 64 bits; what is no address stays what it is."""
    assert source_of(peer) == source


def test_a_known_end_user_has_its_own_limits():
    """In the place of everyone's: limits, budgets or both."""
    each = [entry(rpm(5), budget(1), scope="user", name="acme")]
    nothing = Allowance()
    only_limits = meters_of(instead(each, EndUser(False, rpm(50), None, nothing), "acme"))
    assert [(one.unit, one.most) for one in only_limits] == [("cost", 10**9), ("requests", 50)]
    only_money = meters_of(instead(each, EndUser(False, None, (budget(9),), nothing), "acme"))
    assert [(one.unit, one.most) for one in only_money] == [("requests", 5), ("cost", 9 * 10**9)]
    assert meters_of(instead(each, EndUser(False, nothing, (), nothing), "acme")) == ()
