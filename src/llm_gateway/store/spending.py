"""What budgets have spent: summed from the ledger once, when somebody first asks, and from then on folded from what each batch
changed. Meters are known by the texts that control.ledger.subjects makes of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec
from sqlalchemy import ColumnElement, Connection, Table, and_, delete, func, or_, select, text

from llm_gateway.core.ids import NODE
from llm_gateway.store import marks
from llm_gateway.store.filters import has_tag
from llm_gateway.store.ledger import KEPT_FROM
from llm_gateway.store.rollups import DAY
from llm_gateway.store.tables import budgets_spent, keys, ledger, rollups

LOCK = 0x6C6C_6D73
"""Of PostgreSQL's advisory locks: who folds shares it, who sums anew has it alone, so that no row is missed or doubled."""
KNOWN = "budgets.known"
"""The mark that counts the meters that became known, so that every control process folds them."""


class Whose(msgspec.Struct, frozen=True):
    """Rows that count together. Exactly those that have all that is said; keys: any of them."""

    tenant: str | None = None
    project: str | None = None
    keys: tuple[str, ...] | None = None
    tag: str | None = None
    user: str | None = None
    owner: tuple[str, tuple[str, ...]] | None = None
    """For an end user: a tenant's name, `tenant/project` or a key's owner; and that owner's keys."""


def folding(connection: Connection) -> None:
    """From now until the transaction ends nobody sums anew."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock_shared(:lock)"), {"lock": LOCK})


def summing(connection: Connection) -> None:
    """From now until the transaction ends nobody folds."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})


def known(connection: Connection) -> dict[str, int]:
    """All meters that are folded, each with the first period from which on it is."""
    query = select(budgets_spent.c.meter, func.min(budgets_spent.c.period)).group_by(budgets_spent.c.meter)
    return {meter: int(period) for meter, period in connection.execute(query)}


def rows(connection: Connection) -> list[tuple[str, int, int, int]]:
    """All of them: meter, period, spent, version."""
    table = budgets_spent.c
    query = select(table.meter, table.period, table.spent, table.version).order_by(table.meter, table.period)
    return [(meter, period, spent, version) for meter, period, spent, version in connection.execute(query)]


def forget(connection: Connection, meters: Iterable[str]) -> None:
    """They are no longer folded until somebody asks again."""
    for meter in meters:
        connection.execute(delete(budgets_spent).where(budgets_spent.c.meter == meter))
    marks.count(connection, KNOWN)


def retain(connection: Connection, before: int) -> int:
    """Lets go of periods that were last changed before Unix milliseconds `before`; how many. What never begins anew is kept."""
    old = (budgets_spent.c.updated_at < before, budgets_spent.c.period > 0)
    gone = connection.execute(delete(budgets_spent).where(*old)).rowcount
    if gone:
        marks.count(connection, KNOWN)
    return gone


def total(connection: Connection, whose: Whose, since: int, until: int | None = None) -> int:
    """Nano-dollars of all rows from `since` on (Unix milliseconds): whole days from the rollups, which outlive the rows."""
    if whose.tag is not None:
        return _sum(connection, ledger, _conditions(ledger, whose), since, until)
    first = max(-(-since // DAY) * DAY, 0)
    last = None if until is None else until // DAY * DAY
    if last is not None and first >= last:
        return _sum(connection, ledger, _conditions(ledger, whose), since, until)
    found = _sum(connection, rollups, _conditions(rollups, whose), first, last)
    if since < first and first > marks.get(connection, KEPT_FROM):
        found += _sum(connection, ledger, _conditions(ledger, whose), since, first)
    if last is not None and last != until:
        found += _sum(connection, ledger, _conditions(ledger, whose), last, until)
    return found


def of_node(connection: Connection, whose: Whose, since: int, node: str) -> int:
    """The same of one process's requests alone: those whose ids it made."""
    made = func.substr(ledger.c.id, NODE[0] + 1, NODE[1]) == node
    return _sum(connection, ledger, [*_conditions(ledger, whose), made], since, None)


def rotated(connection: Connection) -> list[tuple[str, str]]:
    """Keys that came in the place of another one: id, and that one's id."""
    query = select(keys.c.id, keys.c.rotated_from).where(keys.c.rotated_from.is_not(None))
    return [(ident, before) for ident, before in connection.execute(query)]


def _sum(connection: Connection, table: Table, conditions: Sequence[ColumnElement[bool]], since: int, until: int | None) -> int:
    time = table.c.at if table is ledger else table.c.day
    where = [*conditions, time >= since]
    if until is not None:
        where.append(time < until)
    return int(connection.execute(select(func.coalesce(func.sum(table.c.cost), 0)).where(*where)).scalar_one())


def _conditions(table: Table, whose: Whose) -> list[ColumnElement[bool]]:
    made: list[ColumnElement[bool]] = [table.c.key != ""]  # what belongs to nobody, mirrored requests, is charged to nobody
    if whose.tenant is not None:
        made.append(table.c.tenant == whose.tenant)
    if whose.project is not None:
        made.append(table.c.project == whose.project)
    if whose.keys is not None:
        made.append(table.c.key.in_(whose.keys))
    if whose.tag is not None:
        made.append(has_tag(whose.tag))
    if whose.user is not None:
        made.append(table.c.end_user == whose.user)
    if whose.owner is not None:
        name, owned = whose.owner
        tenant, _, project = name.partition("/")
        below = and_(table.c.tenant == tenant, table.c.project == project) if project else table.c.tenant == tenant
        made.append(or_(table.c.key.in_(owned), below))
    return made
