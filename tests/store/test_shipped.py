"""How far each log was brought into the ledger."""

from __future__ import annotations

from llm_gateway.core.ledger import LedgerRow
from llm_gateway.store import ledger, shipped
from llm_gateway.store.rows import Position


def test_a_position_is_the_last_that_was_reached(store):
    """Each log has its own; a log that is gone has none."""
    assert store.read(lambda c: shipped.position(c, "node/0")) is None
    store.write(lambda c: shipped.reached(c, "node/0", Position(1, 500), 5))
    store.write(lambda c: shipped.reached(c, "node/0", Position(2, 64), 6))
    store.write(lambda c: shipped.reached(c, "node/1", Position(1, 64), 6))
    assert store.read(lambda c: shipped.position(c, "node/0")) == Position(2, 64)
    assert store.read(shipped.positions) == {"node/0": Position(2, 64), "node/1": Position(1, 64)}
    store.write(lambda c: shipped.forget(c, "node/0"))
    assert store.read(lambda c: shipped.position(c, "node/0")) is None


def test_rows_and_position_come_together(store):
    """A transaction that fails leaves both as they were: nothing is skipped, and what comes again is there once."""

    def ship(connection, fail):
        ledger.put(connection, [LedgerRow(id="01", at=1)])
        shipped.reached(connection, "node/0", Position(1, 900), 5)
        if fail:
            raise RuntimeError

    for fail in (True, False, False):
        try:
            store.write(lambda c, fail=fail: ship(c, fail))
        except RuntimeError:
            assert store.read(lambda c: shipped.position(c, "node/0")) is None
            assert store.read(lambda c: ledger.get(c, "01")) is None
    assert store.read(lambda c: shipped.position(c, "node/0")) == Position(1, 900)
