"""/admin/v1/tenants/{tenant}/content: what was asked and answered, for who may know it. Looking at it is recorded."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Annotated, Any

import msgspec

from llm_gateway.config.schema.base import about
from llm_gateway.control.api.refusals import not_found
from llm_gateway.control.api.route import Answer, Asked, Route
from llm_gateway.control.content.log import ContentLog
from llm_gateway.core.errors import Forbidden

PATH = "/admin/v1/tenants/{tenant}/content"
_Moment = Annotated[datetime, about("RFC 3339.")]


class ContentQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which records."""

    limit: Annotated[int, about("How many to show.", ge=1, le=100)] = 20
    since: _Moment | None = None
    until: Annotated[datetime, about("RFC 3339. `at` of the last one that was shown gives the next ones.")] | None = None
    request_id: Annotated[str, about("This request alone.")] | None = None
    key: Annotated[str, about("Asked with the key of this name.")] | None = None
    user: Annotated[str, about("Of the end user with this hash.")] | None = None
    model: Annotated[str, about("Asked for by this name.")] | None = None


class ContentShown(msgspec.Struct, frozen=True):
    """Records, the newest first."""

    data: Annotated[list[dict[str, Any]], about("Requests and answers, as docs/PRIVACY.md describes them.")]
    has_more: bool
    unreadable: Annotated[int, about("Records on the way that do not open: a master key is missing, or a file was changed.")]


class ContentRecords:
    """The resource."""

    def __init__(self, log: ContentLog) -> None:
        self._contents = log

    def routes(self) -> tuple[Route, ...]:
        """All of them."""
        return (
            Route(
                "GET",
                PATH,
                "content:read",
                "Show what was asked and answered",
                self.list,
                query=ContentQuery,
                answer=ContentShown,
                tag="content",
                about="Of a tenant that `telemetry.content` names, from this node. Each look at it is an entry of the audit log.",
            ),
            Route(
                "DELETE",
                PATH,
                "content:write",
                "Delete all that was kept of a tenant",
                self.forget,
                status=204,
                tag="content",
                about="Requests, answers and all, on this node. What is answered from then on is kept again.",
            ),
        )

    async def list(self, asked: Asked) -> Answer:
        """Raises NotFound for who did not agree, AuditUnavailable."""
        query: ContentQuery = asked.query
        tenant = self._agreed(asked)
        narrowed = {name: value for name in ("request_id", "key", "user", "model") if (value := getattr(query, name)) is not None}
        facts = {**narrowed, "since": _said(query.since), "until": _said(query.until), "limit": query.limit}
        await asked.record("content.read", f"tenants/{tenant}", after={name: it for name, it in facts.items() if it is not None})
        since = 0.0 if query.since is None else query.since.timestamp()
        until = asked.now / 1000 + 60 if query.until is None else query.until.timestamp()

        def wanted(record: dict[str, Any]) -> bool:
            return all(record.get(name) == value for name, value in narrowed.items())

        data, more, unreadable = await asyncio.to_thread(self._contents.found, tenant, since, until, query.limit, wanted)
        return Answer({"data": data, "has_more": more, "unreadable": unreadable})

    async def forget(self, asked: Asked) -> Answer:
        """Raises NotFound, AuditUnavailable."""
        tenant = self._agreed(asked)
        await asked.record("content.deleted", f"tenants/{tenant}")
        await self._contents.forget(tenant)
        return Answer()

    def _agreed(self, asked: Asked) -> str:
        """The tenant. Nobody who has no name is shown anything: there would be nobody to write down."""
        tenant, settings = asked.path["tenant"], self._contents.settings
        if asked.principal.id == "anonymous":
            raise Forbidden("This needs a key of kind admin, or somebody who signed in.")
        if not settings.on or tenant not in settings.tenants:
            raise not_found("content log: telemetry.content does not name this tenant")
        return tenant


def _said(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
