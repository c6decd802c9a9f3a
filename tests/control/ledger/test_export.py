"""Rows as files."""

from __future__ import annotations

import builtins
import csv
import io
from typing import Any

import msgspec
import pyarrow.parquet as pq
import pytest

from control.ledger.books import row
from llm_gateway.control.ledger.export import COLUMNS, FORMATS, NoParquet
from llm_gateway.core.ledger import AttemptRow

ROWS = [
    row("1", 1_500_000_001, user="=1+1", units={"pages": 2.0}, attempts=(AttemptRow("a", "m", 200, "", 1.5),)),
    row("2", -5, status="correction", corrects="1", user='a "b", c\r\nd'),
]


def written(kind: str, pages: list[Any]) -> bytes:
    out = io.BytesIO()
    assert FORMATS[kind](pages, out) == sum(map(len, pages))
    return out.getvalue()


def test_every_format_has_the_same_rows() -> None:
    """All fields, money exactly and as a whole number beside it, what is nested as JSON where a cell is flat."""
    pages = [ROWS[:1], [], ROWS[1:]]
    lines = [msgspec.json.decode(line) for line in written("jsonl", pages).splitlines()]
    cells = list(csv.DictReader(io.StringIO(written("csv", pages).decode(), newline="")))
    table = pq.read_table(io.BytesIO(written("parquet", pages))).to_pylist()
    for found in (lines, cells, table):
        assert [one["id"] for one in found] == ["1", "2"]
        assert [one["cost"] for one in found] == ["1.500000001", "-0.000000005"]
        assert [int(one["cost_nanodollars"]) for one in found] == [1_500_000_001, -5]
        assert found[0].keys() >= set(COLUMNS)
    assert lines[0]["attempts"] == msgspec.json.decode(cells[0]["attempts"]) == msgspec.json.decode(table[0]["attempts"])
    assert (cells[1]["user"], table[0]["stream"], table[0]["latency_ms"]) == ('a "b", c\r\nd', False, 0.0)


def test_a_cell_is_no_formula() -> None:
    """A name that a caller chose must not be run by whoever opens the file; a negative amount stays one."""
    cells = list(csv.DictReader(io.StringIO(written("csv", [ROWS]).decode(), newline="")))
    assert (cells[0]["user"], cells[1]["cost"]) == ("'=1+1", "-0.000000005")


def test_an_empty_ledger_is_an_empty_file() -> None:
    """With a heading where the format has one."""
    assert written("jsonl", []) == b""
    assert written("csv", []).startswith(b"at_ms,")
    assert pq.read_table(io.BytesIO(written("parquet", []))).num_rows == 0


def test_without_pyarrow_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is an extra."""
    plain = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name == "pyarrow":
            raise ImportError(name)
        return plain(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(NoParquet, match=r"llm-gateway\[parquet\]"):
        FORMATS["parquet"]([], io.BytesIO())
