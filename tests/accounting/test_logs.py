"""Where the logs are."""

from __future__ import annotations

import os
from pathlib import Path

from accounting_support import CLOCK
from llm_gateway.accounting.fold import Fold
from llm_gateway.accounting.logs import directory_of, expire, open_log, slots
from llm_gateway.accounting.scan import Scanner
from llm_gateway.accounting.segment import numbers
from llm_gateway.config.schema import Config, Ledger, State
from llm_gateway.config.values import Duration, Size


def config(state: Path, **said: object) -> Config:
    return Config(state=State(dir=str(state)), ledger=Ledger(**{"segment": Size(1 << 20), **said}))  # type: ignore[arg-type]


def test_a_worker_has_its_own(tmp_path: Path) -> None:
    """In state.dir/ledger, by slot, as large as the configuration says; none where it wants none."""
    for slot in (0, 11, 2):
        wal = open_log(config(tmp_path), slot, CLOCK.now)
        assert wal is not None
        assert (directory_of(tmp_path, slot) / "000000000001.wal").stat().st_size == 1 << 20
        wal.close()
    assert slots(tmp_path) == [0, 2, 11]
    assert slots(tmp_path / "none") == []
    assert open_log(config(tmp_path, enabled=False), 5, CLOCK.now) is None


def test_shipped_segments_go_after_a_while(tmp_path: Path) -> None:
    """Never one that holds a request that runs, nor one that is younger than `keep`."""
    section = config(tmp_path, keep=Duration(100)).ledger
    directory = directory_of(tmp_path, 0)
    for _ in range(3):
        wal = open_log(config(tmp_path), 0, CLOCK.now)
        assert wal is not None
        wal.append(b"x")
        wal.close()
    scanner, fold = Scanner(directory), Fold()
    while (batch := scanner.read()).frames:
        fold.take(batch)
    before = numbers(directory)
    now = (directory / "000000000001.wal").stat().st_mtime
    assert expire(directory, fold.checkpoint, section, now + 50) == 0
    os.utime(directory / "000000000001.wal", (now - 500, now - 500))
    assert expire(directory, fold.checkpoint, section, now + 50) == 1
    assert numbers(directory) == before[1:]
    later = fold.checkpoint._replace(segment=before[2], offset=64)
    assert expire(directory, later, section, now + 500) == 1
    assert numbers(directory) == before[2:]
