"""The history of snapshots."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from llm_gateway.store import snapshots


def add(store, at_least=1, now=5):
    return store.write(
        lambda c: snapshots.add(c, at_least=at_least, by="me", digest="d", summary="{}", document=b"\0sealed", now=now)
    )


def test_numbers_only_grow(store):
    """One after the other whoever adds, and never below what was served already."""
    with ThreadPoolExecutor(4) as threads:
        assert sorted(threads.map(lambda _: add(store), range(6))) == [1, 2, 3, 4, 5, 6]
    assert (add(store, at_least=100), add(store, at_least=3)) == (100, 101)


def test_one_can_be_gone_back_to(store):
    """Its row tells what it was, its document is as it was given."""
    number = add(store)
    row = store.read(lambda c: snapshots.get(c, number))
    assert (row.number, row.created_at, row.created_by, row.digest, row.summary) == (1, 5, "me", "d", "{}")
    assert store.read(lambda c: snapshots.document(c, number)) == b"\0sealed"
    assert store.read(lambda c: snapshots.get(c, 9)) is None
    assert store.read(lambda c: snapshots.document(c, 9)) is None


def test_the_newest_are_kept(store):
    """In the list newest first, and after the oldest were let go of."""
    for _ in range(5):
        add(store)
    numbers = [row.number for row in store.read(lambda c: snapshots.listed(c, limit=2, before=5))]
    assert numbers == [4, 3]
    assert store.write(lambda c: snapshots.retain(c, 2)) == 3
    assert [row.number for row in store.read(snapshots.listed)] == [5, 4]
    assert store.write(lambda c: snapshots.retain(c, 2)) == 0
