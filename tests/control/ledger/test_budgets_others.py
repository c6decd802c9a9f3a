"""What other nodes have spent, told again and again without a look at all rows."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import event

from control.ledger.books import NOON, clock, row
from llm_gateway.control.ledger.bring import bring
from llm_gateway.control.ledger.budgets import Asked, Budgets
from llm_gateway.core.ids import Ids, node_of
from llm_gateway.store import spending
from llm_gateway.store.connect import Store

ASKED = Asked("key:k1:cost:day", "key", "k1", "day", "UTC", NOON * 1000)


class Node:
    """A control process and its one worker."""

    def __init__(self, store: Store) -> None:
        self.clock = clock()
        self.budgets = Budgets(self.clock)
        self.ids = Ids(self.clock.now)
        self.name = node_of(self.ids.ulid())
        self._store = store

    def spend(self, cost: int, **said: Any) -> str:
        """One request of the worker, brought at once."""
        said = {"at": self.clock.now(), **said}
        ident = said.pop("ident", None) or self.ids.ulid()
        changes = self._store.write(lambda connection: bring(connection, [row(ident, cost, **said)], self.budgets))
        self.budgets.brought(changes)
        return str(ident)

    def ask(self) -> tuple[int, int]:
        """When it begins: spent by all, by others."""
        told = self._store.write(lambda connection: self.budgets.tell(connection, [ASKED], self.name))[0]
        return told.spent, told.others

    def again(self) -> tuple[int, int]:
        """Others', and the version."""
        found = self._store.read(lambda connection: self.budgets.tell_again(connection, [ASKED], self.name))
        assert [one.key for one in found] == [ASKED.key]
        return found[0].others, found[0].version


def test_nodes_learn_of_each_other(store: Store) -> None:
    """Each what the other one spent since, and never what it spent itself; the version grows with every change."""
    one, other = Node(store), Node(store)
    assert (one.ask(), other.ask()) == ((0, 0), (0, 0))
    one.spend(100)
    assert (one.again()[0], other.again()[0]) == (0, 100)
    before = one.again()[1]
    other.spend(7)
    other.spend(20)
    assert (one.again()[0], other.again()[0]) == (27, 100)
    assert one.again()[1] > before


def test_what_an_outcome_replaces(store: Store) -> None:
    """A worker that died is charged an estimate, and the difference when it is known better."""
    one, other = Node(store), Node(store)
    one.ask()
    other.ask()
    ident = one.spend(500, status="interrupted")
    assert (one.again()[0], other.again()[0]) == (0, 500)
    one.spend(80, ident=ident)
    assert (one.again()[0], other.again()[0]) == (0, 80)


def test_requests_before_it_counted_are_not_its_own(store: Store) -> None:
    """The worker has not counted what began before it met the budget."""
    one = Node(store)
    one.ask()
    one.spend(5, at=NOON - 60)
    one.spend(6)
    assert one.again()[0] == 5


def test_a_control_process_that_is_started_anew(store: Store) -> None:
    """It sums a worker's own part once, and goes on from there."""
    one, other = Node(store), Node(store)
    one.ask()
    one.spend(100)
    other.spend(7)
    one.budgets = Budgets(one.clock)
    assert one.again()[0] == 7
    one.spend(1)
    assert one.again()[0] == 7
    one.budgets.forget_own()
    assert one.again()[0] == 7


def test_the_next_day(store: Store) -> None:
    """What was spent yesterday is nobody's any more; the version is higher all the same."""
    one, other = Node(store), Node(store)
    one.ask()
    for _ in range(3):
        one.spend(100)
        other.spend(7)
    before = one.again()[1]
    for node in (one, other):
        node.clock.advance(86_400)
    assert store.read(lambda connection: one.budgets.tell_again(connection, [ASKED], one.name)) == []
    one.spend(1)
    other.spend(2)
    assert one.again()[0] == 2
    assert one.again()[1] > before


def test_no_rows_are_looked_at(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A look costs the same whatever the ledger holds."""
    one = Node(store)
    one.ask()
    one.spend(3)
    monkeypatch.setattr(spending, "of_node", None)
    monkeypatch.setattr(spending, "total", None)
    assert one.again()[0] == 0
    said: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        said.append(statement)

    event.listen(store._reading, "before_cursor_execute", note)
    try:
        one.again()
    finally:
        event.remove(store._reading, "before_cursor_execute", note)
    assert said
    assert not [statement for statement in said if "ledger" in statement]


def test_what_nobody_folds_is_not_told(store: Store) -> None:
    """A budget that was let go is learned of when somebody asks for it anew."""
    one = Node(store)
    assert store.read(lambda connection: one.budgets.tell_again(connection, [ASKED], one.name)) == []
