"""The audit log's rows."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from llm_gateway.store import audit
from llm_gateway.store.errors import Conflict
from llm_gateway.store.rows import AuditRow

HERE = "here"


def behind(last: AuditRow | None, event: str, at: int = 0, actor: str = "me") -> AuditRow:
    seq = 1 if last is None else last.seq + 1
    before = b"genesis" if last is None else last.hash
    return AuditRow(
        HERE,
        seq,
        event,
        at or seq * 10,
        actor,
        "key.create",
        "keys/a",
        "ok",
        "{}",
        '{"a":1}',
        "::1",
        "curl",
        "req",
        before,
        b"h%d" % seq,
        b"s",
    )


def test_rows_form_a_chain_whoever_appends(store):
    """Several at once: no number twice, none missing, each begins where the one before ended."""
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda n: store.write(lambda c: audit.append(c, HERE, lambda last: behind(last, f"e{n}"))), range(20)))
    rows = store.read(lambda c: list(audit.walk(c, HERE)))
    assert [row.seq for row in rows] == list(range(1, 21))
    assert [row.prev_hash for row in rows] == [b"genesis", *(row.hash for row in rows[:-1])]
    assert store.read(lambda c: audit.newest(c, HERE)) == rows[-1]
    assert store.read(lambda c: list(audit.walk(c, HERE, 19))) == rows[18:]


def test_walking_takes_more_than_one_batch(store, monkeypatch):
    """In order and whole, also when the last batch is full."""
    monkeypatch.setattr(audit, "BATCH", 3)
    for number in range(6):
        store.write(lambda c, number=number: audit.append(c, HERE, lambda last: behind(last, f"e{number}")))
    assert [row.seq for row in store.read(lambda c: list(audit.walk(c, HERE)))] == [1, 2, 3, 4, 5, 6]


def test_an_event_is_there_once(store):
    """What is brought a second time is refused."""
    store.write(lambda c: audit.append(c, HERE, lambda last: behind(last, "e1")))
    with pytest.raises(Conflict):
        store.write(lambda c: audit.append(c, HERE, lambda last: behind(last, "e1")))


def test_rows_are_found_newest_first(store):
    """By time, actor, action and resource, page by page."""
    for number in range(1, 6):
        actor = "ann" if number % 2 else "bob"
        store.write(lambda c, n=number, actor=actor: audit.append(c, HERE, lambda last: behind(last, f"e{n}", actor=actor)))

    def found(**wanted):
        return [row.seq for row in store.read(lambda c: audit.listed(c, **wanted))]

    assert found() == [5, 4, 3, 2, 1]
    assert found(actor="ann") == [5, 3, 1]
    assert found(since=20, until=50) == [4, 3, 2]
    assert (found(limit=2), found(limit=2, before=(40, "e4"))) == ([5, 4], [3, 2])
    assert (found(action="x"), found(resource="keys/a", action="key.create", limit=1)) == ([], [5])


def test_only_the_chains_beginning_goes(store):
    """A row with an early time behind one that is kept is kept, too: the chain has no holes."""
    for at in (10, 50, 20, 60):
        store.write(lambda c, at=at: audit.append(c, HERE, lambda last: behind(last, f"e{at}", at)))
    assert store.write(lambda c: audit.retain(c, 40)) == 1
    assert [row.at for row in store.read(lambda c: list(audit.walk(c, HERE)))] == [50, 20, 60]
    assert store.write(lambda c: audit.retain(c, 100)) == 3
