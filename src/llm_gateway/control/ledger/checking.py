"""Whether logs, rows, daily sums and budgets say the same; and how they are made to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import msgspec
from sqlalchemy import Connection

from llm_gateway.accounting.fold import Fold
from llm_gateway.accounting.logs import directory_of, slots
from llm_gateway.accounting.repair import quarantined
from llm_gateway.accounting.scan import Position, Scanner
from llm_gateway.control.ledger.bring import bring
from llm_gateway.control.ledger.budgets import Budgets
from llm_gateway.control.ledger.queries import moment
from llm_gateway.control.ledger.slot import Unread
from llm_gateway.core.clock import Clock
from llm_gateway.core.ledger import LedgerRow
from llm_gateway.store import ledger_reading, marks, rollups, shipped, spending
from llm_gateway.store.connect import Store
from llm_gateway.store.ledger import KEPT_FROM
from llm_gateway.store.rollups import DAY

RECORDS = 2000
SHOWN = 100
"""Differences that are told of each kind; all are counted."""


class LogStatus(msgspec.Struct, frozen=True):
    """One worker's log on this node."""

    slot: int
    segment: int
    offset: int
    waiting_bytes: int
    quarantined: list[str]


class Found(msgspec.Struct):
    """What was looked at, and what is not as it should be."""

    requests_in_logs: int = 0
    waiting: int = 0
    """Of those: not shipped yet."""
    days: int = 0
    missing: int = 0
    """Rows that are in a log, were shipped, and are not in the store."""
    other_cost: int = 0
    sums: int = 0
    budgets: int = 0
    damages: int = 0
    """Places in logs that cannot be read."""
    texts: list[str] = []
    """What each of them is, the first hundred of each kind."""

    @property
    def right(self) -> bool:
        return not (self.missing or self.other_cost or self.sums or self.budgets or self.damages)


class Checking:
    """Of one node's state directory and its store. Blocks; nothing else need run, and everything may."""

    def __init__(self, store: Store, state: Path, node: str, clock: Clock) -> None:
        self._store = store
        self._state = state
        self._node = node
        self._budgets = Budgets(clock)

    def status(self) -> list[LogStatus]:
        """Raises StoreError, OSError."""
        positions = self._store.read(shipped.positions)
        found = []
        for slot in slots(self._state):
            at = positions.get(f"{self._node}/{slot}")
            start = Position() if at is None else Position(at.segment, at.offset)
            directory = directory_of(self._state, slot)
            names = [path.name for path in quarantined(directory)]
            found.append(LogStatus(slot, *start, Unread(directory)(start), names))
        return found

    def verify(self) -> Found:
        """Raises StoreError, OSError."""
        found = Found(texts=[])
        for slot in slots(self._state):
            self._verify_log(slot, found)
        for day in self._days():
            found.days += 1
            for group in self._store.read(_differences(day)):
                found.sums += 1
                _say(found, found.sums, f"daily sum of {_date(day)}, {', '.join(filter(None, group))}: not what its rows come to")
        for meter, period, noted, right in self._store.read(self._budget_differences):
            found.budgets += 1
            _say(found, found.budgets, f"budget {meter} from {period}: {noted} is noted, the rows come to {right}")
        return found

    def rebuild(self) -> Found:
        """Brings what is in logs and not in the store, and makes everything that is folded anew. What was changed is counted.

        Raises StoreError, OSError.
        """
        done = Found(texts=[])
        for slot in slots(self._state):
            for rows, _waiting in self._rows(slot, done):
                brought = self._store.write(partial(bring, rows=rows, budgets=self._budgets))
                done.missing += len(brought.added) + len(brought.replaced)
        for day in self._days():
            done.days += 1
            done.sums += self._store.write(_rebuilt(day))
        done.budgets = self._store.write(self._budgets.rebuild)
        return done

    def _verify_log(self, slot: int, found: Found) -> None:
        for rows, waiting in self._rows(slot, found):
            found.requests_in_logs += len(rows)
            if waiting:
                found.waiting += len(rows)
                continue
            there = self._store.read(partial(ledger_reading.costs, ids=[row.id for row in rows]))
            kept_from = self._store.read(lambda connection: marks.get(connection, KEPT_FROM))
            for row in rows:
                known = there.get(row.id)
                if known is None and row.at >= kept_from:
                    found.missing += 1
                    _say(found, found.missing, f"request {row.id} is in log {slot} and not in the store")
                elif known is not None and row.status == known[0] and row.cost != known[1]:
                    found.other_cost += 1
                    _say(found, found.other_cost, f"request {row.id} cost {row.cost} in log {slot} and {known[1]} in the store")

    def _rows(self, slot: int, found: Found) -> Iterator[tuple[list[LedgerRow], bool]]:
        """Of all that is on the disk; with whether it is still to be shipped."""
        source = f"{self._node}/{slot}"
        at = self._store.read(lambda connection: shipped.position(connection, source))
        shipped_to = Position(0, 0) if at is None else Position(at.segment, at.offset)
        scanner, fold = Scanner(directory_of(self._state, slot)), Fold()
        while True:
            batch = scanner.read(RECORDS)
            rows = [row for row in fold.take(batch) if row.key or row.tenant or row.provider]
            for damage in batch.damages:
                found.damages += 1
                _say(found, found.damages, f"log {slot}, {damage.at}: {damage.size} bytes cannot be read: {damage.why}")
            if rows:
                yield rows, batch.next > shipped_to
            if len(batch.frames) < RECORDS:
                return

    def _days(self) -> Iterator[int]:
        """Those that the ledger has as a whole."""
        days = self._store.read(rollups.days)
        if days is None:
            return
        kept_from = self._store.read(lambda connection: marks.get(connection, KEPT_FROM))
        yield from range(max(days[0], -(-kept_from // DAY) * DAY), days[1] + 1, DAY)

    def _budget_differences(self, connection: Connection) -> list[tuple[str, int, int, int]]:
        spending.summing(connection)
        return self._budgets.differences(connection)


def _differences(day: int) -> Callable[[Connection], list[rollups.Group]]:
    def look(connection: Connection) -> list[rollups.Group]:
        spending.summing(connection)
        return rollups.differences(connection, day)

    return look


def _rebuilt(day: int) -> Callable[[Connection], int]:
    def make(connection: Connection) -> int:
        spending.summing(connection)
        wrong = len(rollups.differences(connection, day))
        if wrong:
            rollups.rebuild(connection, day)
        return wrong

    return make


def _say(found: Found, count: int, text: str) -> None:
    if count <= SHOWN:
        found.texts.append(text)


def _date(day: int) -> str:
    return moment(day)[:10]
