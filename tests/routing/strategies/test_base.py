"""What holds for every strategy, and how ties are broken."""

from __future__ import annotations

from math import isnan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.routing.candidate import Lineup
from llm_gateway.routing.draws import mix
from llm_gateway.routing.strategies import STRATEGIES
from llm_gateway.routing.strategies.base import spread
from routing_support import candidate_lists, candidate_of, features


@given(candidate_lists(), st.integers(1, 6), features)
def test_an_order_has_everybody_once_and_is_always_the_same(candidates, count, request):
    """Whatever the strategy and the Standings: a permutation with a score for each that is no NaN, and no hidden state."""
    lineup = Lineup(tuple(candidates[:count]))
    for strategy in STRATEGIES.values():
        order, scores = strategy.rank(lineup, request)
        assert sorted(order) == list(range(count))
        again, same = strategy.rank(Lineup(lineup.candidates), request)
        assert (list(order), scores) == (list(again), same)
        assert scores is None or (len(scores) == count and not any(map(isnan, scores)))
        for position in range(count):
            terms = strategy.terms(lineup, request, position)
            assert all(isinstance(term, float) and not isnan(term) for term in terms.values())


@pytest.mark.parametrize(("weights", "expected"), [((1, 1, 1), (0.5, 0.5)), ((1, 3, 1), (0.25, 0.75))])
def test_ties_for_the_best_are_shared_by_weight(weights, expected):
    """Those behind them keep their places."""
    lineup = Lineup(tuple(candidate_of(f"p/{n}", weight=float(weight)) for n, weight in enumerate(weights)))
    orders = [tuple(spread(lineup, [1.0, 1.0, 2.0], mix(seed))[0]) for seed in range(4000)]
    assert {order[2] for order in orders} == {2}
    assert sum(order[0] == 0 for order in orders) / 4000 == pytest.approx(expected[0], abs=0.03)
    assert spread(lineup, [3.0, 1.0, 2.0], 5)[0] == [1, 2, 0]
