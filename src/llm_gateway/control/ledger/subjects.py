"""Which budgets a row of the ledger counts for, and when each of them begins anew."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import isinf

import msgspec

from llm_gateway.core.ledger import LedgerRow
from llm_gateway.limits.compile import EVERYONE
from llm_gateway.limits.meter import Period
from llm_gateway.limits.periods import span
from llm_gateway.store.entries import clean_text
from llm_gateway.store.spending import Whose

ALWAYS = 0
"""The period of a budget that never begins anew, in the store."""
_MARK = ":cost:"


class Subject(msgspec.Struct, frozen=True):
    """A budget, as the ledger sees it: whose, and by which calendar."""

    scope: str
    name: str
    calendar: Period
    timezone: str
    key: str
    """limits.meter.Meter.key."""

    @property
    def text(self) -> str:
        """Its name in the store. A budget whose time zone was changed is another one."""
        return f"{self.key}@{self.timezone}"

    @property
    def group(self) -> str:
        """Rows that count for it have this among their `groups_of`."""
        return f"{self.scope}:{self.name}"

    def period(self, at: int) -> int:
        """The first millisecond of the period that Unix milliseconds `at` lie in."""
        start = span(self.calendar, self.timezone, at / 1000)[0]
        return ALWAYS if isinf(start) else int(start * 1000)

    def end(self, period: int) -> int | None:
        """The first millisecond behind a period; None: it has no end."""
        end = span(self.calendar, self.timezone, period / 1000)[1]
        return None if isinf(end) else int(end * 1000)

    def whose(self, owned: Mapping[str, Sequence[str]]) -> Whose:
        """`owned`: of an owner, the ids of its keys, if there are others than its own."""
        name = clean_text(self.name)
        match self.scope:
            case "tenant":
                return Whose(tenant=name)
            case "project":
                tenant, _, project = name.partition("/")
                return Whose(tenant=tenant, project=project)
            case "key":
                return Whose(keys=_keys(name, owned))
            case "tag":
                return Whose(tag=name)
            case "user":
                owner, _, user = self.name.partition(":")
                return Whose(user=clean_text(user), owner=(owner, _keys(owner, owned)))
        return Whose()


def subject_of(text: str) -> Subject | None:
    """The way back from `Subject.text`; None: it is none of ours."""
    key, _, timezone = text.rpartition("@")
    whose, mark, calendar = key.rpartition(_MARK)
    scope, _, name = whose.partition(":")
    period = calendar.partition("#")[0]
    if not mark or not name or period not in ("day", "week", "month", "total"):
        return None
    return Subject(scope, name, period, timezone, key)  # type: ignore[arg-type]  # it is one of them


def groups_of(row: LedgerRow, owners: Mapping[str, str]) -> Iterator[str]:
    """All that a row counts for; nothing for what belongs to nobody. `owners`: of keys that came by rotation."""
    if not row.key:
        return
    owner = owners.get(row.key, row.key)
    project = f"{row.tenant}/{row.project}"
    yield f"everyone:{EVERYONE}"
    yield f"key:{owner}"
    for tag in dict.fromkeys(row.tags):
        yield f"tag:{tag}"
    if row.tenant:
        yield f"tenant:{row.tenant}"
        if row.project:
            yield f"project:{project}"
    for whose in dict.fromkeys((owner, row.tenant, project)):
        yield f"user:{whose}:{row.user}"


def owners_of(rotated: Iterable[tuple[str, str]]) -> tuple[dict[str, str], dict[str, tuple[str, ...]]]:
    """From pairs of a key and the one before it: of each key its first, and of each first all of its keys."""
    before = dict(rotated)
    owners: dict[str, str] = {}
    for ident in before:
        first, steps = ident, 0
        while first in before and steps <= len(before):
            first, steps = before[first], steps + 1
        owners[ident] = first
    owned: dict[str, tuple[str, ...]] = {}
    for ident, first in owners.items():
        owned[first] = (*owned.get(first, (first,)), ident)
    return owners, owned


def _keys(owner: str, owned: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    return tuple(owned.get(owner, (owner,)))
