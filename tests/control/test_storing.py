"""The store as control has it: away without harm, and there by itself."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest

from admin_support import sync
from llm_gateway.config.schema.database import Database
from llm_gateway.control.storing import Storing
from llm_gateway.core.clock import FakeClock
from llm_gateway.store.errors import StoreUnavailable, WrongSchema
from store_support import new_store


@sync
async def test_opened_in_the_end(tmp_path: Path):
    """Each reason is logged once; a wrong schema is looked at again later than a database that is away."""
    store = new_store("sqlite", tmp_path)
    outcomes = [StoreUnavailable("refused"), StoreUnavailable("refused"), WrongSchema("run migrate"), store]
    logged, pauses = [], []

    def opened(*_):
        outcome = outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    storing = Storing(
        Database(),
        tmp_path,
        FakeClock(),
        lambda _level, event, **fields: logged.append((event, fields.get("why"))),
        opened=opened,
        sleep=sleep,
    )
    storing.start()
    await asyncio.wait_for(storing.there.wait(), 5)
    assert await storing.read(lambda connection: connection.dialect.name) == "sqlite"
    assert logged == [("store_away", "refused"), ("store_away", "run migrate"), ("store_ready", None)]
    assert pauses == [0.2, 0.5, 10.0]
    await storing.close()


@sync
async def test_who_asks_before_waits_for_the_first_try(tmp_path: Path):
    """Then he is told, and not kept."""
    gate = asyncio.Event()
    loop = asyncio.get_running_loop()

    def opened(*_):
        asyncio.run_coroutine_threadsafe(gate.wait(), loop).result()
        raise StoreUnavailable("refused")

    storing = Storing(Database(), tmp_path, FakeClock(), lambda *_, **__: None, opened=opened)
    storing.start()
    asked = asyncio.ensure_future(storing.write(lambda _connection: None))
    await asyncio.sleep(0.01)
    assert not asked.done()
    gate.set()
    with pytest.raises(StoreUnavailable, match="not there yet: refused"):
        await asked
    await storing.close()


@pytest.mark.parametrize("alone", [True, False], ids=["cancelled", "the loop ends"])
def test_what_is_opened_too_late_is_closed(tmp_path: Path, alone: bool):
    """Whoever waited for it is gone: cancelled by itself, or with everything else because the loop ends."""
    begun, go_on, closed = threading.Event(), threading.Event(), threading.Event()
    store = new_store("sqlite", tmp_path)

    def opened(*_):
        begun.set()
        assert go_on.wait(20)
        return store

    async def main() -> None:
        storing = Storing(Database(), tmp_path, FakeClock(), lambda *_a, **_b: None, opened=opened)
        storing.start()
        await asyncio.to_thread(begun.wait, 20)
        if alone:
            await storing.close()

    close, store.close = store.close, closed.set  # type: ignore[method-assign]
    asyncio.run(main())
    assert not closed.is_set()
    go_on.set()
    assert closed.wait(20)
    close()
