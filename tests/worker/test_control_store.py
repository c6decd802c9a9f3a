"""A worker's view of what control keeps, while control comes and goes."""

from __future__ import annotations

import asyncio

import pytest

from kept_support import control_at
from llm_gateway.channel.large import MOST
from llm_gateway.core.clock import FakeClock
from llm_gateway.core.errors import StorageUnavailable
from llm_gateway.edge.stored import Stored
from llm_gateway.worker import control_store
from llm_gateway.worker.control_store import PATIENCE
from serving import run, until
from store_support import new_store

FILES = ("openai", "openai_files")
STORED = Stored(b"{}", b"[]")


@pytest.fixture
def store(tmp_path):
    made = new_store("sqlite", tmp_path)
    yield made
    made.close()


def test_who_asks_while_control_is_restarted_waits_for_it(store):
    """A second without control is no error."""

    async def test() -> None:
        async with control_at(store) as control:
            worker = control.worker()
            await worker.responses.put("me", "r", STORED)
            control.away = True
            asking = asyncio.create_task(worker.responses.get("me", "r"))
            deleting = asyncio.create_task(worker.responses.delete("me", "x"))
            await asyncio.sleep(0.2)
            assert not asking.done()
            control.away = False
            assert await asking == STORED
            assert not await deleting

    run(test)


def test_when_it_was_away_for_long_everybody_is_told_at_once(store):
    """The first waits as long as it takes to know; those after it do not; later it is the same again."""

    async def test() -> None:
        clock = FakeClock()
        async with control_at(store, clock) as control:
            worker = control.worker().responses
            for _ in range(2):
                control.away = True
                asking = asyncio.create_task(worker.get("me", "r"))
                await asyncio.sleep(0.02)
                clock.advance(PATIENCE / 2)
                await asyncio.sleep(0.07)
                assert not asking.done()
                clock.advance(PATIENCE / 2)
                with pytest.raises(StorageUnavailable) as refused:
                    await asking
                assert refused.value.retry_after == 1.0
                begun = asyncio.get_running_loop().time()
                with pytest.raises(StorageUnavailable):
                    await worker.get("me", "r")
                assert asyncio.get_running_loop().time() - begun < 5  # whoever waits waits for the clock, which stands still
                control.away = False
                assert await worker.get("me", "r") is None

    run(test)


def test_only_so_many_wait(store, monkeypatch):
    """Others' memory is not spent on them."""
    monkeypatch.setattr(control_store, "MOST_ASKING", 3)

    async def test() -> None:
        async with control_at(store) as control:
            worker = control.worker().responses
            control.away = True
            asking = [asyncio.create_task(worker.get("me", f"r{number}")) for number in range(3)]
            await asyncio.sleep(0)
            with pytest.raises(StorageUnavailable, match="too many"):
                await worker.get("me", "r")
            control.away = False
            assert await asyncio.gather(*asking) == [None] * 3

    run(test)


def test_while_control_is_away_what_is_put_is_there(store, monkeypatch):
    """At this worker at once, conversations among it too; in the database when control is back; until there is no room."""
    monkeypatch.setattr(control_store, "KEPT_SECONDS", 0.05)
    monkeypatch.setattr(control_store, "MOST_WAITING", 5000)
    monkeypatch.setattr(control_store, "PATIENCE", 0.2)

    async def test() -> None:
        async with control_at(store) as control:
            worker = control.worker()
            control.away = True
            assert await worker.responses.put("me", "r1", STORED)
            assert worker.responses.begin("me", "r2", Stored(b"{}", b"[]", "r1"))
            assert len(await worker.responses.chain("me", "r2", 10, 1000)) == 2
            assert not await worker.responses.put("me", "r3", Stored(b"x" * 5000, b""))
            await worker.owners.add(FILES, ["f"], "me")
            assert await worker.owners.owners(FILES, ["f"]) == {"f": "me"}
            with pytest.raises(StorageUnavailable):
                await worker.owners.owners(FILES, ["f", "g"])
            control.away = False
            other = control.worker()
            assert len(await other.responses.chain("me", "r2", 10, 1000)) == 2
            await until(lambda: not len(worker.responses._handing))

    run(test)


def test_a_conversation_between_memory_and_database(store):
    """Its newest part waits, its oldest was taken long ago."""

    async def test() -> None:
        async with control_at(store) as control:
            worker = control.worker().responses
            await worker.put("me", "r1", STORED)
            await worker.put("me", "r2", Stored(b"2", b"", "r1"))
            control.away = True
            worker.begin("me", "r3", Stored(b"3", b"", "r2"))
            asking = asyncio.create_task(worker.chain("me", "r3", 10, 1000))
            await asyncio.sleep(0.1)
            control.away = False
            assert [one.response for one in await asking] == [b"3", b"2", b"{}"]

    run(test)


def test_large_conversations_come_in_parts(store, monkeypatch):
    """No answer of control is larger than it should be, and all of the conversation is there."""
    monkeypatch.setattr(control_store, "ONE_ANSWER", 1000)

    async def test() -> None:
        async with control_at(store) as control:
            worker = control.worker().responses
            for number in range(10):
                await worker.put("me", f"r{number}", Stored(b"x" * 400, b"", f"r{number - 1}" if number else None))
            control.asked.clear()
            assert len(await worker.chain("me", "r9", 100, 1 << 20)) == 10
            assert len(control.asked) == 4

    run(test)


def test_a_file_that_could_not_be_noted_is_told(store, monkeypatch):
    """Too many wait: whoever made one more knows that it is nobody's."""
    monkeypatch.setattr(control_store, "MOST_ITEMS", 2)
    monkeypatch.setattr(control_store, "KEPT_SECONDS", 0.01)

    async def test() -> None:
        async with control_at(store) as control:
            worker = control.worker().owners
            control.away = True
            await worker.add(FILES, ["a", "b"], "me")
            await worker.add(FILES, ["a", "b"], "you")
            with pytest.raises(StorageUnavailable):
                await worker.add(FILES, ["c"], "me")
            control.away = False
            assert await worker.owners(FILES, ["a", "b"]) == {"a": "me", "b": "me"}

    run(test)


def test_what_no_channel_carries_is_not_kept(store):
    """It would be tried for a day, and its caller would believe that it is there."""

    async def test() -> None:
        async with control_at(store) as control:
            assert not await control.worker().responses.put("me", "r", Stored(b"x" * MOST, b""))
            assert control.asked == []

    run(test)
