"""/admin/v1/audit: what was recorded, the newest first. `llm-gateway audit verify` says whether it is whole."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import msgspec

from llm_gateway.config.schema.base import about
from llm_gateway.control.api.route import Answer, Asked, Route
from llm_gateway.control.objects.documents import moment
from llm_gateway.core.errors import InvalidRequest
from llm_gateway.store import audit
from llm_gateway.store.paging import BadCursor, cursor_at, place_of
from llm_gateway.store.rows import AuditRow

_Moment = Annotated[datetime, about("RFC 3339.")]


class AuditQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which entries."""

    limit: Annotated[int, about("How many to show.", ge=1, le=100)] = 20
    cursor: Annotated[str, about("next_cursor of the page before.")] | None = None
    since: _Moment | None = None
    until: _Moment | None = None
    actor: Annotated[str, about("By this one: the id of a key or a person.")] | None = None
    action: Annotated[str, about("Such as key.created or auth.failed.")] | None = None
    resource: Annotated[str, about("About this, such as tenants/acme, and what is inside of it.")] | None = None


class EntryShown(msgspec.Struct, frozen=True):
    """One entry. `before` and `after` have what differs, secrets hidden."""

    node: Annotated[str, about("Whose record it stands in: each node numbers its own.")]
    seq: int
    id: str
    at: str
    actor: str
    action: str
    resource: str
    result: str
    before: Any
    after: Any
    ip: str
    user_agent: str
    request_id: str
    hash: Annotated[str, about("SHA-256 over this entry and the one before, in hexadecimal.")]


class Entries(msgspec.Struct, frozen=True):
    """A page."""

    data: list[EntryShown]
    has_more: bool
    next_cursor: str | None


class AuditEntries:
    """The resource. Who belongs to a tenant sees what is about that tenant."""

    def routes(self) -> tuple[Route, ...]:
        """All of them."""
        text = "From the store, which follows the files of the audit log within moments."
        return (
            Route(
                "GET",
                "/admin/v1/audit",
                "audit:read",
                "List the audit log",
                self.list,
                query=AuditQuery,
                answer=Entries,
                tag="audit",
                about=text,
            ),
        )

    async def list(self, asked: Asked) -> Answer:
        """The newest first."""
        query: AuditQuery = asked.query
        within = query.resource
        if asked.only is not None:
            mine = f"tenants/{asked.only}"
            if within is not None and within != mine and not within.startswith(f"{mine}/"):
                return Answer({"data": [], "has_more": False, "next_cursor": None})
            within = within or mine
        if query.cursor:
            try:
                before = place_of(query.cursor)
            except BadCursor:
                raise InvalidRequest("The cursor is not one of ours.", code="invalid_cursor", param="cursor") from None
        else:
            before = None
        rows = await asked.read(
            lambda connection: audit.listed(
                connection,
                since=_ms(query.since),
                until=_ms(query.until),
                actor=query.actor,
                action=query.action,
                within=within,
                before=before,
                limit=query.limit + 1,
            )
        )
        more = len(rows) > query.limit
        shown = rows[: query.limit]
        cursor = cursor_at(shown[-1].at, shown[-1].event_id) if more else None
        return Answer({"data": [_view(row) for row in shown], "has_more": more, "next_cursor": cursor})


def _view(row: AuditRow) -> dict[str, Any]:
    return {
        "node": row.node,
        "seq": row.seq,
        "id": row.event_id,
        "at": moment(row.at),
        "actor": row.actor,
        "action": row.action,
        "resource": row.resource,
        "result": row.result,
        "before": msgspec.json.decode(row.before) if row.before else None,
        "after": msgspec.json.decode(row.after) if row.after else None,
        "ip": row.ip,
        "user_agent": row.user_agent,
        "request_id": row.request_id,
        "hash": row.hash.hex(),
    }


def _ms(at: datetime | None) -> int | None:
    return None if at is None else int(at.timestamp() * 1000)
