"""Numbers by name."""

from __future__ import annotations

from llm_gateway.store import end_users, keys, marks, objects, people, provider_keys
from llm_gateway.store.rows import KeyRow, PersonRow, ProviderKeyRow

KEY = KeyRow("key_1", b"d" * 32, "sk-gateway-ab", "web", "gateway", "acme", "acme/web", "{}", "active", None, 1, "me")
PERSON = PersonRow("p1", "ann", "Ann", None, "[]", "", "active", 0, None, None, 1)


def test_every_part_counts_its_changes(store):
    """Whatever workers act on moves its part's number, so that another node that polls sees it; what they do not, does not."""
    steps = [
        (lambda c: objects.create(c, "tags", "x", "{}", by="", now=1), "objects"),
        (lambda c: objects.update(c, "tags", "x", "[]", by="", now=1), "objects"),
        (lambda c: objects.delete(c, "tags", "x"), "objects"),
        (lambda c: keys.create(c, KEY), "keys"),
        (lambda c: keys.revoke(c, "key_1", 5), "keys"),
        (lambda c: keys.used(c, {"key_1": 9}), None),
        (lambda c: keys.delete(c, "key_1"), "keys"),
        (lambda c: end_users.create(c, "acme", "u", "{}", 1), "end_users"),
        (lambda c: end_users.update(c, "acme", "u", "[]", 1), "end_users"),
        (lambda c: end_users.delete(c, "acme", "u"), "end_users"),
        (lambda c: provider_keys.create(c, ProviderKeyRow("k", "acme", "openai", "", b"", 1, "")), "provider_keys"),
        (lambda c: provider_keys.reseal(c, "k", b"x"), "provider_keys"),
        (lambda c: provider_keys.delete(c, "k"), "provider_keys"),
        (lambda c: people.create(c, PERSON), "people"),
        (lambda c: people.failed(c, "p1", None), None),
        (lambda c: people.change_person(c, "p1", {"roles": "[1]"}), "people"),
        (lambda c: people.delete(c, "p1"), "people"),
    ]
    for step, part in steps:
        before = store.read(marks.changes)
        store.write(step)
        after = store.read(marks.changes)
        assert {name for name in after if after[name] != before[name]} == ({part} if part else set())


def test_a_mark_is_what_was_put(store):
    """0 before anybody put it, then the last one; counting gives the number after it."""
    assert store.read(lambda c: marks.get(c, "x")) == 0
    store.write(lambda c: marks.put(c, "x", 1 << 60))
    assert store.read(lambda c: marks.get(c, "x")) == 1 << 60
    store.write(lambda c: marks.put(c, "x", 3))
    assert [store.write(lambda c, name=name: marks.count(c, name)) for name in ("x", "x", "y")] == [4, 5, 1]
