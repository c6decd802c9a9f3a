"""Draws: the same everywhere, uniform, by weight, and each name by itself."""

from __future__ import annotations

from collections import Counter

import pytest

from llm_gateway.routing.draws import Salts, anchor, by_weight, mix, order_of, pair, shorts, unit

SEEDS = [mix(number) for number in range(20_000)]


def test_the_same_numbers_as_ever():
    """What was logged last year gives the same decision today: these constants are part of the format."""
    assert mix(1) == 0x5692161D100B05E5
    assert anchor("openai/gpt-4o") == 0x3E1B32F32D166705
    assert list(shorts(7, 3)[:3]) == [64423, 4765, 3908]
    assert Salts(("a", "b")).meet(12345) == (149354745, 370739123)


def test_more_numbers_begin_with_the_same_ones():
    """Asking for more numbers does not change the first of them, and they have 16 bits."""
    assert shorts(9, 100)[:32] == shorts(9, 1)
    assert len(shorts(9, 33)) >= 33
    assert 0 <= min(shorts(9, 100)) <= max(shorts(9, 100)) < 2**16


def test_a_unit_is_uniform_and_depends_on_both_of_its_numbers():
    """The mean over many seeds is a half, for each of two salts, and the two have nothing to do with each other."""
    one, two = [unit(seed, 1) for seed in SEEDS], [unit(seed, 2) for seed in SEEDS]
    assert sum(one) / len(one) == pytest.approx(0.5, abs=0.01)
    assert sum(x * y for x, y in zip(one, two, strict=True)) / len(one) == pytest.approx(0.25, abs=0.01)


@pytest.mark.parametrize("count", [2, 3, 20])
def test_a_pair_is_two_different_ones_and_all_pairs_are_as_likely(count):
    """Power of two choices draws both without preference."""
    drawn = Counter(pair(seed, count) for seed in SEEDS)
    assert all(one != other for one, other in drawn)
    assert len(drawn) == count * (count - 1)
    expected = len(SEEDS) / len(drawn)
    assert all(abs(many - expected) < 6 * expected**0.5 for many in drawn.values())


def test_drawing_by_weight_gives_everybody_its_share_of_each_place():
    """First places by weight; second places by weight among those that are left."""
    cumulative = [1.0, 4.0, 10.0]  # weights 1, 3, 6
    orders = [tuple(by_weight(seed, cumulative)) for seed in SEEDS]
    assert all(sorted(order) == [0, 1, 2] for order in orders)
    first = Counter(order[0] for order in orders)
    for position, weight in enumerate((1, 3, 6)):
        assert first[position] / len(orders) == pytest.approx(weight / 10, abs=0.015)
    behind = Counter(order[1] for order in orders if order[0] == 2)
    assert behind[1] / behind.total() == pytest.approx(0.75, abs=0.02)


@pytest.mark.parametrize("count", [1, 2, 5, 50])
def test_drawing_by_weight_orders_everybody(count):
    """However many there are, each position stands in the order once."""
    for seed in range(50):
        assert sorted(by_weight(mix(seed), [float(n + 1) for n in range(count)])) == list(range(count))


def test_names_meet_a_key_by_themselves():
    """A name's number for a key is the same whoever else is there, and different for other keys."""
    many, few = Salts(("a", "b", "c")), Salts(("c", "a"))
    assert (many.meet(77)[2], many.meet(77)[0]) == few.meet(77)
    assert many.meet(77) != many.meet(79)


def test_numbers_that_meet_are_uniform_and_independent():
    """Each of two names is the lower one for half of the keys, and the mean is the middle."""
    salts = Salts(("p/one", "p/two"))
    met = [salts.meet(seed) for seed in SEEDS]
    assert sum(one < two for one, two in met) / len(met) == pytest.approx(0.5, abs=0.015)
    assert sum(one for one, _ in met) / len(met) / 2**32 == pytest.approx(0.5, abs=0.01)


def test_equal_scores_keep_their_order():
    """Ties are broken by the place in the configuration."""
    assert order_of([2.0, 1.0, 2.0, 1.0]) == [1, 3, 0, 2]
