"""Documents of the configuration."""

from __future__ import annotations

from functools import partial

import pytest

from llm_gateway.store import marks, objects
from llm_gateway.store.errors import Conflict, NotThere


def test_a_document_comes_back_as_it_was_given(store):
    """Create, read, list: text with every kind of character, and the first version."""
    document = '{"a":"\\u0000 ä 🦉 \\"%s\\" :name"}'
    made = store.write(lambda c: objects.create(c, "tenants", "acme", document, by="me", now=5))
    assert (made.version, made.created_at, made.updated_by) == (1, 5, "me")
    assert store.read(lambda c: objects.get(c, "tenants", "acme")) == made
    assert made.document == document
    assert store.read(lambda c: objects.get(c, "providers", "acme")) is None
    assert store.read(objects.everything) == [made]
    assert store.read(objects.counts) == {"tenants": 1}


def test_a_name_is_given_once(store):
    """Two of one kind and name are a conflict, and the first stays."""
    store.write(lambda c: objects.create(c, "tags", "x", "1", by="", now=1))
    with pytest.raises(Conflict):
        store.write(lambda c: objects.create(c, "tags", "x", "2", by="", now=2))
    assert store.read(lambda c: objects.get(c, "tags", "x")).document == "1"


def test_a_change_needs_the_version_that_it_was_made_from(store):
    """The second of two who read the same version is told so, and changes nothing."""
    store.write(lambda c: objects.create(c, "tags", "x", "1", by="a", now=1))
    changed = store.write(lambda c: objects.update(c, "tags", "x", "2", by="b", now=2, version=1))
    assert (changed.version, changed.document, changed.updated_at, changed.created_at) == (2, "2", 2, 1)
    with pytest.raises(Conflict):
        store.write(lambda c: objects.update(c, "tags", "x", "3", by="c", now=3, version=1))
    with pytest.raises(Conflict):
        store.write(lambda c: objects.delete(c, "tags", "x", version=1))
    assert store.write(lambda c: objects.update(c, "tags", "x", "4", by="d", now=4)).version == 3
    store.write(lambda c: objects.delete(c, "tags", "x", version=3))
    with pytest.raises(NotThere):
        store.write(lambda c: objects.delete(c, "tags", "x"))
    with pytest.raises(NotThere):
        store.write(lambda c: objects.update(c, "tags", "x", "5", by="", now=5, version=3))


def test_a_change_that_failed_counts_for_nothing(store):
    """What a refused transaction did before is undone, and nobody is told of a change."""
    store.write(lambda c: objects.create(c, "tags", "x", "1", by="", now=1))
    before = store.read(marks.changes)

    def both(connection):
        objects.create(connection, "tags", "y", "1", by="", now=2)
        objects.create(connection, "tags", "x", "1", by="", now=2)

    with pytest.raises(Conflict):
        store.write(both)
    assert store.read(lambda c: objects.get(c, "tags", "y")) is None
    assert store.read(marks.changes) == before


def test_pages_have_everything_once(store):
    """Page by page in either order, though several have one time and others are added and removed between pages."""

    def fill(connection):
        for number in range(25):
            objects.create(connection, "tags", f"n{number:02d}", "{}", by="", now=100 + number // 10)
        objects.create(connection, "others", "n99", "{}", by="", now=100)

    store.write(fill)
    for descending in (False, True):
        names, cursor = [], None
        while True:
            wanted = partial(objects.listed, kind="tags", limit=10, cursor=cursor, descending=descending)
            page = store.read(wanted)
            names += [row.name for row in page.rows]
            cursor = page.next
            if cursor is None:
                break
        wanted = [f"n{number:02d}" for number in range(25)]
        assert names == (wanted[::-1] if descending else wanted)
    first = store.read(lambda c: objects.listed(c, "tags", limit=10))
    store.write(lambda c: objects.delete(c, "tags", "n09"))
    store.write(lambda c: objects.delete(c, "tags", "n00"))
    second = store.read(lambda c: objects.listed(c, "tags", limit=10, cursor=first.next))
    assert [row.name for row in second.rows] == [f"n{number:02d}" for number in range(10, 20)]
