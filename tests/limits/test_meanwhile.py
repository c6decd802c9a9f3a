"""What was allowed without Redis, summed up."""

from __future__ import annotations

from llm_gateway.limits import meanwhile
from llm_gateway.limits.meanwhile import Meanwhile
from llm_gateway.limits.meter import Meter
from llm_gateway.limits.redis_counters import Counter

BUDGET = Counter(Meter("tenant", "t", "cost", 1000, calendar="total"), "p:", 0.0)
RATE = Counter(Meter("key", "k", "requests", 60, 60.0), "p:", 0.0)


def test_money_adds_up_and_rates_come_back() -> None:
    """After ten minutes a budget is told all of it, a rate only what is not back by then; everything once."""
    sums = Meanwhile()
    for second in range(600):
        sums.add(BUDGET, BUDGET.key, 5, float(second), 2)
        sums.add(RATE, RATE.key, 1, float(second), 2)
    told = {one.counter.kind: one.amount for one in sums.drain(600.0, 2)}
    assert told["b"] == 3000
    assert told["r"] == 300  # one came each second, half of one went back to this worker
    assert list(sums.drain(600.0, 2)) == []


def test_bounded(monkeypatch) -> None:
    """Rates that are back make room; what finds none is counted."""
    monkeypatch.setattr(meanwhile, "MOST", 2)
    sums = Meanwhile()
    sums.add(RATE, b"a", 1, 0.0, 1)
    sums.add(RATE, b"b", 1, 0.0, 1)
    sums.add(RATE, b"c", 1, 10.0, 1)
    assert [one.key for one in sums.drain(10.0, 1)] == [b"c"]
    assert sums.lost == 1
