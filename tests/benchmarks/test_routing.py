"""The simulation of routing (benchmarks/routing): what strategies promise, in short runs; and that the simulation is one."""

from __future__ import annotations

from dataclasses import replace

import pytest
from benchmarks.routing.gateway import simulate
from benchmarks.routing.judge import CUT, EXTRA, NOISE, affinity, avoiding, failures, hedging, storm
from benchmarks.routing.measures import Row, mean
from benchmarks.routing.scenarios import NAMED

from llm_gateway.routing.route import Hedge

SHORT = 0.4
"""Of a scenario's time."""


def short(name: str, strategy: str, scale: float = SHORT, seeds: int = 1) -> Row:
    scenario = NAMED[name]
    several = [scenario.conversations(seed, scale) for seed in range(1, seeds + 1)]
    runs = [
        simulate(scenario.profiles, one, strategy, seed=seed, insists=scenario.insists) for seed, one in enumerate(several, 1)
    ]
    return mean(name, strategy, runs)


@pytest.mark.parametrize("name", ["prices", "prefix", "prefix-prices", "prefix-short", "limits", "recorded"])
def test_affinity_is_never_worse_than_the_better_of_sticky_and_cheapest(name: str) -> None:
    """By cost, and by the time to the first token of the one that costs less."""
    assert affinity({strategy: short(name, strategy, 1.0) for strategy in ("prefix_affinity", "sticky", "lowest_cost")}) == []


def test_prefix_reuse_is_found() -> None:
    """Between equal providers affinity reads more from caches than the rest, which is what makes it cheaper."""
    ours, sticky, blind = (short("prefix", strategy) for strategy in ("prefix_affinity", "sticky", "round_robin"))
    assert ours.cached > sticky.cached > blind.cached
    assert ours.cost < 0.95 * sticky.cost
    assert ours.cost < 0.75 * blind.cost


def test_latency_goes_around_a_brown_out() -> None:
    """One of three is ten times slower for a while: who looks at latency hardly notices."""
    rows = {strategy: short("brown-out", strategy, 1.0) for strategy in ("round_robin", "least_latency", "adaptive")}
    assert avoiding(rows) == []
    assert rows["round_robin"].p99 > 3.0


def test_hedging_cuts_the_tail_for_little_money() -> None:
    """Two of a hundred requests are ten times slower: p99 falls by 40 % at least, for 2 % of the cost at most."""
    scenario = NAMED["bimodal"]
    alone, hedged = (
        mean(
            "bimodal",
            "",
            [
                simulate(scenario.profiles, scenario.conversations(seed), "least_latency", seed=seed, hedge=hedge)
                for seed in (1, 2)
            ],
        )
        for hedge in (None, Hedge())
    )
    assert hedging(alone, hedged) == []
    assert alone.p99 > 3.0


@pytest.mark.parametrize("extra", [0.005, 0.02, 0.1])
def test_hedging_never_costs_more_than_its_share(extra: float) -> None:
    """Whoever is slow, and however many: here a fifth of the requests is, and the dearest ones are the slowest."""
    scenario = NAMED["bimodal"]
    profiles = tuple(replace(one, slow=0.2) for one in scenario.profiles)
    run = simulate(profiles, scenario.conversations(1, 0.5), "random", seed=1, hedge=Hedge(extra=extra))
    assert 0.0 < run.wasted < extra + NOISE


@pytest.mark.parametrize("strategy", ["round_robin", "prefix_affinity", "adaptive", "priority"])
def test_nobody_collapses_in_a_storm(strategy: str) -> None:
    """Everybody fails, and callers repeat what failed: providers are not asked more often than callers ask, and soon after it all
    answers come.
    """
    row = short("storm", strategy, 1.0)
    assert storm([row]) == []
    assert row.errors > 0.2


@pytest.mark.parametrize("strategy", ["round_robin", "sticky", "least_ttft"])
def test_an_outage_is_no_error(strategy: str) -> None:
    """While anybody can answer, callers get answers."""
    row = short("outage", strategy)
    assert (row.errors, row.after) == (0.0, 0.0)
    assert row.failovers > 0.0


def test_limits_keep_the_cheapest_from_drowning() -> None:
    """`max_concurrent` sends on what a provider cannot take, in the place of letting everybody wait."""
    drowned, limited = (short(name, "lowest_cost") for name in ("no-limits", "knee"))
    assert drowned.p50 > 3 * limited.p50
    assert limited.cost < short("knee", "round_robin").cost


def test_the_same_seed_is_the_same_run() -> None:
    """Every time and every draw comes from the seed and from nothing else."""
    scenario = NAMED["brown-out"]
    several = scenario.conversations(3, 0.2)
    one, other, third = (simulate(scenario.profiles, several, "adaptive", seed=seed, hedge=Hedge()) for seed in (3, 3, 4))
    assert one.outcomes == other.outcomes
    assert one.outcomes != third.outcomes


def test_what_does_not_hold_is_said() -> None:
    """The judge has a sentence for each broken promise, and none where all hold."""
    fine = Row("prefix", "sticky", 100, 0.5, 1.0, 0.0, 10.0, 0.5, 0.0, 1.0, 0.0, 0.0)
    ours = fine._replace(strategy="prefix_affinity")
    cheap = fine._replace(strategy="lowest_cost", cost=12.0)
    assert failures([fine, ours, cheap]) == []
    assert len(failures([fine, ours._replace(cost=10.2, p50=0.7, p99=1.5, errors=0.1), cheap])) == 4
    brown = fine._replace(scenario="brown-out", strategy="round_robin", p99=5.0)
    assert len(failures([brown, brown._replace(strategy="least_latency", p99=4.0, asked=2.0, after=0.1)])) == 3
    alone = fine._replace(scenario="2.0% slow", strategy="alone", p99=4.0)
    slow = alone._replace(strategy="hedged", p99=4.0 * (1 - CUT) + 0.1, cost=10.0 * (1 + EXTRA) + 0.1)
    assert len(failures([], [alone, slow])) == 2
