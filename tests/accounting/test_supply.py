"""The log's thread."""

from __future__ import annotations

from pathlib import Path

from accounting.test_wal import until
from accounting_support import CLOCK
from llm_gateway.accounting.owner import Owner
from llm_gateway.accounting.segment import HEADER_BYTES, numbers
from llm_gateway.accounting.supply import Supply


def test_there_is_always_a_next_one(tmp_path: Path) -> None:
    """The first is there at once; when one is taken, another is made in the background; at the end the unused one goes."""
    owner = Owner(tmp_path, bytes(16))
    supply = Supply(tmp_path, 0, bytes(16), 1 << 20, owner, CLOCK.now, first=5)
    first = supply.take()
    assert first is not None
    assert first.number == 5
    until(lambda: supply.spare is not None)
    assert numbers(tmp_path) == [5, 6]
    assert owner.highest == 6
    first.seal(HEADER_BYTES)
    supply.retire(first, HEADER_BYTES)
    until(lambda: first.path.stat().st_size == HEADER_BYTES + 4)
    supply.close(None, None)
    owner.close()
    assert numbers(tmp_path) == [5]
