"""/admin/v1/snapshots: which configurations held, what differed between them, and going back to one.

Going back sets the objects of the API to what they were then, as one change that is checked like any other. What the file (or a
variable, or a flag) says stays as it is now: nobody but its owner writes a file. The answer tells what therefore differs still.
Who goes back must be allowed to change each object that becomes another one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
from sqlalchemy import Connection

from llm_gateway.config.schema import Config
from llm_gateway.config.schema.base import about
from llm_gateway.control.api.refusals import not_found
from llm_gateway.control.api.route import Answer, Asked, Route
from llm_gateway.control.configuring.compare import MOST, Difference, differences, fingerprinted, hidden
from llm_gateway.control.configuring.documents import shown
from llm_gateway.control.configuring.history import Cause, History, Kept, read_summary
from llm_gateway.control.configuring.kinds import KINDS
from llm_gateway.control.configuring.layer import Held, by_id
from llm_gateway.control.configuring.service import Configuring, Edit, Intent
from llm_gateway.control.objects.documents import moment
from llm_gateway.core.errors import Forbidden, InvalidRequest
from llm_gateway.store import snapshots
from llm_gateway.store.rows import SnapshotRow

ALL, ONE = "/admin/v1/snapshots", "/admin/v1/snapshots/{number}"
_LONGEST = 18
_NAMED = 5


class ListQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Newest first."""

    limit: Annotated[int, about("How many to show.", ge=1, le=100)] = 20
    before: Annotated[int, about("Only those with a smaller number: that of the last one of the page before.", ge=1)] | None = (
        None
    )


class AgainstQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What it is compared with."""

    against: Annotated[int, about("The earlier one; absent: the one before it that is kept.", ge=1)] | None = None


class Rollback(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Going back."""

    reason: Annotated[str, about("Why, for the history.", max_length=500)] = ""


class SnapshotShown(msgspec.Struct, frozen=True):
    """One of them."""

    number: int
    created_at: str
    created_by: str
    digest: str
    current: bool
    reason: str
    causes: list[Cause]
    changed: list[str]
    """The first places that were another one before."""
    counts: dict[str, int]


class SnapshotList(msgspec.Struct, frozen=True):
    """A page, newest first."""

    data: list[SnapshotShown]
    has_more: bool


class SnapshotWhole(SnapshotShown, frozen=True):
    """With what held: secrets are `***`."""

    config: dict[str, Any]
    objects: list[dict[str, Any]]


class SnapshotDifferences(msgspec.Struct, frozen=True):
    """What differs; `more` differences are not listed."""

    before: int
    after: int
    differences: list[Difference]
    more: int


class RolledBack(msgspec.Struct, frozen=True):
    """What going back did, and what it could not."""

    to: int
    changed: list[str]
    not_changed: list[Difference]
    """What differs still from what held then: `before` is then, `after` is now."""
    note: str


class Snapshots:
    """The resource."""

    def __init__(self, configuring: Configuring, history: History) -> None:
        self._configuring = configuring
        self._history = history

    def routes(self) -> tuple[Route, ...]:
        """All of them."""
        tag = "snapshots"
        more = (
            "Objects of the API are set to what they were; your role must be allowed to change each. What the file defines"
            " stays; the answer says what differs."
        )
        return (
            Route("GET", ALL, "snapshots:read", "List snapshots", self.all, query=ListQuery, answer=SnapshotList, tag=tag),
            Route("GET", ONE, "snapshots:read", "Show a snapshot", self.show, answer=SnapshotWhole, tag=tag),
            Route("GET", f"{ONE}/diff", "snapshots:read", "Compare two snapshots", self.diff, query=AgainstQuery,
                  answer=SnapshotDifferences, tag=tag),
            Route("POST", f"{ONE}/rollback", "snapshots:write", "Go back to a snapshot", self.rollback, body=Rollback,
                  answer=RolledBack, tag=tag, about=more, example={"reason": "errors since noon"}, conflicts=(409, 422)),
        )  # fmt: skip

    async def all(self, asked: Asked) -> Answer:
        """Those that are kept."""
        limit, before = asked.query.limit, asked.query.before
        rows = await asked.read(lambda connection: snapshots.listed(connection, before=before, limit=limit + 1))
        newest = rows[0].number if rows and before is None else 0
        return Answer(SnapshotList([_shown(row, current=row.number == newest) for row in rows[:limit]], len(rows) > limit))

    async def show(self, asked: Asked) -> Answer:
        number = _number(asked.path["number"])

        def read(connection: Connection) -> tuple[SnapshotRow, Kept, int]:
            newest = snapshots.listed(connection, limit=1)
            return self._row(connection, number), self._kept(connection, number), newest[0].number if newest else 0

        row, kept, newest = await asked.read(read)
        objects = [{"kind": one.kind, "name": one.name, **shown(KINDS[one.kind], one.document)} for one in kept.objects]
        brief = msgspec.structs.asdict(_shown(row, current=row.number == newest))
        return Answer(SnapshotWhole(**brief, config=hidden(kept.config), objects=objects))

    async def diff(self, asked: Asked) -> Answer:
        """By place."""
        number, against = _number(asked.path["number"]), asked.query.against

        def read(connection: Connection) -> tuple[int, Kept, Kept]:
            after = self._kept(connection, number)
            other = against
            if other is None:
                earlier = snapshots.listed(connection, before=number, limit=1)
                if not earlier:
                    raise InvalidRequest("It is the first one that is kept: say against which one.", param="against")
                other = earlier[0].number
            return other, self._kept(connection, other), after

        other, before, after = await asked.read(read)
        found = differences(before.config, after.config)
        return Answer(SnapshotDifferences(other, number, found[:MOST], max(0, len(found) - MOST)))

    async def rollback(self, asked: Asked) -> Answer:
        """A new snapshot with the old objects."""
        number = _number(asked.path["number"])
        kept = await asked.read(lambda connection: self._kept(connection, number))
        wanted = by_id(kept.objects)
        changed: list[str] = []

        def edits(held: Held) -> list[Edit]:
            """Raises Forbidden."""
            found = [Edit(KINDS[kind], name, None) for kind, name in held if (kind, name) not in wanted]
            for ident, one in wanted.items():
                if ident not in held or held[ident].document != one.document:
                    found.append(Edit(KINDS[one.kind], one.name, one.document))
            changed[:] = [f"{edit.kind.many}/{edit.name}" for edit in found]
            _allowed(asked, found)
            return found

        _, held = await self._configuring.layer.everything()
        reason = asked.body.reason or f"back to {number}"
        if not edits(held):
            return Answer(self._back(number, kept, [], self._configuring.config))

        def answer(_held: Held) -> Answer:
            return Answer(self._back(number, kept, changed, self._configuring.checked or self._configuring.config))

        intent = Intent("snapshot.rolled_back", f"snapshots/{number}", edits, answer, reason)
        return await self._configuring.change(asked, intent)

    def _back(self, number: int, kept: Kept, changed: list[str], config: Config) -> RolledBack:
        left = differences(kept.config, fingerprinted(config, self._history.fingerprints))
        note = "Everything is as it was."
        if left:
            note = "Objects of the API are as they were. What differs still stands in the file, in variables or in flags."
        return RolledBack(number, list(changed), left[:MOST], note)

    def _row(self, connection: Connection, number: int) -> SnapshotRow:
        row = snapshots.get(connection, number)
        if row is None:
            raise not_found("snapshot")
        return row

    def _kept(self, connection: Connection, number: int) -> Kept:
        kept = self._history.read(connection, number)
        if kept is None:
            raise not_found("snapshot")
        return kept


def _allowed(asked: Asked, edits: Sequence[Edit]) -> None:
    """Going back changes each object that becomes another one. Raises Forbidden, which names those that he may not change."""
    missing = {f"{edit.kind.permission}:write" for edit in edits if not asked.may(f"{edit.kind.permission}:write")}
    if not missing:
        return
    names = [f"{edit.kind.many}/{edit.name}" for edit in edits if f"{edit.kind.permission}:write" in missing]
    shown = ", ".join(names[:_NAMED]) + (f" and {len(names) - _NAMED} more" if len(names) > _NAMED else "")
    raise Forbidden(
        f"Going back would change {shown}, for which {' and '.join(sorted(missing))} is needed. Nothing was changed.",
        code="insufficient_permissions",
        details={"permissions": sorted(missing), "would_change": names[:MOST]},
    )


def _shown(row: SnapshotRow, *, current: bool) -> SnapshotShown:
    summary = read_summary(row.summary)
    return SnapshotShown(
        row.number,
        moment(row.created_at) or "",
        row.created_by,
        row.digest,
        current,
        summary.reason,
        list(summary.causes),
        list(summary.changed),
        summary.counts,
    )


def _number(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or len(text) > _LONGEST:
        raise not_found("snapshot")
    return int(text)
