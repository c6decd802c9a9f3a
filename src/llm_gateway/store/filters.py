"""Which rows of the ledger or of its rollups somebody wants."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import JSON, Column, ColumnElement, Connection, Table, false, func

from llm_gateway.store.entries import clean_text
from llm_gateway.store.tables import ledger


class Filter(msgspec.Struct, frozen=True):
    """All of what is given must hold; None: whatever it is. Times are Unix milliseconds, `until` is not part of the range."""

    since: int | None = None
    until: int | None = None
    tenant: str | None = None
    project: str | None = None
    key: str | None = None
    user: str | None = None
    model: str | None = None
    provider: str | None = None
    served_model: str | None = None
    status: str | None = None
    tag: str | None = None
    """In the ledger only."""
    operation: str | None = None
    """In the ledger only."""
    request_id: str | None = None
    """In the ledger only."""

    @property
    def rolled_up(self) -> bool:
        """Whether the rollups can tell, too."""
        return self.tag is None and self.operation is None and self.request_id is None


_TEXTS = ("tenant", "project", "key", "user", "model", "provider", "served_model", "status", "operation", "request_id")


def conditions(table: Table, time: Column[Any], wanted: Filter) -> list[ColumnElement[bool]]:
    """For a WHERE over `table`, whose column `time` is compared with `since` and `until`."""
    made: list[ColumnElement[bool]] = []
    if wanted.since is not None:
        made.append(time >= wanted.since)
    if wanted.until is not None:
        made.append(time < wanted.until)
    for name in _TEXTS:
        value = getattr(wanted, name)
        if value is not None:
            column = table.c.get("end_user" if name == "user" else name)
            made.append(false() if column is None else column == clean_text(value))
    if wanted.tag is not None:
        made.append(has_tag(wanted.tag) if table is ledger else false())
    return made


def has_tag(tag: str) -> ColumnElement[bool]:
    """Tags are a JSON array whose texts are written in one way, so that a text can be looked for as such.

    Whether something is left out by `replace` is the one test of that kind that both databases make in the same way.
    """
    quoted = msgspec.json.encode(clean_text(tag)).decode()
    return func.replace(ledger.c.tags, quoted, "") != ledger.c.tags


def tags_of(connection: Connection) -> Any:
    """For a join: one row for each tag of a ledger row, its text as `value`."""
    if connection.dialect.name == "postgresql":
        return func.json_array_elements_text(ledger.c.tags.cast(JSON)).table_valued("value", name="tag").lateral()
    return func.json_each(ledger.c.tags).table_valued("value", name="tag")
