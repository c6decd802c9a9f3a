from __future__ import annotations

import asyncio
import random

import pytest

from llm_gateway.core.clock import FakeClock
from llm_gateway.edge.stored import OVERHEAD, MemoryStore, Stored


class Shelf:
    """A store under a fake clock, asked as plain functions."""

    def __init__(self, capacity: int = 10_000, ttl: float = 100.0) -> None:
        self.clock = FakeClock()
        self.store = MemoryStore(self.clock.monotonic, capacity, ttl)

    def put(self, owner: str, ident: str, size: int = 100) -> bool:
        return asyncio.run(self.store.put(owner, ident, Stored(b"x" * size, b"")))

    def has(self, owner: str, ident: str) -> bool:
        return asyncio.run(self.store.get(owner, ident)) is not None

    def delete(self, owner: str, ident: str) -> bool:
        return asyncio.run(self.store.delete(owner, ident))


def test_what_is_kept_belongs_to_its_owner():
    """The same id at two owners is two responses; another owner neither reads nor deletes."""
    shelf = Shelf()
    assert shelf.put("a", "r")
    assert not shelf.has("b", "r")
    assert not shelf.delete("b", "r")
    assert shelf.put("b", "r", 7)
    assert asyncio.run(shelf.store.get("a", "r")) == Stored(b"x" * 100, b"")
    assert asyncio.run(shelf.store.get("b", "r")) == Stored(b"x" * 7, b"")
    assert shelf.delete("a", "r")
    assert not shelf.has("a", "r")
    assert shelf.has("b", "r")
    assert not shelf.delete("a", "r")


def test_the_least_recently_used_goes_first():
    """Within the bytes, what was read stays longer than what was not."""
    shelf = Shelf(capacity=3 * (OVERHEAD + 101))
    for ident in "123":
        shelf.put("a", ident)
    assert shelf.has("a", "1")
    shelf.put("a", "4")
    assert [shelf.has("a", ident) for ident in "1234"] == [True, False, True, True]


def test_a_new_one_takes_the_place_of_the_old():
    """Of the same id; its bytes are counted once."""
    shelf = Shelf()
    shelf.put("a", "r", 50)
    shelf.put("a", "r", 60)
    assert shelf.store.size == OVERHEAD + 1 + 60


@pytest.mark.parametrize(("ident", "size"), [("r", 10_001), ("", 1), ("r" * 257, 1)])
def test_what_cannot_be_kept_is_not(ident, size):
    """Larger than everything, without an id, or with an endless one; nothing else has to go for it."""
    shelf = Shelf()
    shelf.put("a", "before")
    assert not shelf.put("a", ident, size)
    assert shelf.has("a", "before")


def test_nobody_pushes_out_the_others():
    """Whoever holds more than an equal share gives way first, whoever it is that puts."""
    one = OVERHEAD + 103
    shelf = Shelf(capacity=4 * one)
    assert shelf.put("quiet", "q-1")
    for number in range(50):
        shelf.put("loud", f"l{number:02}")
    assert shelf.has("quiet", "q-1")
    assert shelf.put("quiet", "q-2")
    assert shelf.has("quiet", "q-1")
    assert shelf.has("quiet", "q-2")
    assert shelf.has("loud", "l49")


def test_time_since_the_last_use():
    """A response that is used stays; one that is not is gone after the time, for readers at once and from memory soon."""
    shelf = Shelf(ttl=100)
    shelf.put("a", "used")
    shelf.put("a", "unused")
    shelf.put("b", "unused")
    for _ in range(3):
        shelf.clock.advance(60)
        assert shelf.has("a", "used")
    shelf.put("a", "new")
    assert shelf.store.size == 2 * (OVERHEAD + 100) + len("used") + len("new")
    assert not shelf.has("a", "unused")
    shelf.clock.advance(101)
    assert not shelf.delete("a", "used")
    assert not shelf.has("a", "new")  # though nothing was put since, which is when memory is looked through


def test_less_room_from_now_on():
    """A reload with less room or time holds for what is there; with none, nothing stays."""
    shelf = Shelf()
    for ident in "1234":
        shelf.put("a", ident)
    shelf.store.configure(2 * (OVERHEAD + 101), 100)
    assert [shelf.has("a", ident) for ident in "1234"] == [False, False, True, True]
    shelf.clock.advance(50)
    shelf.store.configure(10_000, 10)
    assert not shelf.has("a", "4")
    shelf.store.configure(0, 10)
    assert shelf.store.size == 0
    assert not shelf.put("a", "5")


def test_the_bytes_are_counted_right():
    """After any mix of calls the count is what is there, within the capacity."""
    draw = random.Random(7)
    shelf = Shelf(capacity=8_000, ttl=50)
    kept: dict[tuple[str, str], int] = {}
    for _ in range(2000):
        owner, ident = draw.choice("abc"), draw.choice("12345")
        match draw.randrange(4):
            case 0 | 1:
                size = draw.randrange(1500)
                if shelf.put(owner, ident, size):
                    kept[owner, ident] = OVERHEAD + 1 + size
            case 2:
                shelf.delete(owner, ident)
                kept.pop((owner, ident), None)
            case _:
                shelf.clock.advance(draw.random() * 5)
        assert 0 <= shelf.store.size <= 8_000
    there = sum(size for key, size in kept.items() if shelf.has(*key))
    assert there == shelf.store.size


def test_one_owner_may_be_held_to_less():
    """His own oldest go then, also when the limit comes later; what alone is larger is not kept."""
    shelf = Shelf()
    shelf.store.configure(10_000, 100.0, 3 * (OVERHEAD + 101))
    for ident in "1234":
        assert shelf.put("a", ident)
    assert shelf.put("b", "1")
    assert [shelf.has("a", ident) for ident in "1234"] == [False, True, True, True]
    assert not shelf.put("a", "5", 3000)
    shelf.store.configure(10_000, 100.0, OVERHEAD + 101)
    assert [shelf.has("a", ident) for ident in "1234"] == [False, False, False, True]
    assert shelf.has("b", "1")


def test_a_conversation_is_read_at_once():
    """Newest first: to its beginning, to a gap, to so many, until there are more than so many bytes; a ring ends."""
    shelf = Shelf()

    def chain(ident: str, links: int = 10, size: int = 1000) -> list[str | None]:
        return [one.previous for one in asyncio.run(shelf.store.chain("a", ident, links, size))]

    for number in range(1, 5):
        shelf.store.begin("a", f"r{number}", Stored(b"x" * 10, b"", f"r{number - 1}"))
    assert chain("r4") == ["r3", "r2", "r1", "r0"]
    assert chain("r4", links=2) == ["r3", "r2"]
    assert chain("r4", size=15) == ["r3", "r2"]
    shelf.store.begin("a", "r0", Stored(b"", b"", "r2"))
    assert chain("r2") == ["r1", "r0", "r2"]
    assert shelf.delete("a", "r3")
    assert chain("r4") == ["r3"]
    assert chain("r3") == []
