"""What a session's parts cost, and their sum."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounting_support import Book, asked, exchange, ledger, log, per_token, rows, served
from llm_gateway.accounting.parts import added, part_of
from llm_gateway.accounting.records import Intent, Outcome, Part, decoded
from llm_gateway.core.exchange import Exchange
from llm_gateway.core.ledger import Bill, Priced
from llm_gateway.core.usage import MediaUsage, Usage
from llm_gateway.dialects.base import Operation


def session(book: object, provider: str = "a", **facts: object) -> tuple[Exchange, object]:
    """One that was opened."""
    made = ledger(book)
    ex = exchange(b"", operation=Operation.REALTIME, stream=True)
    made.admit(ex)
    asked(made, ex, provider, **facts)
    served(ex)
    return ex, made


def test_the_row_is_the_sum_of_what_was_told(tmp_path: Path) -> None:
    """One row, with the price of each part, whatever else the request knows of its use; and nothing is told twice."""
    wal = log(tmp_path)
    ex, made = session(wal)
    parts = [made.part(ex, Usage(input=10, cache_read=5, output=1)), made.part(ex, Usage(input=20, output=2, audio_output=3))]
    assert [part.cost for part in parts] == [40, 90]
    ex.usage = Usage(input=30, cache_read=5, output=3, audio_output=3)
    made.ended(ex)
    made.ended(ex)
    (row,) = rows(tmp_path)
    assert (row.status, row.input, row.cache_read, row.output, row.audio_output) == ("completed", 30, 5, 3, 3)
    assert (row.cost, row.cost_source, row.price_version, row.estimated, row.unpriced) == (130, "prices", "v1", False, ())
    assert ex.bill.cost == 130
    wal.close()


def test_the_log_tells_all_so_far(tmp_path: Path) -> None:
    """With each part, so that the row of a worker that dies is what was charged."""
    book = Book()
    ex, made = session(book)
    made.part(ex, Usage(input=10, output=1))
    made.part(ex, MediaUsage(seconds=1.5))
    made.ended(ex)
    made.part(ex, Usage(input=1))
    records = [decoded(payload) for payload in book.payloads]
    assert [type(record) for record in records] == [Intent, Part, Part, Outcome]
    first, second = records[1:3]
    assert (first.tokens[:5], first.units, first.cost) == ((10, 0, 0, 0, 1), None, 30)
    assert (second.tokens[:5], second.units, second.provider) == ((10, 0, 0, 0, 1), {"seconds": 1.5}, "a")


def test_a_log_that_is_full_keeps_its_room_for_endings() -> None:
    """The session's own tells the sum; a record that is lost is an alarm."""
    book = Book()
    ex, made = session(book)
    book.full = True
    made.part(ex, Usage(input=10, output=1))
    assert len(book.payloads) == 1
    book.full, book.refuses = False, True
    made.part(ex, Usage(input=10, output=1))
    book.refuses = False
    made.ended(ex)
    assert decoded(book.payloads[-1]).cost == 60
    assert made.alarm.events == ["ledger_full"]


@pytest.mark.parametrize(
    ("usage", "provider", "expected"),
    [
        (None, "a", Bill(Usage(), 0, "none", True, ("usage",), "", "")),
        (Usage(input=-1), "a", Bill(Usage(), 0, "none", True, ("usage",), "", "")),
        (Usage(output=11 * 1000), "a", Bill(Usage(), 0, "none", True, ("usage",), "", "")),
        (Usage(), "a", Bill(Usage(), 0, "none", False, (), "", "")),
        (Usage(output=5), "free", Bill(Usage(output=5), 0, "none", False, ("output",), "", "")),
        (Usage(output=5), "a", Bill(Usage(output=5), 50, "prices", False, (), "v1", "")),
    ],
)
def test_one_part(usage: Usage | None, provider: str, expected: Bill) -> None:
    """What nobody told, what cannot be and what has no price is never 0 in silence."""
    ex, _ = session(Book(), provider, context=1000)
    assert part_of(ex, usage, per_token, 0.0, ex.entry.candidate) == expected


def test_a_price_of_nothing_is_named() -> None:
    """As in a request's bill: a model that costs nothing says so in its row."""
    ex, _ = session(Book())
    free = Priced(0, "standard", (), False, "v2")
    made = part_of(ex, Usage(output=5), lambda *_asked: free, 0.0, None)
    assert made == Bill(Usage(output=5), 0, "prices", False, ("output",), "v2", "")


@given(st.lists(st.tuples(st.integers(0, 100), st.integers(0, 100), st.booleans()), min_size=1, max_size=9))
def test_sums(told: list[tuple[int, int, bool]]) -> None:
    """Nothing is lost on the way, in any order; what is uncertain in one part is so in the whole."""
    bills = [
        Bill(Usage(input=a, output=b), a + b, "prices" if c else "none", c, ("x",) if c else ("y",), "v", "") for a, b, c in told
    ]
    total = bills[0]
    for bill in bills[1:]:
        total = added(total, bill)
    assert total.usage == Usage(input=sum(a for a, _, _ in told), output=sum(b for _, b, _ in told))
    assert total.cost == sum(a + b for a, b, _ in told)
    assert total.estimated == any(c for _, _, c in told)
    assert total.source == ("prices" if total.estimated else "none")
    assert set(total.unpriced) == {"x" if c else "y" for _, _, c in told}
