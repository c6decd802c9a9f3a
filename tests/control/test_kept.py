"""What workers keep, in both databases."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import text

from kept_support import MASTER, control_at
from llm_gateway.config.schema import Config
from llm_gateway.config.values import Duration, Size
from llm_gateway.control.kept import FEW, REST_SECONDS, USES
from llm_gateway.core.clock import FakeClock
from llm_gateway.core.errors import StorageUnavailable
from llm_gateway.credentials.ring import Ring
from llm_gateway.edge.stored import Stored
from llm_gateway.store.errors import StoreUnavailable
from serving import run
from store_support import DIALECTS, new_store

FILES = ("openai", "openai_files")
DAY = 86_400.0


@pytest.fixture(params=DIALECTS)
def store(request, tmp_path: Path):
    made = new_store(request.param, tmp_path)
    yield made
    made.close()


def of(text_: str, previous: str | None = None) -> Stored:
    return Stored(b'{"said":"' + text_.encode() + b'"}', b'["asked"]', previous, "openai", at_provider=True)


def config(**responses) -> Config:
    said = Config()
    return msgspec.structs.replace(said, responses=msgspec.structs.replace(said.responses, **responses))


def test_one_workers_response_is_the_next_ones(store):
    """As soon as it was put, byte for byte, by its owner alone."""

    async def test() -> None:
        async with control_at(store) as control:
            one, two = control.worker().responses, control.worker().responses
            assert await one.put("me", "r1", of("a"))
            assert await two.get("me", "r1") == of("a")
            assert await two.get("you", "r1") is None
            assert not await two.delete("you", "r1")
            assert await one.get("me", "r1") == of("a")
            assert await two.put("me", "r1", of("b"))
            assert await one.get("me", "r1") == of("b")
            assert await two.delete("me", "r1")
            assert await one.get("me", "r1") is None

    run(test)


def test_nothing_that_was_said_is_readable_in_the_database(store):
    """Sealed, with its owner and its id: a row that is moved to somebody else does not open, and is not called absent."""

    async def test() -> None:
        async with control_at(store) as control:
            worker = control.worker().responses
            await worker.put("me", "r1", of("very secret"))
            (row,) = store.read(lambda c: c.execute(text("SELECT response, items FROM responses")).all())
            assert b"secret" not in bytes(row[0])
            assert b"asked" not in bytes(row[1])
            store.write(lambda c: c.execute(text("UPDATE responses SET owner = 'you'")))
            with pytest.raises(StorageUnavailable):
                await worker.get("you", "r1")
            assert [line[1] for line in control.lines] == ["stored_response_unreadable"]
            assert b"secret" not in msgspec.json.encode(control.lines)

    run(test)


def test_after_a_change_of_the_master_key(store):
    """What was sealed with the one before opens while the ring has that."""

    async def test() -> None:
        async with control_at(store) as control:
            await control.worker().responses.put("me", "r1", of("a"))
            control.ring = Ring([b"n" * 32, MASTER])
            control.keeping = control.new()
            assert await control.worker().responses.get("me", "r1") == of("a")

    run(test)


def test_use_keeps_it_and_costs_nothing_mostly(store):
    """A use is written down a few times in the life of a response, not at each of them; without one it goes."""

    async def test() -> None:
        clock = FakeClock()
        async with control_at(store, clock, config=config(ttl=Duration(10 * DAY))) as control:
            worker = control.worker().responses
            await worker.put("me", "r1", of("a"))
            for _ in range(4):
                clock.advance(9 * DAY)
                before = control.database.transactions
                assert await worker.get("me", "r1") is not None
                await asyncio.sleep(0.05)
                assert control.database.transactions == before + 2
                assert await worker.get("me", "r1") is not None
                assert control.database.transactions == before + 3
            clock.advance(10 * DAY + 0.01)
            assert await worker.get("me", "r1") is None
        assert USES > 1

    run(test)


def test_a_conversation_is_one_question(store):
    """However long it is, unless it is large; what is missing in it is looked for among the workers once."""

    async def test() -> None:
        async with control_at(store) as control:
            worker = control.worker().responses
            for number in range(30):
                await worker.put("me", f"r{number}", of("x" * 100, f"r{number - 1}" if number else None))
            control.asked.clear()
            chain = await worker.chain("me", "r29", 1000, 1 << 20)
            assert [one.previous for one in chain] == [*[f"r{number}" for number in range(28, -1, -1)], None]
            assert control.asked == ["large"]
            assert len(await worker.chain("me", "r29", 7, 1 << 20)) == 7
            assert len(await worker.chain("me", "r29", 1000, 500)) == 5
            await worker.delete("me", "r10")
            control.settled.clear()
            assert len(await worker.chain("me", "r29", 1000, 1 << 20)) == 19
            assert control.settled == [["responses", "me", "r10", []]] * 2

    run(test)


def test_what_waits_at_another_worker_is_found(store):
    """A response whose worker has not handed it in yet is not unknown: that worker does so now."""

    async def test() -> None:
        async with control_at(store) as control:
            one, two = control.worker(), control.worker()
            control.away = True
            assert one.responses.begin("me", "r1", of("a"))
            await one.owners.add(FILES, ["f1"], "me")
            await asyncio.sleep(0.4)  # it does not try at every moment
            control.away = False
            assert await two.responses.get("me", "r1") == of("a")
            assert await two.owners.owners(FILES, ["f1"]) == {"f1": "me"}

    run(test)


def test_while_the_database_is_away_nobody_is_told_that_nothing_is_there(store):
    """It is asked again in a while and not at each question; what was put meanwhile is there afterwards."""

    async def test() -> None:
        clock = FakeClock()
        async with control_at(store, clock) as control:
            worker = control.worker()
            await worker.responses.put("me", "r1", of("a"))
            control.database.fails = StoreUnavailable("gone")
            before = control.database.transactions
            for _ in range(3):
                with pytest.raises(StorageUnavailable):
                    await worker.responses.get("me", "r1")
                with pytest.raises(StorageUnavailable):
                    await worker.responses.delete("me", "r1")
                with pytest.raises(StorageUnavailable):
                    await worker.owners.owners(FILES, ["f"])
            assert control.database.transactions == before + 1
            assert worker.responses.begin("me", "r2", of("b", "r1"))
            assert await worker.responses.get("me", "r2") == of("b", "r1")
            control.database.fails = None
            clock.advance(REST_SECONDS)
            assert await control.worker().responses.get("me", "r2") == of("b", "r1")

    run(test)


def test_what_was_deleted_is_not_put_back(store):
    """A worker that hands in late what another one's caller has deleted meanwhile is refused."""

    async def test() -> None:
        clock = FakeClock()
        async with control_at(store, clock) as control:
            one, two = control.worker().responses, control.worker().responses
            await one.put("me", "r1", of("a"))
            control.away = True
            one.begin("me", "r1", of("later"))
            await asyncio.sleep(0)
            control.away = False
            control.workers.pop(0)  # it does not hear that it should hand in
            clock.advance(1)
            assert await two.delete("me", "r1")
            await one.close()
            assert await two.get("me", "r1") is None
            clock.advance(1)
            assert await two.put("me", "r1", of("new"))
            assert await two.get("me", "r1") == of("new")

    run(test)


def test_limits_of_one_and_of_a_key(store):
    """What can never fit is not kept, and who puts it knows."""

    async def test() -> None:
        async with control_at(store, config=config(size=Size(100_000), key_size=Size(20_000))) as control:
            worker = control.worker().responses
            assert not await worker.put("me", "r1", of("x" * 20_000))
            assert await worker.put("me", "r2", of("x" * 10_000))
            assert not await worker.put("me", "x" * 257, of("a"))
            assert not await worker.put("me", "", of("a"))
            assert not await worker.put("me", "a\0b", of("a"))
            assert await worker.get("me", "a\0b") is None
            assert await worker.get("me", "x" * 257) is None

    run(test)


def test_owners_of_files(store):
    """Whoever made one keeps it; forgotten ones are nobody's; a long list of strangers' files bothers no worker."""

    async def test() -> None:
        async with control_at(store) as control:
            one, two = control.worker().owners, control.worker().owners
            await one.add(FILES, ["a", "b"], "ann")
            await two.add(FILES, ["b", "c"], "bob")
            assert await two.owners(FILES, ["a", "b", "c", "d"]) == {"a": "ann", "b": "ann", "c": "bob"}
            assert await two.owners(("other", "openai_files"), ["a"]) == {}
            await two.forget(FILES, "a")
            assert await one.owners(FILES, ["a"]) == {}
            control.settled.clear()
            assert await one.owners(FILES, [f"x{number}" for number in range(FEW + 1)]) == {}
            assert control.settled == []

    run(test)


def test_one_that_starts_is_waited_for(store):
    """Control is back before its store is: who asks then waits, for a moment."""

    async def test() -> None:
        async with control_at(store) as control:
            worker = control.worker().responses
            await worker.put("me", "r1", of("a"))
            control.database.there.clear()
            control.keeping = control.new()
            asking = asyncio.create_task(worker.get("me", "r1"))
            await asyncio.sleep(0.1)
            assert not asking.done()
            control.database.there.set()
            assert await asking == of("a")

    run(test)
