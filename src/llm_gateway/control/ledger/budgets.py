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
from llm_gateway.core.ids import node_of
from llm_gateway.core.ledger import LedgerRow
from llm_gateway.store import budgets, marks, spending
from llm_gateway.store.ledger import Changes
from llm_gateway.store.rows import Spent

MOST = 200_000
"""Budgets that are folded. What is asked for beyond that is summed each time."""
NODES = 16
"""Workers whose own part is kept in mind: those that asked last."""
AT_ONCE = 20
"""Own parts that one look sums from the rows, because nobody has them in mind: after this process was started anew."""
_ORDER = 24
"""Bits of a version that count the changes of one period."""


class Asked(msgspec.Struct, frozen=True, array_like=True):
    """A worker wants to know of one. `since`: from when on it counts by itself what its own requests spend, Unix milliseconds."""

    key: str
    scope: str
    name: str
    calendar: str
    timezone: str
    since: int


class Told(msgspec.Struct, frozen=True, array_like=True):
    """`spent`: by everybody, in the period of now. `others`: the same without what the worker counts by itself. `version`: grows
    with each change, and from each period to the next.
    """

    spent: int
    others: int
    version: int


class Later(msgspec.Struct, frozen=True, array_like=True):
    """What others have spent of a budget, as of `at` (Unix seconds)."""

    key: str
    others: int
    version: int
    at: float


class _Own(msgspec.Struct):
    """What one worker's requests that began at `since` or later have spent in a period, as far as that is in the store."""

    since: int
    period: int
    spent: int


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
    """One per process that folds. Its methods run in transactions; what it remembers it compares with the store each time.

    What workers of this node have spent themselves is counted with the rows that this process brings: a transaction that brings
    rows and its `brought`, `tell` and `tell_again` must not run at the same time.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._known = _Known()
        self._own: dict[str, dict[str, _Own]] = {}
        """By worker and budget."""

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
        subjects = [subject_of_asked(one) for one in asked]
        new = [one for one in subjects if one.text not in known.texts][: max(MOST - len(known.texts), 0)]
        if new:
            spending.summing(connection)
            for subject in new:
                self._sum(connection, subject, known, now)
            marks.count(connection, spending.KNOWN)
        return [self._told(connection, subject, one, known, node, now) for subject, one in zip(subjects, asked, strict=True)]

    def tell_again(self, connection: Connection, asked: Sequence[Asked], node: str) -> list[Later]:
        """Of those that are folded, what others than `node` have spent since. Changes nothing, and looks at no more than a few
        rows for each.
        """
        known, now, summed = self._current(connection), self._now, 0
        subjects = {subject_of_asked(one): one for one in asked}
        wanted = [(subject.text, subject.period(now)) for subject in subjects if subject.text in known.texts]
        there, own = budgets.several(connection, wanted), self._owned_by(node)
        found = []
        for subject, one in subjects.items():
            spent = there.get((subject.text, subject.period(now)))
            if spent is None:
                continue
            mine = own.get(subject.text)
            if mine is None or mine.since != one.since:
                summed += 1
                if summed > AT_ONCE:
                    continue
                mine = self._mine(connection, subject, one, known, node, now)
            part = mine.spent if mine.period == spent.period else 0
            found.append(Later(one.key, max(spent.spent - part, 0), _order(spent), now / 1000))
        return found

    def brought(self, changes: Changes) -> None:
        """What a transaction that brought rows has changed, now that it is in the store."""
        if self._own:
            for row in changes.added:
                self._add(row, row.cost)
            for old, new in changes.replaced:
                self._add(old, -old.cost)
                self._add(new, new.cost)

    def forget_own(self) -> None:
        """It is not known whether something was brought: own parts are summed again."""
        self._own.clear()

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
        spent, version = (spent, 0) if there is None else (there.spent, _order(there))
        own = self._mine(connection, subject, asked, known, node, now).spent if node else 0
        return Told(spent, max(spent - own, 0), version)

    def _mine(self, connection: Connection, subject: Subject, asked: Asked, known: _Known, node: str, now: int) -> _Own:
        """What the worker itself has spent, summed and from now on kept in mind."""
        period = subject.period(now)
        spent = spending.of_node(connection, subject.whose(known.owned), max(asked.since, period), node)
        made = self._owned_by(node)[subject.text] = _Own(asked.since, period, spent)
        return made

    def _owned_by(self, node: str) -> dict[str, _Own]:
        found = self._own.get(node)
        if found is None:
            if len(self._own) >= NODES:
                del self._own[next(iter(self._own))]
            found = self._own[node] = {}
        return found

    def _add(self, row: LedgerRow, cost: int) -> None:
        own = self._own.get(node_of(row.id))
        if not own or not cost:
            return
        known = self._known
        for group in groups_of(row, known.owners):
            for subject in known.groups.get(group, ()):
                mine = own.get(subject.text)
                if mine is None or row.at < mine.since:
                    continue
                period = subject.period(row.at)
                if period > mine.period:
                    mine.period, mine.spent = period, 0
                if period == mine.period:
                    mine.spent += cost

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


def subject_of_asked(one: Asked) -> Subject:
    return Subject(one.scope, one.name, one.calendar, one.timezone, one.key)  # type: ignore[arg-type]


def _order(spent: Spent) -> int:
    return (spent.period // 1000 << _ORDER) + spent.version


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
