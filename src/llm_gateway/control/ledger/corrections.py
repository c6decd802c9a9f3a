"""What a request cost, corrected: by a row of its own. Rows are never changed."""

from __future__ import annotations

import msgspec
from sqlalchemy import Connection

from llm_gateway.control.ledger.bring import bring
from llm_gateway.control.ledger.budgets import Budgets
from llm_gateway.core.ledger import LedgerRow
from llm_gateway.core.usage import Usage
from llm_gateway.store import ledger_reading

SETTLING = 60_000
"""Milliseconds in which the outcome of a request that is marked interrupted may still come."""


class CannotCorrect(Exception):
    """The message says why."""


def correct(connection: Connection, row: LedgerRow, cost: int, ident: str, now: int, budgets: Budgets) -> LedgerRow:
    """Make `row` cost `cost` nano-dollars in all, its earlier corrections included; the row that does it. `ident`: its id.

    It counts from `now` on (Unix milliseconds): what was reported of a time that is over stays as it was. Raises CannotCorrect.
    """
    if row.status == "correction":
        raise CannotCorrect(f"it is a correction itself: correct {row.corrects}")
    if row.status == "interrupted" and now - row.at < SETTLING:
        raise CannotCorrect("its outcome may still come: its cost is an estimate so far")
    difference = cost - row.cost - ledger_reading.so_far(connection, row.id)
    if not difference:
        raise CannotCorrect("that is what it costs already")
    nothing = dict.fromkeys(Usage.__struct_fields__, 0)
    kept = {name: value for name, value in nothing.items() if name in LedgerRow.__struct_fields__ and name != "cost"}
    made = msgspec.structs.replace(
        row,
        id=ident,
        at=now,
        status="correction",
        error="",
        http_status=0,
        units={},
        cost=difference,
        cost_source="none",
        estimated=False,
        unpriced=(),
        latency_ms=0.0,
        ttft_ms=0.0,
        attempts=(),
        corrects=row.id,
        **kept,
    )
    bring(connection, [made], budgets)
    return made
