"""/admin/v1/usage, /admin/v1/costs, /admin/v1/ledger, and the metrics paths of requirements E22."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import msgspec
from sqlalchemy import Connection

from llm_gateway.config.schema.base import about
from llm_gateway.config.values import Money
from llm_gateway.control.api.desk import Change, Desk
from llm_gateway.control.api.refusals import invalid, not_found
from llm_gateway.control.api.route import Answer, Asked, Route
from llm_gateway.control.audit import placed
from llm_gateway.control.ledger.budgets import Budgets
from llm_gateway.control.ledger.corrections import CannotCorrect, correct
from llm_gateway.control.ledger.queries import (
    Range,
    RowsQuery,
    UsageAnswer,
    UsageGroup,
    UsageQuery,
    as_csv,
    filter_of,
    group_of,
    groups_of,
    moment,
    row_view,
)
from llm_gateway.control.ledger.shipper import Status
from llm_gateway.core.ledger import LedgerRow
from llm_gateway.store import ledger, percentiles
from llm_gateway.store.usage import MOST_GROUPS, By
from llm_gateway.store.usage import usage as sums

USAGE, COSTS, ROWS = "/admin/v1/usage", "/admin/v1/costs", "/admin/v1/ledger"
METRICS = "/api/v1/metrics"
PERCENTILES = (50, 90, 95, 99)
_CSV = "text/csv; charset=utf-8"
_WAY = (
    "Whole days come from daily sums, which stay when single rows are deleted; the rest from the rows. As CSV, X-Total-Groups,"
    " X-Has-More and X-Incomplete say what total_groups, has_more and incomplete do."
)


class Correction(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a request really cost."""

    cost: Annotated[str, about("Dollars, such as 0.0125: of the request in all.", max_length=32)]
    reason: Annotated[str, about("Why, for the audit log.", min_length=1, max_length=500)]


class LedgerEntry(msgspec.Struct, frozen=True):
    """One request: all that the ledger has of it. Further members are those of docs/LEDGER.md."""

    id: str
    at: str
    status: str
    cost: str
    cost_nanodollars: int


class RowsAnswer(msgspec.Struct, frozen=True):
    """A page of rows."""

    data: list[LedgerEntry]
    has_more: bool
    next_cursor: str | None


class LatencyAnswer(msgspec.Struct, frozen=True):
    """Milliseconds, over all requests that were served; None: there were none."""

    requests: int
    mean_ms: float | None
    percentiles: dict[str, float | None]
    ttft_percentiles: dict[str, float | None]


class Usage:
    """The resources."""

    def __init__(self, desk: Desk, budgets: Budgets, status: Callable[[], Awaitable[Status]]) -> None:
        self._desk = desk
        self._budgets = budgets
        self._status = status

    def routes(self) -> tuple[Route, ...]:
        """All of them."""
        read, tag = "usage:read", "usage"
        return (
            Route("GET", USAGE, read, "Usage and cost", self.usage, query=UsageQuery, answer=UsageAnswer, tag=tag, about=_WAY),
            Route("GET", COSTS, read, "What things cost", self.costs, query=UsageQuery, answer=UsageAnswer, tag=tag, about=_WAY),
            Route("GET", ROWS, read, "Requests, the newest first", self.rows, query=RowsQuery, answer=RowsAnswer, tag=tag),
            Route("GET", f"{ROWS}/status", "system:read", "How far the ledger is", self.status, answer=Status, tag=tag),
            Route("GET", f"{ROWS}/{{id}}", read, "One request", self.row, answer=LedgerEntry, tag=tag),
            Route(
                "POST",
                f"{ROWS}/{{id}}/corrections",
                "ledger:write",
                "Correct what a request cost",
                self.correct,
                body=Correction,
                answer=LedgerEntry,
                status=201,
                tag=tag,
                about="A row is never changed: a correction is a row of its own, with the difference, at the time it is made.",
                example={"cost": "0.0125", "reason": "invoice of October"},
                conflicts=(422,),
            ),
            Route("GET", f"{METRICS}/cost", read, "What things cost", self.costs, query=UsageQuery, answer=UsageAnswer, tag=tag),
            Route("GET", f"{METRICS}/tokens", read, "Tokens", self.usage, query=UsageQuery, answer=UsageAnswer, tag=tag),
            Route("GET", f"{METRICS}/latency", read, "Latency", self.latency, query=Range, answer=LatencyAnswer, tag=tag),
        )

    async def usage(self, asked: Asked) -> Answer:
        """Grouped as it was asked for."""
        return await self._summed(asked, groups_of(asked.query.group_by))

    async def costs(self, asked: Asked) -> Answer:
        """By provider and model, unless it was asked for otherwise."""
        return await self._summed(asked, groups_of(asked.query.group_by or "provider,served_model"))

    async def _summed(self, asked: Asked, by: tuple[By, ...]) -> Answer:
        query: UsageQuery = asked.query
        wanted = _filter(asked)
        found = await asked.read(lambda connection: sums(connection, wanted, by, MOST_GROUPS))
        page = found.rows[query.offset : query.offset + query.limit]
        if query.format == "csv":
            flat = [_flat(group_of(row)) for row in page]
            headings = [*by, *(name for name in UsageGroup.__struct_fields__ if name != "group")]
            more = query.offset + len(page) < len(found.rows)
            told = {"X-Total-Groups": len(found.rows), "X-Has-More": more, "X-Incomplete": found.incomplete}
            headers = ((name, str(value).lower()) for name, value in told.items())
            return Answer(raw=as_csv(flat, headings).encode(), headers=(("Content-Type", _CSV), *headers))
        return Answer(
            UsageAnswer(
                [group_of(row) for row in page],
                group_of(found.total),
                len(found.rows),
                query.offset + len(page) < len(found.rows),
                found.incomplete,
                None if wanted.since is None else moment(wanted.since),
                moment(wanted.until or asked.now),
            )
        )

    async def rows(self, asked: Asked) -> Answer:
        query: RowsQuery = asked.query
        wanted = _filter(asked)
        found = await asked.read(lambda connection: ledger.listed(connection, wanted, limit=query.limit, cursor=query.cursor))
        data = [row_view(row) for row in found.rows]
        return Answer({"data": data, "has_more": found.next is not None, "next_cursor": found.next})

    async def row(self, asked: Asked) -> Answer:
        row = await asked.read(lambda connection: _row(connection, asked.path["id"]))
        if row is None:
            raise not_found("request")
        asked.mine(row.tenant, "request")
        return Answer(row_view(row))

    async def status(self, _asked: Asked) -> Answer:
        return Answer(msgspec.to_builtins(await self._status()))

    async def correct(self, asked: Asked) -> Answer:
        body: Correction = asked.body
        try:
            cost = int(Money.parse(body.cost))
        except ValueError as error:
            raise invalid([("cost", str(error))]) from None
        ident, made = asked.path["id"], self._desk.ids.ulid()

        def work(connection: Connection) -> Change:
            row = _row(connection, ident)
            if row is None:
                raise not_found("request")
            asked.mine(row.tenant, "request")
            try:
                done = correct(connection, row, cost, made, asked.now, self._budgets)
            except CannotCorrect as error:
                raise invalid([("cost", str(error))]) from None
            after: dict[str, Any] = {"correction": made, "difference_nanodollars": done.cost, "reason": body.reason}
            return Change(Answer(row_view(done), 201), "ledger.corrected", placed(row.tenant, f"ledger/{ident}"), None, after)

        return await asked.change(work)

    async def latency(self, asked: Asked) -> Answer:
        wanted = _filter(asked)
        found = await asked.read(lambda connection: percentiles.latency(connection, wanted, PERCENTILES))
        return Answer(
            LatencyAnswer(
                found.requests,
                found.mean,
                {f"p{share}": value for share, value in zip(PERCENTILES, found.latency, strict=True)},
                {f"p{share}": value for share, value in zip(PERCENTILES, found.ttft, strict=True)},
            )
        )


def _filter(asked: Asked) -> Any:
    query: Range = asked.query
    if asked.only is not None and query.tenant not in (None, asked.only):
        raise not_found("tenant")
    return filter_of(query, asked.now, asked.only)


def _row(connection: Connection, ident: str) -> LedgerRow | None:
    return ledger.get(connection, ident) if ident.isalnum() else None


def _flat(group: UsageGroup) -> dict[str, Any]:
    view: dict[str, Any] = msgspec.to_builtins(group)
    return {**view.pop("group"), **view}
