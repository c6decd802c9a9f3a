"""Rows of the ledger as files: CSV, JSONL, Parquet. Written as they are read: whatever their number, a few are in memory."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any, BinaryIO, Final

import msgspec

from llm_gateway.control.ledger.queries import cell, row_view
from llm_gateway.core.ledger import LedgerRow

Pages = Iterable[list[LedgerRow]]
COLUMNS: Final = ("at_ms", "cost_nanodollars", *LedgerRow.__struct_fields__)
_NESTED: Final = frozenset({"tags", "units", "unpriced", "attempts"})
_FLAGS: Final = frozenset({"stream", "estimated"})
_REALS: Final = frozenset({"latency_ms", "ttft_ms"})
_TEXTS: Final = frozenset(
    name
    for name, field in zip(LedgerRow.__struct_fields__, msgspec.structs.fields(LedgerRow), strict=True)
    if field.type is not int and name not in _FLAGS | _REALS
) | {"at", "cost"}


class NoParquet(Exception):
    """The library for it is not installed; the message says how to get it."""


def write_jsonl(pages: Pages, out: BinaryIO) -> int:
    """One JSON object a line; how many."""
    count = 0
    encode = msgspec.json.Encoder().encode
    for rows in pages:
        out.write(b"".join(encode(row_view(row)) + b"\n" for row in rows))
        count += len(rows)
    return count


def write_csv(pages: Pages, out: BinaryIO) -> int:
    """RFC 4180, with a heading; how many rows. What is nested is JSON in its cell."""
    count = 0
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for rows in pages:
        for row in rows:
            view = row_view(row)
            writer.writerow([cell(view[name]) for name in COLUMNS])
        out.write(text.getvalue().encode())
        text.seek(0)
        text.truncate()
        count += len(rows)
    out.write(text.getvalue().encode())
    return count


def write_parquet(pages: Pages, out: BinaryIO) -> int:
    """One row group for each page that is read; how many rows. What is nested is JSON as text. Raises NoParquet."""
    try:
        import pyarrow as pa  # type: ignore[import-untyped]  # noqa: PLC0415 - heavy, and an extra
        from pyarrow import parquet  # noqa: PLC0415 - see above
    except ImportError:
        raise NoParquet("Parquet needs pyarrow: pip install 'llm-gateway[parquet]'.") from None
    kinds = {name: pa.string() if name in _TEXTS else pa.bool_() if name in _FLAGS else pa.int64() for name in COLUMNS}
    kinds |= dict.fromkeys(_REALS, pa.float64())
    schema = pa.schema([(name, kinds[name]) for name in COLUMNS])
    count = 0
    with parquet.ParquetWriter(out, schema, compression="zstd") as writer:
        for rows in pages:
            if not rows:
                continue
            views = [row_view(row) for row in rows]
            columns = [[_plain(name, view[name]) for view in views] for name in COLUMNS]
            arrays = [pa.array(values, kinds[name]) for name, values in zip(COLUMNS, columns, strict=True)]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
            count += len(rows)
    return count


def _plain(name: str, value: Any) -> Any:
    return msgspec.json.encode(value).decode() if name in _NESTED else value


FORMATS: Final[Mapping[str, Callable[[Pages, BinaryIO], int]]] = MappingProxyType(
    {"csv": write_csv, "jsonl": write_jsonl, "parquet": write_parquet}
)
