"""Stored responses."""

from __future__ import annotations

import msgspec

from llm_gateway.edge.stored import LONGEST_ID as EDGES_LONGEST_ID
from llm_gateway.edge.stored import Stored
from llm_gateway.store import responses
from llm_gateway.store.rows import ResponseRow

TTL = 1000
ROW = ResponseRow(b'{"a":"\0"}', b"[]", None, "openai", True, False, True)


def put(store, owner="me", ident="r1", row=ROW, now=10, capacity=1 << 20, made=None):
    made = now if made is None else made
    return store.write(lambda c: responses.put(c, owner, ident, row, made=made, now=now, capacity=capacity))


def get(store, owner="me", ident="r1", now=10):
    found = store.read(lambda c: responses.get(c, owner, ident, now=now, ttl=TTL))
    if found is None:
        return None
    store.write(lambda c: responses.touch(c, owner, [ident], now))
    return found.row


def chain(store, ident, links=10, size=1 << 20, now=10):
    found = store.read(lambda c: responses.chain(c, "me", ident, now=now, ttl=TTL, links=links, size=size))
    return [one.id for one in found]


def test_it_has_the_fields_of_what_the_edge_stores():
    """So that control can make the one of the other."""
    assert ResponseRow.__struct_fields__ == Stored.__struct_fields__
    assert responses.LONGEST_ID == EDGES_LONGEST_ID


def test_a_response_is_its_owners_alone(store):
    """Readable as soon as it was put, replaced by one of the same id, and nobody else's."""
    assert put(store)
    assert get(store) == ROW
    assert get(store, owner="you") is None
    other = msgspec.structs.replace(ROW, previous="r0", finished=False)
    assert put(store, row=other)
    assert get(store) == other
    assert not store.write(lambda c: responses.delete(c, "you", "r1", now=10, ttl=TTL))
    assert store.write(lambda c: responses.delete(c, "me", "r1", now=10, ttl=TTL))
    assert not store.write(lambda c: responses.delete(c, "me", "r1", now=10, ttl=TTL))


def test_use_keeps_it(store):
    """Each use begins its time anew; expired it is not there, for anybody, before it is swept away as well."""
    put(store)
    assert get(store, now=10 + TTL) is not None
    assert get(store, now=10 + 2 * TTL) is not None
    assert get(store, now=11 + 3 * TTL) is None
    assert not store.write(lambda c: responses.delete(c, "me", "r1", now=11 + 3 * TTL, ttl=TTL))
    put(store, ident="r2", now=10)
    assert store.write(lambda c: responses.expire(c, 10)) == 0
    assert store.write(lambda c: responses.expire(c, 11)) == 1


def test_strange_ids_are_nobodys(store):
    """NUL, empty, too long: refused when put, not found when asked for, and never an error."""
    for ident in ("", "a\0b", "x" * 257):
        assert not put(store, ident=ident)
        assert get(store, ident=ident) is None
        assert not store.write(lambda c, ident=ident: responses.delete(c, "me", ident, now=1, ttl=TTL))
    assert not put(store, row=msgspec.structs.replace(ROW, previous="a\0"))
    assert not put(store, capacity=10)


def test_whoever_holds_most_gives_way(store):
    """The largest owner's oldest go first; a small owner's stay; then nothing more goes than must."""
    big = msgspec.structs.replace(ROW, response=b"x" * 10_000)
    for number in range(6):
        put(store, "big", f"b{number}", big, now=100 + number)
    put(store, "small", "s", now=1)
    assert get(store, "big", "b0", now=900) is not None
    all_of_it = store.read(responses.size)
    assert store.write(lambda c: responses.shrink(c, all_of_it)) == 0
    assert store.write(lambda c: responses.shrink(c, all_of_it - 15_000)) == 2
    assert get(store, "small", "s", now=900) is not None
    there = [number for number in range(6) if get(store, "big", f"b{number}", now=900) is not None]
    assert there == [0, 3, 4, 5]
    assert store.write(lambda c: responses.shrink(c, 0)) == 5
    assert store.read(responses.size) == 0


def test_the_largest_share_is_bounded(store):
    """Of one owner no more than that is kept, his oldest go; another's are not looked at."""
    big = msgspec.structs.replace(ROW, response=b"x" * 10_000)
    for number in range(4):
        put(store, "big", f"b{number}", big, now=100 + number)
    put(store, "small", "s", now=1)
    assert store.write(lambda c: responses.shrink(c, 1 << 30, 25_000)) == 2
    assert [number for number in range(4) if get(store, "big", f"b{number}", now=900) is not None] == [2, 3]
    assert get(store, "small", "s", now=900) is not None


def test_a_conversation_is_read_at_once(store):
    """Newest first, to its beginning, to a gap, to so many, until there are more than so many bytes; a ring ends."""
    for number in range(1, 6):
        put(store, ident=f"r{number}", row=msgspec.structs.replace(ROW, previous=f"r{number - 1}"))
    assert chain(store, "r5") == ["r5", "r4", "r3", "r2", "r1"]
    assert chain(store, "r5", links=2) == ["r5", "r4"]
    assert chain(store, "r5", size=30) == ["r5", "r4", "r3"]
    put(store, ident="r0", row=msgspec.structs.replace(ROW, previous="r2"))
    assert chain(store, "r2") == ["r2", "r1", "r0"]
    store.write(lambda c: responses.delete(c, "me", "r4", now=10, ttl=TTL))
    assert chain(store, "r5") == ["r5"]
    assert chain(store, "r4") == []


def test_what_was_deleted_stays_deleted(store):
    """Whoever hands it in later, but made it before, is refused; the prompt itself is gone; the memory of it goes as well."""
    put(store, now=10)
    assert store.write(lambda c: responses.delete(c, "me", "r1", now=20, ttl=TTL))
    assert not put(store, now=30, made=10)
    assert get(store, now=30) is None
    assert store.read(responses.size) == 0
    assert store.write(lambda c: responses.shrink(c, 0)) == 0
    assert store.write(lambda c: responses.expire(c, 0, deleted=20)) == 0
    assert store.write(lambda c: responses.expire(c, 0, deleted=21)) == 1
    assert put(store, now=30, made=10)
    store.write(lambda c: responses.delete(c, "me", "r1", now=40, ttl=TTL))
    assert put(store, now=50)
