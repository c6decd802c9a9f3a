"""Whose a file is: remembered within bounds."""

from __future__ import annotations

import asyncio

from llm_gateway.core.clock import FakeClock
from llm_gateway.edge.ownership import MemoryOwners

FILES = ("openai", "openai_files")
OTHERS = ("azure", "openai_files")
NAMES = ["a", "b", "c", *(f"{owner}{number}" for owner in ("ann", "bob") for number in range(50))]
"""Every id that is made here."""


async def count(owners, owner) -> int:
    return list((await owners.owners(FILES, NAMES)).values()).count(owner)


def test_what_was_made_is_its_maker_s():
    """At that provider, until it is forgotten; the first who made it keeps it."""

    async def main():
        owners = MemoryOwners(FakeClock().monotonic)
        await owners.add(FILES, ["a", "b"], "ann")
        await owners.add(FILES, ["b", "c"], "bob")
        assert await owners.owners(FILES, ["a", "b", "c", "d"]) == {"a": "ann", "b": "ann", "c": "bob"}
        assert await owners.owners(OTHERS, ["a"]) == {}
        assert await count(owners, "ann") == 2
        await owners.forget(FILES, "a")
        await owners.forget(FILES, "a")
        assert await owners.owners(FILES, ["a"]) == {}

    asyncio.run(main())


def test_time_passes():
    """What is too old is nobody's, and may be somebody's again."""

    async def main():
        clock = FakeClock()
        owners = MemoryOwners(clock.monotonic, seconds=10)
        await owners.add(FILES, ["a"], "ann")
        clock.advance(9.9)
        assert await owners.owners(FILES, ["a"]) == {"a": "ann"}
        clock.advance(0.2)
        assert await owners.owners(FILES, ["a"]) == {}
        assert await count(owners, "ann") == 0
        await owners.add(FILES, ["a"], "bob")
        assert await owners.owners(FILES, ["a"]) == {"a": "bob"}

    asyncio.run(main())


def test_too_many():
    """Whoever has most loses his oldest: nobody can make another one's be forgotten."""

    async def main():
        owners = MemoryOwners(FakeClock().monotonic, most=10)
        await owners.add(FILES, ["ann1", "ann2"], "ann")
        for number in range(50):
            await owners.add(FILES, [f"bob{number}"], "bob")
        assert await count(owners, "ann") == 2
        assert await count(owners, "bob") == 8
        assert await owners.owners(FILES, ["bob41", "bob42"]) == {"bob42": "bob"}
        owners.configure(3, 100.0)
        await owners.add(FILES, ["ann3"], "ann")
        assert await count(owners, "ann") + await count(owners, "bob") == 3

    asyncio.run(main())
