"""What goes with time, and what is too much."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import pytest

from kept_support import control_at
from llm_gateway.channel.peer import Refused
from llm_gateway.config.schema import Config
from llm_gateway.config.values import Duration, Size
from llm_gateway.control import kept_sweeps
from llm_gateway.control.kept_sweeps import EVERY, SOONEST
from llm_gateway.core.clock import FakeClock
from llm_gateway.edge.stored import Stored
from llm_gateway.store import responses
from llm_gateway.store.errors import StoreUnavailable
from serving import run, until
from store_support import DIALECTS, new_store

FILES = ("openai", "openai_files")


@pytest.fixture(params=DIALECTS)
def store(request, tmp_path: Path):
    made = new_store(request.param, tmp_path)
    yield made
    made.close()


def config(files=None, **said) -> Config:
    made = Config()
    changed = msgspec.structs.replace(made, responses=msgspec.structs.replace(made.responses, **said))
    return msgspec.structs.replace(changed, files=msgspec.structs.replace(made.files, **(files or {})))


def test_what_is_too_old_or_too_much_goes(store, monkeypatch):
    """Responses by their last use, then by size, and of a key by its own; owners by age and number; what was deleted, forgotten."""
    monkeypatch.setattr(kept_sweeps, "BATCH", 2)

    async def test() -> None:
        clock = FakeClock()
        said = config({"remember": Duration(50), "entries": 3}, ttl=Duration(100), size=Size(30_000), key_size=Size(15_000))
        async with control_at(store, clock, config=said) as control:
            worker, sweeps = control.worker(), control.keeping._sweeps
            for number in range(5):
                await worker.responses.put("old", f"o{number}", Stored(b"{}", b""))
            await worker.responses.put("me", "x", Stored(b"{}", b""))
            await worker.responses.delete("me", "x")
            await worker.owners.add(FILES, ["a"], "me")
            clock.advance(101)
            for owner in ("ann", "bob", "cy"):
                for number in range(3):
                    await worker.responses.put(owner, f"{owner}{number}", Stored(b"x" * 6000, b""))
                    clock.advance(0.001)
            for item in "bcdef":
                await worker.owners.add(FILES, [item], "me")
                clock.advance(0.001)
            assert store.read(responses.size) > 60_000
            assert await sweeps.sweep() == 5
            sizes = [[bool(await worker.responses.get(owner, f"{owner}{n}")) for n in range(3)] for owner in ("ann", "bob", "cy")]
            assert sum(map(sum, sizes)) == 4
            assert all(not one[0] and one[2] for one in sizes)
            assert await worker.responses.get("old", "o1") is None
            assert set(await worker.owners.owners(FILES, "abcdef")) == set("def")
            clock.advance(responses.DELETED / 1000)
            await sweeps.sweep()
            assert store.read(lambda c: c.exec_driver_sql("SELECT count(*) FROM responses").scalar()) == 0

    run(test)


def test_another_setting_deletes_nothing_at_once(store):
    """What is not in use may be wanted again tomorrow; it goes with time."""

    async def test() -> None:
        async with control_at(store, config=config(store="memory", size=Size(1))) as control:
            control.config = config()
            await control.worker().responses.put("me", "r", Stored(b"{}", b""))
            control.config = config(store="none", size=Size(1))
            assert await control.keeping._sweeps.sweep() == 0
            assert await control.worker().responses.get("me", "r") is not None

    run(test)


def test_once_a_minute_and_sooner_after_much(store):
    """And while the store is away it is left for later."""

    async def test() -> None:
        async with control_at(store, config=config(size=Size(30_000))) as control:
            slept: list[float] = []
            gate = asyncio.Event()

            async def sleep(seconds: float) -> None:
                slept.append(seconds)
                if len(slept) in {14, 20, 26}:
                    gate.clear()
                    await gate.wait()
                await asyncio.sleep(0)

            sweeps = control.keeping._sweeps
            sweeps._sleep = sleep
            counted: list[int] = []
            really = sweeps.sweep

            async def sweep() -> int:
                counted.append(len(slept))
                return await really()

            sweeps.sweep = sweep  # type: ignore[method-assign]
            control.keeping.start()
            await until(lambda: len(slept) == 14)
            assert counted == [EVERY / SOONEST]
            await control.worker().responses.put("me", "r", Stored(b"x" * 4000, b""))
            control.database.fails = StoreUnavailable("gone")
            gate.set()
            await until(lambda: len(slept) == 20)
            assert counted == [12, 14]
            control.database.fails = None
            with pytest.raises(Refused):
                await really()

    run(test)
