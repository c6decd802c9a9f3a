"""Prices as the ledger asks for them."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.catalogue.book import Model
from llm_gateway.catalogue.format import Period, Rates, Variant
from llm_gateway.catalogue.lookup import MINE
from llm_gateway.catalogue.prices import Tariff, price
from llm_gateway.core.ledger import Priced
from llm_gateway.core.usage import BilledUsage, MediaUsage, Usage
from llm_gateway.snapshot.costs import Costs

NOW = datetime(2026, 6, 1, 12, 30, tzinfo=UTC).timestamp()
BOOK = SimpleNamespace(book=SimpleNamespace(date=date(2026, 5, 1)))


def costs(tariff: Tariff | None, source: str = "") -> Costs:
    catalogue: Any = SimpleNamespace(data=BOOK, find=lambda _at, model: Model(tariff=tariff, source=source) if model else None)
    return Costs(catalogue, "abcdef0123456789")


def test_a_plain_answer() -> None:
    """Whole nano-dollars, each class rounded by itself, and the day that the prices are of."""
    tariff = Tariff((Period(Rates(input=150_000_000, cache_read=75_000_000, output=600_000_000)),))
    found = costs(tariff)("p", "m", Usage(input=10, cache_read=1, output=3), NOW)
    assert found == Priced(1500 + 75 + 1800, "standard", (), False, "2026-05-01")


def test_the_configurations_prices() -> None:
    """Are told by the configuration that said them."""
    found = costs(Tariff((Period(Rates(input=1, output=1)),)), MINE)("p", "m", Usage(input=10), NOW)
    assert found is not None
    assert found.version == f"{MINE}:abcdef012345"


def test_no_prices() -> None:
    """A model without prices, and one that nobody knows."""
    assert costs(None)("p", "m", Usage(input=10), NOW) is None
    assert costs(None)("p", "", Usage(input=10), NOW) is None


def test_counts_that_cannot_be() -> None:
    """Are no cost, and no failure."""
    tariff = Tariff((Period(Rates(input=1, output=1)),))
    assert costs(tariff)("p", "m", MediaUsage(seconds=-5.0), NOW) is None


def test_prices_of_another_hour() -> None:
    """Prices that depend on the time are looked up anew each minute."""
    tariff = Tariff(
        (Period(Rates(input=2_000_000, output=0)), Period(Rates(input=1_000_000, output=0), hours=(time(12, 31), time(13))))
    )
    made = costs(tariff)
    assert [made("p", "m", Usage(input=5), NOW + 30 * step).nano for step in range(4)] == [10, 10, 5, 5]  # type: ignore[union-attr]


rates = st.none() | st.integers(0, 10**11) | st.integers(0, 10**5).map(lambda number: number * 62_500)  # as prices are: round
steps = rates | st.builds(lambda base, rate: (base, 100, rate), st.integers(0, 10**9), st.integers(0, 10**9))
tokens = st.integers(0, 10**6)


@given(
    rates=st.builds(
        Rates, input=steps, cache_read=steps, cache_write=rates, output=steps, reasoning=rates, request=st.none() | rates
    ),
    usage=st.builds(
        Usage, tokens, tokens, st.sampled_from([0, 0, 5]), st.sampled_from([0, 0, 5]), tokens, st.sampled_from([0, 0, 7])
    ),
    tier=st.sampled_from(["", "default", "flex", "batch"]),
    billed=st.booleans(),
)
def test_it_is_what_the_catalogue_says(rates: Rates, usage: Usage, tier: str, billed: bool) -> None:
    """To the nano-dollar, by whichever way, with the same words for what has no price."""
    tariff = Tariff((Period(rates),), variants=(Variant("batch", Rates(input=7_000_000, output=9_000_000)),))
    if billed:
        usage = BilledUsage(usage.input, usage.cache_read, output=usage.output, cost=5)
    found = costs(tariff)("p", "m", usage, NOW, tier)
    cost = price(tariff, usage, NOW, tier)
    assert found is not None
    assert (found.nano, found.tier, found.unpriced) == (cost.nano, cost.tier, cost.unpriced)


@pytest.mark.parametrize("usage", [MediaUsage(images=2), MediaUsage(input=5, output=7)])
def test_media(usage: MediaUsage) -> None:
    """What is not tokens goes the long way."""
    found = costs(Tariff((Period(Rates(input=1_000_000, output=2_000_000, image=40)),)))("p", "m", usage, NOW)
    assert found is not None
    assert found.nano == (80 if usage.images else 19)
