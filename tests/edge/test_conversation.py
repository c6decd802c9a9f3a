"""The conversation that a kept response ends."""

from __future__ import annotations

import asyncio

import pytest

from llm_gateway.core.clock import FakeClock
from llm_gateway.core.errors import PayloadTooLarge
from llm_gateway.edge.conversation import LONGEST_CHAIN, conversation, facts, items_of
from llm_gateway.edge.stored import MemoryStore, Stored


def link(number: int, previous: int | None) -> Stored:
    return Stored(b'{"output":[{"n":%d}]}' % number, b'[{"asked":%d}]' % number, None if previous is None else f"r{previous}")


def shelf(*links: tuple[int, int | None]) -> MemoryStore:
    """Responses by their numbers, each with the one that it goes on from."""
    store = MemoryStore(FakeClock().monotonic)
    for number, previous in links:
        assert store.begin("me", f"r{number}", link(number, previous))
    return store


def numbers(store: MemoryStore, last: int, longest: int = 1 << 20) -> list[bytes] | None:
    async def read():
        found = await store.get("me", f"r{last}")
        return await conversation(store, "me", f"r{last}", found, longest)

    chain = asyncio.run(read())
    return None if chain is None else [bytes(item) for one in chain for item in items_of(one)]


def test_it_is_told_from_its_beginning():
    """What was asked and what was answered, in turn."""
    assert numbers(shelf((1, None)), 1) == [b'{"asked":1}', b'{"n":1}']
    assert numbers(shelf((1, None), (2, 1)), 2) == [b'{"asked":1}', b'{"n":1}', b'{"asked":2}', b'{"n":2}']


def test_one_without_its_beginning_is_none():
    """A gap, a ring, a response that goes on from itself, more than anybody says."""
    assert numbers(shelf((2, 1)), 2) is None
    assert numbers(shelf((1, 3), (2, 1), (3, 2)), 3) is None
    assert numbers(shelf((1, 1)), 1) is None
    long = [(1, None), *((number, number - 1) for number in range(2, LONGEST_CHAIN + 2))]
    assert numbers(shelf(*long), LONGEST_CHAIN) is not None
    assert numbers(shelf(*long), LONGEST_CHAIN + 1) is None


def test_it_is_bounded_in_bytes():
    """Whether it is complete is not even looked at."""
    with pytest.raises(PayloadTooLarge):
        numbers(shelf((1, None), (2, 1)), 2, 40)
    with pytest.raises(PayloadTooLarge):
        numbers(shelf((2, 1)), 2, 10)


def test_what_is_no_response_says_nothing():
    """Whatever a provider called one."""
    assert (facts(b'{"id":"r","status":"queued"}').id, facts(b"nonsense").id, facts(b'{"id":7}').id) == ("r", "", "")
