"""What budgets have spent, for workers that begin: folded with the rows, in their transactions.

A budget is known from the moment that somebody first asks for it. Then it is summed from what the ledger has; from then on
every batch adds to it, whichever node ships it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

import msgspec
from sqlalchemy import Connection

from llm_gateway.control.ledger.subjects import Subject, groups_of, owners_of, subject_of
from llm_gateway.core.clock import Clock
from llm_gateway.core.ledger import LedgerRow
from llm_gateway.store import budgets, marks, spending
from llm_gateway.store.ledger import Changes

MOST = 200_000
"""Budgets that are folded. What is asked for beyond that is summed each time."""


class Asked(msgspec.Struct, frozen=True, array_like=True):
    """A worker wants to know of one. `since`: from when on it counts by itself what its own requests spend, Unix milliseconds."""

    key: str
    scope: str
    name: str
    calendar: str
    timezone: str
    since: int


class Told(msgspec.Struct, frozen=True, array_like=True):
    """`spent`: by everybody, in the period of now. `others`: the same without what the worker counts by itself."""

    spent: int
    others: int
    version: int


class _Known(msgspec.Struct, frozen=True):
    """What is folded, as of the marks."""

    budgets: int = -1
    keys: int = -1
    groups: Mapping[str, tuple[Subject, ...]] = MappingProxyType({})
    texts: Mapping[str, int] = MappingProxyType({})
    """With the first period that is folded: what comes later than that and belongs before it is nobody's limit any more."""
    owners: Mapping[str, str] = MappingProxyType({})
    owned: Mapping[str, tuple[str, ...]] = MappingProxyType({})


class Budgets:
    """One per process that folds. Its methods run in transactions; what it remembers it compares with the store each time."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._known = _Known()

    def fold(self, connection: Connection, changes: Changes) -> None:
        """Adds what a batch changed."""
        spending.folding(connection)
        known = self._current(connection)
        if not known.groups:
            return
        sums: dict[tuple[str, int], int] = {}
        for row in changes.added:
            _count(sums, known, row, row.cost)
        for old, new in changes.replaced:
            _count(sums, known, old, -old.cost)
            _count(sums, known, new, new.cost)
        if sums:
            budgets.add(connection, sums, self._now)

    def tell(self, connection: Connection, asked: Sequence[Asked], node: str) -> list[Told]:
        """Of each what is spent, in the store; what was not known is summed and known from now on. `node`: who asks."""
        known = self._current(connection)
        now = self._now
        subjects = [Subject(one.scope, one.name, one.calendar, one.timezone, one.key) for one in asked]  # type: ignore[arg-type]
        new = [one for one in subjects if one.text not in known.texts][: max(MOST - len(known.texts), 0)]
        if new:
            spending.summing(connection)
            for subject in new:
                self._sum(connection, subject, known, now)
            marks.count(connection, spending.KNOWN)
        return [self._told(connection, subject, one, known, node, now) for subject, one in zip(subjects, asked, strict=True)]

    def differences(self, connection: Connection) -> list[tuple[str, int, int, int]]:
        """Meter, period, what is noted, what the rows say: where they are not the same. Periods that the ledger no longer has as
        a whole are not looked at.
        """
        known = self._current(connection)
        found = []
        for text, period, spent, _version in spending.rows(connection):
            subject = subject_of(text)
            if subject is None:
                continue
            right = self._right(connection, subject, period, known)
            if right != spent:
                found.append((text, period, spent, right))
        return found

    def rebuild(self, connection: Connection) -> int:
        """Puts what the rows say in the place of what is noted; how many were another."""
        spending.summing(connection)
        wrong = self.differences(connection)
        for text, period, _spent, right in wrong:
            budgets.put(connection, text, period, right, self._now)
        return len(wrong)

    def _sum(self, connection: Connection, subject: Subject, known: _Known, now: int) -> None:
        period = subject.period(now)
        budgets.put(connection, subject.text, period, self._right(connection, subject, period, known), now)
        following = subject.end(period)  # another node's clock may be there already
        if following is not None and (spent := self._right(connection, subject, following, known)):
            budgets.put(connection, subject.text, following, spent, now)

    def _right(self, connection: Connection, subject: Subject, period: int, known: _Known) -> int:
        return spending.total(connection, subject.whose(known.owned), period, subject.end(period))

    def _told(self, connection: Connection, subject: Subject, asked: Asked, known: _Known, node: str, now: int) -> Told:
        period = subject.period(now)
        whose = subject.whose(known.owned)
        there = budgets.get(connection, subject.text, period)
        spent = spending.total(connection, whose, period) if there is None and subject.text not in known.texts else 0
        spent, version = (spent, 0) if there is None else (there.spent, there.version)
        own = spending.of_node(connection, whose, max(asked.since, period), node) if node else 0
        return Told(spent, max(spent - own, 0), version)

    def _current(self, connection: Connection) -> _Known:
        """What is known now: read again if anything was added."""
        numbers = marks.get(connection, spending.KNOWN), marks.changes(connection)["keys"]
        known = self._known
        if numbers[0] != known.budgets:
            texts = spending.known(connection)
            subjects = [subject for subject in map(subject_of, texts) if subject is not None]
            known = msgspec.structs.replace(known, budgets=numbers[0], groups=_grouped(subjects), texts=texts)
        if numbers[1] != known.keys:
            owners, owned = owners_of(spending.rotated(connection))
            known = msgspec.structs.replace(known, keys=numbers[1], owners=owners, owned=owned)
        self._known = known
        return known

    @property
    def _now(self) -> int:
        return int(self._clock.now() * 1000)


def _grouped(subjects: Iterable[Subject]) -> dict[str, tuple[Subject, ...]]:
    groups: dict[str, tuple[Subject, ...]] = {}
    for subject in subjects:
        groups[subject.group] = (*groups.get(subject.group, ()), subject)
    return groups


def _count(sums: dict[tuple[str, int], int], known: _Known, row: LedgerRow, cost: int) -> None:
    if not cost:
        return
    for group in groups_of(row, known.owners):
        for subject in known.groups.get(group, ()):
            period = subject.period(row.at)
            if period >= known.texts[subject.text]:
                place = subject.text, period
                sums[place] = sums.get(place, 0) + cost
