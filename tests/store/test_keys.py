"""Keys made over the admin API."""

from __future__ import annotations

import msgspec
import pytest

from llm_gateway.store import keys
from llm_gateway.store.errors import Conflict, NotThere
from llm_gateway.store.rows import KeyRow


def key(number: int, **changes) -> KeyRow:
    made = KeyRow(
        id=f"key_{number}",
        digest=number.to_bytes(32, "big"),
        prefix="sk-gateway-ab",
        name=f"n{number}",
        kind="gateway",
        tenant="acme" if number % 2 else "other",
        project="",
        document='{"models":["*"]}',
        status="active",
        expires_at=None,
        created_at=1000 + number,
        created_by="me",
    )
    return msgspec.structs.replace(made, **changes)


def test_a_key_comes_back_whole(store):
    """All columns, NULLs and bytes with zeros included."""
    row = key(1, digest=bytes(range(32)), expires_at=99, rotated_from="key_0")
    store.write(lambda c: keys.create(c, row))
    assert store.read(lambda c: keys.get(c, "key_1")) == row
    assert store.read(lambda c: keys.get(c, "key_2")) is None


def test_neither_id_nor_digest_is_given_twice(store):
    """A second key with the same digest would be somebody else's."""
    store.write(lambda c: keys.create(c, key(1)))
    with pytest.raises(Conflict):
        store.write(lambda c: keys.create(c, key(2, digest=key(1).digest)))
    with pytest.raises(Conflict):
        store.write(lambda c: keys.create(c, key(1, digest=bytes(32))))


def test_only_what_may_change_changes(store):
    """Status, name, document and expiry do, under the version that was seen; whose key it is does not."""
    store.write(lambda c: keys.create(c, key(1)))
    changed = store.write(lambda c: keys.change_key(c, "key_1", {"name": "new", "expires_at": 7}, version=1))
    assert (changed.name, changed.expires_at, changed.version) == ("new", 7, 2)
    with pytest.raises(ValueError, match="tenant"):
        store.write(lambda c: keys.change_key(c, "key_1", {"tenant": "mine"}))
    with pytest.raises(Conflict):
        store.write(lambda c: keys.change_key(c, "key_1", {"name": "newer"}, version=1))
    with pytest.raises(NotThere):
        store.write(lambda c: keys.change_key(c, "key_9", {"name": "newer"}))


def test_revocation_is_for_ever(store):
    """The first revocation's time stays, and the key is no longer in what workers get."""
    store.write(lambda c: keys.create(c, key(1)))
    assert store.write(lambda c: keys.revoke(c, "key_1", 50)).revoked_at == 50
    assert store.write(lambda c: keys.revoke(c, "key_1", 60)).revoked_at == 50
    assert store.read(lambda c: keys.directory(c, 0)) == []
    with pytest.raises(NotThere):
        store.write(lambda c: keys.revoke(c, "key_9", 50))


def test_the_directory_has_what_may_be_used(store):
    """Not what is disabled, revoked or expired; what expires later is in it with its time."""

    def fill(connection):
        keys.create(connection, key(1))
        keys.create(connection, key(2, status="disabled"))
        keys.create(connection, key(3, expires_at=100))
        keys.create(connection, key(4, expires_at=101))

    store.write(fill)
    rows = store.read(lambda c: keys.directory(c, 100))
    assert sorted(row.id for row in rows) == ["key_1", "key_4"]
    assert {row.id: row.expires_at for row in rows} == {"key_1": None, "key_4": 101}
    assert rows[0].digest in {key(1).digest, key(4).digest}


def test_last_use_never_goes_back(store):
    """Reports come late and twice; they are no change of the key, and an unknown key is nothing to worry about."""
    store.write(lambda c: keys.create(c, key(1)))
    for report in ({"key_1": 500, "key_9": 1}, {"key_1": 400}, {}):
        store.write(lambda c, report=report: keys.used(c, report))
    row = store.read(lambda c: keys.get(c, "key_1"))
    assert (row.last_used_at, row.version) == (500, 1)


def test_lists_can_be_narrowed(store):
    """By tenant and status, page by page."""

    def fill(connection):
        for number in range(1, 8):
            keys.create(connection, key(number, status="disabled" if number == 3 else "active"))

    store.write(fill)
    page = store.read(lambda c: keys.listed(c, tenant="acme", status="active", limit=2))
    assert [row.id for row in page.rows] == ["key_1", "key_5"]
    page = store.read(lambda c: keys.listed(c, tenant="acme", status="active", limit=2, cursor=page.next))
    assert ([row.id for row in page.rows], page.next) == (["key_7"], None)
    assert [row.id for row in store.read(lambda c: keys.listed(c, descending=True, limit=2)).rows] == ["key_7", "key_6"]


def known(store) -> dict[str, keys.Seen]:
    return {row.id: keys.seen(row) for row in store.read(lambda c: keys.directory(c, 5000))}


def difference(store, before: dict[str, keys.Seen], since: int = 10_000, most: int = 100):
    """Ids that are new or another, and those that are gone."""
    found = store.read(lambda c: keys.difference(c, 5000, since, before, keys.sums_of(before.values()), most))
    return None if found is None else (sorted(row.id for row in found[0]), sorted(found[1]))


def test_what_became_of_keys(store):
    """New ones, whether their moment is late or early; others that were changed, got another digest, ended or are gone."""
    store.write(lambda c: [keys.create(c, key(number)) for number in range(10)])
    before = known(store)
    assert difference(store, before) == ([], [])
    store.write(lambda c: keys.create(c, key(11, created_at=20_000)))
    assert difference(store, before) == (["key_11"], [])
    store.write(lambda c: keys.create(c, key(12)))  # by a node whose clock is late
    assert difference(store, before) == (["key_11", "key_12"], [])
    store.write(lambda c: keys.change_key(c, "key_1", {"document": "{}"}))
    store.write(lambda c: keys.change_key(c, "key_2", {"expires_at": 4000}))
    store.write(lambda c: keys.revoke(c, "key_3", 1))
    store.write(lambda c: keys.delete(c, "key_4"))
    store.write(lambda c: keys.redigest(c, {"key_5": bytes(31) + b"x"}))
    assert difference(store, before) == (["key_1", "key_11", "key_12", "key_5"], ["key_2", "key_3", "key_4"])
    assert difference(store, before, most=6) is None
    assert difference(store, known(store)) == ([], [])


def test_one_key_in_the_place_of_another(store):
    """So many as before, with the same versions: it is seen all the same."""
    store.write(lambda c: [keys.create(c, key(number)) for number in range(10)])
    before = known(store)
    store.write(lambda c: keys.delete(c, "key_4"))
    store.write(lambda c: keys.create(c, key(11)))
    assert difference(store, before) == (["key_11"], ["key_4"])
