"""Prompt-cache affinity as a price."""

from __future__ import annotations

import random
from math import inf

import pytest

from llm_gateway.routing.candidate import Lineup
from llm_gateway.routing.draws import mix
from llm_gateway.routing.prefix import PrefixIndex
from llm_gateway.routing.strategies.affinity import prices_of, waits_of
from routing_support import AT, candidate_of, features_of, firsts, ranked

PRICE = (2_000, 200, 8_000)


def equals(count=3, **standing):
    return [candidate_of(f"p{number}/m", {"ttft": 1.0, "latency_at": AT, **standing}, rates=PRICE) for number in range(count)]


def test_where_it_is_cached_it_is_cheaper():
    """Of equals, the one that holds the prompt."""
    for holder in ("p0/m", "p1/m", "p2/m"):
        assert ranked("prefix_affinity", equals(), tokens=5000, cached={holder: 4000}, prefix=(1, 2))[0] == holder


def test_affinity_is_no_pin():
    """A cache is not worth more than it saves: at a provider of a fifth of the price it does not matter."""
    cheap = candidate_of("cheap/m", {"ttft": 1.0}, rates=(300, 300, 1_000))
    order = ranked("prefix_affinity", [*equals(), cheap], tokens=5000, output=100, cached={"p0/m": 1000}, prefix=(1,), again=0.0)
    assert order == ["cheap/m", "p0/m", *order[2:]]


def test_equal_beginnings_meet():
    """Before anybody has cached them: the beginning of the prompt decides, whatever the session or the seed."""
    assert len(firsts("prefix_affinity", equals(), 100, tokens=5000, prefix=(77, 78))) == 1
    assert len({ranked("prefix_affinity", equals(), tokens=5000, prefix=(mix(n),))[0] for n in range(50)}) == 3
    assert len({ranked("prefix_affinity", equals(), tokens=100, session=f"s{n}")[0] for n in range(50)}) == 3


def test_a_prompt_that_comes_again_is_worth_an_investment():
    """A dear provider with a cheap cache is chosen when many turns are expected, and not when none is."""
    plain = candidate_of("plain/m", {"ttft": 1.0}, rates=(2_000, 2_000, 8_000))
    caching = candidate_of("caching/m", {"ttft": 1.0}, rates=(2_500, 250, 8_000))
    asked = {"tokens": 50_000, "output": 100, "prefix": (1, 2, 3)}
    assert ranked("prefix_affinity", [plain, caching], again=0.0, **asked)[0] == "plain/m"
    assert ranked("prefix_affinity", [plain, caching], again=5.0, **asked)[0] == "caching/m"
    assert ranked("prefix_affinity", [plain, caching], again=5.0, held={"caching/m": 0.0}, **asked)[0] == "plain/m"


def test_without_prices_time_decides():
    """Own hardware has no price by the token: what is cached answers sooner, and who is overloaded later."""
    candidates = [candidate_of(f"p{number}/m", {"ttft": 1.0, "latency_at": AT}) for number in range(2)]
    asked = {"tokens": 5000, "cached": {"p1/m": 4000}, "prefix": (1,)}
    assert ranked("prefix_affinity", candidates, **asked)[0] == "p1/m"
    candidates[1].standing.running = 40
    assert ranked("prefix_affinity", candidates, **asked)[0] == "p1/m"
    candidates[1].standing.running = 400
    lineup, features = Lineup(tuple(candidates)), features_of(**asked)
    assert waits_of(lineup, features)[1] == pytest.approx(0.36 * 400 / (1.25 * 401 / 2))
    slow = [candidate_of("p0/m", {"ttft": 0.2, "latency_at": AT}), candidate_of("p1/m", {"ttft": 1.0, "latency_at": AT})]
    assert ranked("prefix_affinity", slow, **asked)[0] == "p0/m"


def test_an_unknown_price_is_taken_for_the_highest():
    """It is neither preferred nor left out, and no number is endless."""
    lineup = Lineup((candidate_of("a/m", rates=(1, 1, 1)), candidate_of("b/m"), candidate_of("c/m", rates=(5, 5, 5))))
    prices = prices_of(lineup, features_of(tokens=100, output=10))
    assert prices == [110.0, 550.0, 550.0]
    assert inf not in prices


class World:
    """Providers with real caches, sessions that go on turn by turn, and what it all costs."""

    def __init__(self, rates, caches, turns, *, shared, seed=1):
        self.candidates = [candidate_of(f"p{n}/m", {"ttft": 1.0, "output": 200.0}, rates=one) for n, one in enumerate(rates)]
        self.caches = caches
        self.draw = random.Random(seed)
        self.requests = []
        sessions = [(number, self.draw.randrange(3)) for number in range(60)]
        left = [(session, group, 1 + self.draw.randrange(2 * turns)) for session, group in sessions]
        time = 0.0
        done = dict.fromkeys(range(60), 0)
        while left:
            place = self.draw.randrange(len(left))
            session, group, remaining = left[place]
            done[session] += 1
            blocks = [mix(group * 1000 + n) for n in range(shared)] + [
                mix(10**6 + session * 1000 + n) for n in range(done[session] * 2)
            ]
            time += self.draw.expovariate(1.0)
            self.requests.append((time, f"s{session}", tuple(blocks[:38]), 500 * len(blocks)))
            left[place : place + 1] = [(session, group, remaining - 1)] if remaining > 1 else []

    def cost(self, strategy):
        """Nano-dollars of all requests, each billed for what its provider really had cached."""
        index, total, real = PrefixIndex(), 0, {}
        names = [candidate.name for candidate in self.candidates]
        for number, (now, session, prefix, tokens) in enumerate(self.requests):
            wanted = {"tokens": tokens, "session": session, "prefix": prefix, "seed": mix(number), "turn": number}
            if strategy == "prefix_affinity":
                wanted["cached"] = index.expected(names, prefix, tokens, now)
                wanted["held"] = {name: index.held(name) for name in names}
                wanted["again"] = index.again()
            first = ranked(strategy, self.candidates, **wanted)[0]
            place = names.index(first)
            fresh, cached, out = self.candidates[place].rates
            known = sum(1 for one in prefix if now - real.get((first, one), -1e9) < 300) if self.caches[place] else 0
            read = tokens * known // len(prefix)
            total += (tokens - read) * fresh + read * cached + 200 * out
            real.update(((first, one), now) for one in prefix)
            index.seen(first, prefix, tokens, now, read=read)
        return total


@pytest.mark.parametrize("turns", [1, 3, 10])
@pytest.mark.parametrize("shared", [2, 10])
@pytest.mark.parametrize(
    ("rates", "caches"),
    [
        ([PRICE, PRICE, PRICE], [True, True, True]),
        ([(2_000, 2_000, 8_000), (2_500, 250, 8_000)], [False, True]),
        ([(2_000, 2_000, 8_000), (2_500, 250, 8_000)], [False, False]),
        ([(1_000, 500, 4_000), (3_000, 300, 12_000), (1_100, 110, 4_000)], [True, True, True]),
        ([(500, 500, 2_000), (5_000, 500, 20_000)], [False, True]),
    ],
)
def test_it_costs_no_more_than_the_better_of_sticky_and_cheapest(rates, caches, turns, shared):
    """Whatever the prices and whoever caches; what has to be learned first may cost a few percent."""
    world = World(rates, caches, turns, shared=shared)
    assert world.cost("prefix_affinity") <= 1.04 * min(world.cost("sticky"), world.cost("lowest_cost"))
