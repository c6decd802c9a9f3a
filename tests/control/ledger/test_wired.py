"""The ledger in control, as workers meet it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from control.ledger.books import NOON, Direct, Writer, clock, noted
from llm_gateway.channel.peer import Refused
from llm_gateway.config.schema import Config
from llm_gateway.control.ledger.wired import Keeping, node_of
from llm_gateway.store.connect import Store

WORKER: Any = SimpleNamespace(slot=0)
QUESTION = ["key:k1:cost:day", "key", "k1", "day", "UTC", NOON * 1000]


def keeping(state: Path, direct: Direct) -> Keeping:
    return Keeping(state, direct, clock(), noted(), config=Config, environ={})


def test_a_state_directory_has_a_name_of_its_own(tmp_path: Path) -> None:
    """Made once; of two directories, two."""
    assert node_of(tmp_path / "a") == node_of(tmp_path / "a") != node_of(tmp_path / "b")


def test_what_was_spent_is_told_with_all_that_was_written_before(store: Store, tmp_path: Path) -> None:
    """L#28247: a worker that begins is told nothing before the logs of those before it are in the store."""

    async def run() -> None:
        writer = Writer(tmp_path, 3)
        for cost in (1, 2, 3):
            writer.whole(cost)
        made = keeping(tmp_path, Direct(store))
        made.start()
        assert (await made.asked["spent"](WORKER, ["node", [QUESTION]]))[0][:2] == [6, 6]
        writer.whole(4)
        assert (await made.asked["spent"](WORKER, ["node", [QUESTION]]))[0][:2] == [10, 10]
        await made.close()
        writer.wal.close()

    asyncio.run(run())


def test_a_store_that_is_away_is_said_to_be(store: Store, tmp_path: Path) -> None:
    """Nobody waits for it, and no figure is made up."""

    async def run() -> None:
        direct = Direct(store)
        direct.away = True
        made = keeping(tmp_path, direct)
        made.start()
        (tmp_path / "ledger" / "0").mkdir()
        while not made.shipper.problem:
            await asyncio.sleep(0.01)
        with pytest.raises(Refused) as refused:
            await made.asked["spent"](WORKER, ["node", [QUESTION]])
        assert refused.value.kind == "away"
        await made.close()

    asyncio.run(run())
