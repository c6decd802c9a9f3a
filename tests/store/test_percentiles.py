"""How long requests took."""

from __future__ import annotations

from llm_gateway.core.ledger import LedgerRow
from llm_gateway.store import ledger, percentiles
from llm_gateway.store.connect import Store
from llm_gateway.store.filters import Filter


def test_percentiles_are_of_requests_that_were_served(store: Store) -> None:
    """Nearest rank; first tokens only of those that have one; nothing at all where there is nothing."""
    rows = [
        LedgerRow(f"{n:03d}", n, provider="p", latency_ms=float(n), ttft_ms=float(n) if n <= 10 else 0.0) for n in range(1, 101)
    ]
    refused = LedgerRow("x", 1, status="refused", latency_ms=9999.0)
    store.write(lambda connection: ledger.put(connection, [*rows, refused]))
    found = store.read(lambda c: percentiles.latency(c, Filter(), (50, 95, 99, 100)))
    assert (found.requests, found.mean, found.latency, found.ttft) == (
        100,
        50.5,
        (50.0, 95.0, 99.0, 100.0),
        (5.0, 10.0, 10.0, 10.0),
    )
    none = store.read(lambda c: percentiles.latency(c, Filter(tenant="nobody"), (50,)))
    assert (none.requests, none.mean, none.latency, none.ttft) == (0, None, (None,), (None,))
