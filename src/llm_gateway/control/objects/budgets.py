"""/admin/v1/budgets: every budget that is defined, and what the ledger says has been spent of it.

What requests that run have reserved is not in it: workers count that by themselves.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Annotated, Any

import msgspec
from sqlalchemy import Connection

from llm_gateway.config.schema import Allowance, Budget
from llm_gateway.config.schema.base import about
from llm_gateway.control.api.paging import fields, listed
from llm_gateway.control.api.route import Answer, Asked, Many, PageQuery, Route
from llm_gateway.control.ledger.queries import dollars, moment
from llm_gateway.control.ledger.subjects import Subject, owners_of
from llm_gateway.control.objects.documents import parsed
from llm_gateway.control.objects.roster import Roster
from llm_gateway.core.caller import Spending
from llm_gateway.identity.rows import Grant
from llm_gateway.limits.compile import EVERYONE, meters_of
from llm_gateway.limits.meter import Meter
from llm_gateway.store import budgets, keys, spending

ALL = "/admin/v1/budgets"
_NOTHING = Allowance()


class BudgetShown(msgspec.Struct, frozen=True, kw_only=True):
    """One budget, in its period of now."""

    id: str
    scope: Annotated[str, about("everyone, tag, tenant, project or key.")]
    name: Annotated[str, about("Whose it is: a tenant, `tenant/project`, a key's id, a tag.")]
    amount: Annotated[str, about("Dollars.")]
    period: str
    timezone: str
    hard: Annotated[bool, about("Whether requests are refused when it is used up.")]
    spent: Annotated[str, about("Dollars, of all requests that are in the ledger.")]
    left: Annotated[str, about("Dollars; less than 0 where it was exceeded.")]
    used: Annotated[float, about("1.0 is all of it.")]
    since: Annotated[str, about("When the period began; absent: it never begins anew.")] | None = None
    resets_at: Annotated[str, about("When it begins anew.")] | None = None


class BudgetsShown:
    """The resource."""

    def __init__(self, roster: Roster) -> None:
        self._roster = roster

    def routes(self) -> tuple[Route, ...]:
        """The one there is: budgets are parts of what they belong to."""
        filters = fields(scope="text", name="text", period="text", hard="flag", used="number")
        return (
            Route(
                "GET",
                ALL,
                "budgets:read",
                "List budgets and what is spent of them",
                self.list,
                query=PageQuery,
                filters=filters,
                answer=Many(BudgetShown),
                tag="usage",
                about="Budgets are set where they belong: at tenants, projects, keys, and in limits.",
            ),
        )

    async def list(self, asked: Asked) -> Answer:
        """Those that who asks may see."""

        def read(connection: Connection) -> list[dict[str, Any]]:
            _, owned = owners_of(spending.rotated(connection))
            meters = self._meters(asked.only, keys.with_budgets(connection, tenant=asked.only))
            return [_view(connection, meter, owned, asked.now) for meter in meters]

        return listed(await asked.read(read), asked, "id")

    def _meters(self, only: str | None, stored: Iterable[tuple[str, str]]) -> Iterator[Meter]:
        """`stored`: owners and documents of keys."""
        for entry in (*self._of_scopes(only), *self._of_keys(only, stored)):
            yield from (meter for meter in meters_of((entry,)) if meter.calendar is not None)

    def _of_scopes(self, only: str | None) -> Iterator[Spending]:
        config, stored = self._roster.config, self._roster.stored
        if only is None:
            yield _entry("everyone", EVERYONE, config.limits.everyone.budgets)
            for tag, section in config.limits.tags.items():
                yield _entry("tag", tag, section.budgets)
        for name, tenant in {**stored.tenants, **config.tenants}.items():
            if only in (None, name):
                yield _entry("tenant", name, tenant.budgets)
                for project, one in tenant.projects.items():
                    yield _entry("project", f"{name}/{project}", one.budgets)
        for (name, project), one in stored.projects.items():
            if only in (None, name) and project not in (config.tenants[name].projects if name in config.tenants else ()):
                yield _entry("project", f"{name}/{project}", one.budgets)

    def _of_keys(self, only: str | None, stored: Iterable[tuple[str, str]]) -> Iterator[Spending]:
        for key in self._roster.config.auth.keys:
            if only in (None, key.tenant):
                yield _entry("key", key.name, key.budgets)
        for owner, document in stored:
            yield _entry("key", owner, parsed(document, Grant).budgets)


def _entry(scope: str, name: str, said: tuple[Budget, ...]) -> Spending:
    return Spending(scope, name, _NOTHING, said)


def _view(connection: Connection, meter: Meter, owned: dict[str, tuple[str, ...]], now: int) -> dict[str, Any]:
    assert meter.calendar is not None  # noqa: S101 - the caller looked
    subject = Subject(meter.scope, meter.name, meter.calendar, meter.timezone, meter.key)
    period = subject.period(now)
    known = budgets.get(connection, subject.text, period)
    spent = spending.total(connection, subject.whose(owned), period) if known is None else known.spent
    ends = subject.end(period) if period else None
    return {
        "id": subject.text,
        "scope": meter.scope,
        "name": "" if meter.name == EVERYONE else meter.name,
        "amount": dollars(meter.most),
        "period": meter.calendar,
        "timezone": meter.timezone,
        "hard": meter.hard,
        "spent": dollars(spent),
        "left": dollars(meter.most - spent),
        "used": round(spent / meter.most, 6),
        "since": moment(period) if period else None,
        "resets_at": None if ends is None else moment(ends),
    }
