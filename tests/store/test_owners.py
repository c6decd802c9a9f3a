"""Whose a file or a batch is."""

from __future__ import annotations

from llm_gateway.store import owners

FILES = ("openai", "openai_files")


def add(store, items, owner, now=10, since=0):
    store.write(lambda c: owners.add(c, FILES, items, owner, now=now, since=since))


def get(store, items, since=0, place=FILES):
    return store.read(lambda c: owners.get(c, place, items, since))


def test_what_has_an_owner_keeps_it(store):
    """Somebody else's claim changes nothing; another place is another thing; what is unknown is nobody's."""
    add(store, ["a", "b", "a"], "me")
    add(store, ["b", "c"], "you")
    assert get(store, ["a", "b", "c", "d"]) == {"a": "me", "b": "me", "c": "you"}
    assert get(store, ["a"], place=("openai", "openai_batches")) == {}
    add(store, [], "me")
    assert get(store, []) == {}


def test_what_is_forgotten_is_nobodys(store):
    """By name, or because it was long ago; then somebody else can have it."""
    add(store, ["a", "b"], "me", now=10)
    store.write(lambda c: owners.forget(c, FILES, "a"))
    assert get(store, ["a", "b"]) == {"b": "me"}
    assert get(store, ["b"], since=11) == {}
    add(store, ["b"], "you", now=20, since=11)
    assert get(store, ["b"], since=11) == {"b": "you"}


def test_strange_names_are_nobodys(store):
    """NUL and too long: never an error."""
    odd = ["a\0", "x" * 257, ""]
    add(store, odd, "me")
    assert get(store, odd) == {}
    store.write(lambda c: owners.forget(c, FILES, "a\0"))


def test_many_are_looked_up_at_once(store):
    """More than one statement takes."""
    names = [f"f{number}" for number in range(2500)]
    add(store, names, "me")
    assert len(get(store, names)) == 2500


def test_whoever_has_most_loses_the_oldest(store):
    """Beyond the number that is kept; what is too old goes whoever has it."""
    for number in range(6):
        add(store, [f"b{number}"], "big", now=100 + number)
    add(store, ["s"], "small", now=50)
    add(store, ["old"], "small", now=1)
    store.write(lambda c: owners.retain(c, since=10, most=4))
    assert sorted(get(store, [*(f"b{number}" for number in range(6)), "s", "old"])) == ["b3", "b4", "b5", "s"]
    store.write(lambda c: owners.retain(c, since=10, most=1))
    assert len(get(store, ["b3", "b4", "b5", "s"])) == 1
