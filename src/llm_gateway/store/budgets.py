"""What budgets have spent, as the ledger tells; and which alerts were sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, delete, select

from llm_gateway.store.mapping import chosen, every, one
from llm_gateway.store.marks import upsert
from llm_gateway.store.rows import Spent
from llm_gateway.store.tables import alerts, budgets_spent

_ALL = chosen(budgets_spent, Spent)
_AT_ONCE = 500
"""Meters in one statement."""
Meter = tuple[str, int]
"""A meter's key, and the first millisecond of the period."""


def add(connection: Connection, spent: Mapping[Meter, int], now: int) -> list[Spent]:
    """Adds nano-dollars, and gives what there is now. Each change raises the version: of two figures the higher one is newer.

    In the transaction that brings the ledger's rows, or else they drift apart.
    """
    table = budgets_spent
    made = []
    for (meter, period), amount in sorted(spent.items()):
        statement = upsert(connection)(table).values(meter=meter, period=period, spent=amount, version=1, updated_at=now)
        more = {"spent": table.c.spent + statement.excluded.spent, "version": table.c.version + 1, "updated_at": now}
        counted = statement.on_conflict_do_update(index_elements=["meter", "period"], set_=more)
        row = connection.execute(counted.returning(*(table.c[name] for name in Spent.__struct_fields__))).one()
        made.append(Spent(*row))
    return made


def put(connection: Connection, meter: str, period: int, spent: int, now: int) -> Spent:
    """What a rebuild found, in the place of what there was."""
    table = budgets_spent
    statement = upsert(connection)(table).values(meter=meter, period=period, spent=spent, version=1, updated_at=now)
    values = {"spent": spent, "version": table.c.version + 1, "updated_at": now}
    counted = statement.on_conflict_do_update(index_elements=["meter", "period"], set_=values)
    return Spent(*connection.execute(counted.returning(*(table.c[name] for name in Spent.__struct_fields__))).one())


def get(connection: Connection, meter: str, period: int) -> Spent | None:
    return one(connection, _ALL.where(budgets_spent.c.meter == meter, budgets_spent.c.period == period), Spent)


def several(connection: Connection, meters: Sequence[Meter]) -> dict[Meter, Spent]:
    """Those of them that there are."""
    found: dict[Meter, Spent] = {}
    table = budgets_spent.c
    for start in range(0, len(meters), _AT_ONCE):
        part = meters[start : start + _AT_ONCE]
        query = _ALL.where(table.meter.in_([meter for meter, _ in part]), table.period.in_({period for _, period in part}))
        found |= {(one.meter, one.period): one for one in every(connection, query, Spent)}
    return found


def claim_alert(connection: Connection, meter: str, period: int, percent: int, now: int) -> bool:
    """Whether it is the caller's to tell: true once for each meter, period and percentage, whoever asks."""
    statement = upsert(connection)(alerts).values(meter=meter, period=period, percent=percent, at=now)
    return connection.execute(statement.on_conflict_do_nothing().returning(alerts.c.percent)).first() is not None


def told(connection: Connection, meter: str, period: int) -> list[int]:
    """Percentages that were told, ascending."""
    query = select(alerts.c.percent).where(alerts.c.meter == meter, alerts.c.period == period).order_by(alerts.c.percent)
    return list(connection.execute(query).scalars())


def retain(connection: Connection, before: int) -> None:
    """Lets go of what was last changed, and of alerts that were told, before Unix milliseconds `before`."""
    connection.execute(delete(budgets_spent).where(budgets_spent.c.updated_at < before))
    connection.execute(delete(alerts).where(alerts.c.at < before))
