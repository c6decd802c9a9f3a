"""The table of faults is whole, and each of them has a test."""

from __future__ import annotations

from pathlib import Path

import pytest

from llm_gateway.simulator import fault_rows
from llm_gateway.simulator.faults import table
from simulator.support import CHAT, chat, check_chat_stream, exchange, post


def test_every_fault_is_tested():
    """For each fault there is a test that bears its name."""
    sources = "\n".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py"))
    assert [name for name in table.KINDS if f"def test_{name}(" not in sources] == []


def test_rows_for_people():
    """The command line's table names each fault once and says what it does."""
    rows = fault_rows()
    assert len({row["name"] for row in rows}) == len(rows) == len(table.KINDS)
    assert all(row["about"] and row["kind"] in table.GROUPS for row in rows)


@pytest.mark.parametrize("spec", ["gzip+crlf+rechunk:mode=byte", "rechunk:mode=byte+gzip+crlf"])
def test_order_does_not_matter(simulator, spec):
    """Faults are applied in the table's order: first said, then coded, then cut up."""
    import gzip

    answer = exchange(simulator.url, post(f"/f/{spec}{CHAT}", chat(stream=True)))
    assert {len(chunk) for chunk in answer.chunks} == {1}
    plain = gzip.decompress(answer.body)
    assert b"\r\n" in plain
    check_chat_stream(plain)
