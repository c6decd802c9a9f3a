"""From records to rows."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounting.damaged import segment
from accounting_support import log, rows
from llm_gateway.accounting.fold import Fold, moment_of
from llm_gateway.accounting.records import Intent, Outcome, Part, Tried, encode, fields
from llm_gateway.accounting.scan import Batch, Frame, Position, Scanner
from llm_gateway.core.clock import FakeClock
from llm_gateway.core.ids import Ids
from llm_gateway.core.ledger import AttemptRow, LedgerRow


def intent(name: str, **said: object) -> bytes:
    return encode(fields(Intent(name, 1000, key="k", provider="a", served_model="m", input=10, output=20, cost=30, **said)))  # type: ignore[arg-type]


def outcome(name: str, at: int = 1, cost: int = 5) -> bytes:
    return encode(fields(Outcome(name, at, "completed", 200, cost=cost, source="prices", tokens=(1, 0, 0, 0, 2))))


def test_an_intent_and_its_outcome_are_a_row(tmp_path: Path) -> None:
    """With what each of them says, once."""
    wal = log(tmp_path)
    at = wal.append(intent("x"))
    wal.append(outcome("x", at))
    assert rows(tmp_path) == [
        LedgerRow("x", 1000, http_status=200, key="k", input=1, output=2, cost=5, cost_source="prices"),
    ]
    wal.close()


def test_a_request_that_runs_has_no_row_yet(tmp_path: Path) -> None:
    """While its worker lives it is open, whatever else ends."""
    wal = log(tmp_path)
    wal.append(intent("runs"))
    at = wal.append(intent("ends"))
    wal.append(outcome("ends", at))
    assert [row.id for row in rows(tmp_path)] == ["ends"]
    wal.close()


def test_a_request_whose_worker_died_is_interrupted(tmp_path: Path) -> None:
    """With the estimate of whoever was asked last, marked as one."""
    tried = encode(fields(Tried("x", 1001, "b", "n", 70, "v2")))
    segment(tmp_path, [intent("x"), tried, intent("y")])
    x, y = rows(tmp_path)
    assert (x.status, x.provider, x.served_model, x.cost, x.price_version) == ("interrupted", "b", "n", 70, "v2")
    assert x.attempts == (AttemptRow("a", "m"), AttemptRow("b", "n"))
    assert (y.status, y.provider, y.input, y.output, y.cost, y.estimated) == ("interrupted", "a", 10, 20, 30, True)


def test_a_session_whose_worker_died_is_what_was_told_of_it(tmp_path: Path) -> None:
    """Instead of an estimate, however often it was told; and nothing of that stands in the row of one that ended."""
    first = encode(fields(Part("x", 1001, "b", "n", (5, 0, 0, 0, 6), None, 7, "prices", False, (), "v1")))
    last = encode(fields(Part("x", 1002, "b", "n", (8, 1, 0, 0, 9), {"seconds": 2.5}, 11, "prices", False, ("seconds",), "v2")))
    stray = encode(fields(Part("nobody", 1002, "b", "n", (1,), None, 1)))
    segment(tmp_path, [intent("x"), first, stray, last, intent("y"), first.replace(b"\xa1x", b"\xa1y"), outcome("y", 1)])
    y, x = rows(tmp_path)
    assert (x.status, x.provider, x.served_model, x.input, x.cache_read, x.output) == ("interrupted", "b", "n", 8, 1, 9)
    assert (x.units, x.cost, x.cost_source, x.estimated) == ({"seconds": 2.5}, 11, "prices", False)
    assert (x.unpriced, x.price_version, x.attempts) == (("seconds",), "v2", (AttemptRow("a", "m"),))
    assert (y.status, y.input, y.output, y.cost) == ("completed", 1, 2, 5)


def test_the_next_run_tells_that_the_one_before_is_over(tmp_path: Path) -> None:
    """Though it runs itself, with requests of its own."""
    segment(tmp_path, [intent("old")])
    wal = log(tmp_path)
    wal.append(intent("new"))
    assert [(row.id, row.status) for row in rows(tmp_path)] == [("old", "interrupted")]
    wal.close()
    assert [row.id for row in rows(tmp_path)] == ["old", "new"]


def test_refused_requests_are_rows_by_themselves(tmp_path: Path) -> None:
    """One record says all of it."""
    wal = log(tmp_path)
    said = fields(Intent("x", 5, key="k"))
    wal.append(encode(("r", said, fields(Outcome("x", 0, "refused", 429, "rate_limit_exceeded")))))
    assert rows(tmp_path) == [LedgerRow("x", 5, status="refused", http_status=429, error="rate_limit_exceeded", key="k")]
    wal.close()


def test_an_outcome_whose_intent_is_lost(tmp_path: Path) -> None:
    """Is a row with what it knows: its cost is not lost with the rest."""
    name = Ids(FakeClock(1_700_000_000.5).now).ulid()
    segment(tmp_path, [outcome(name, 1 << 32 | 64)])
    (row,) = rows(tmp_path)
    assert (row.id, row.at, row.cost, row.key) == (name, 1_700_000_000_500, 5, "")


def test_records_that_nobody_can_read_are_counted() -> None:
    """Whatever a later version writes does not stop the others."""
    fold = Fold()
    frames = [Frame(1, 64, b"r", b"\xc1"), Frame(1, 80, b"r", intent("x"))]
    assert fold.take(Batch(frames, Position(1, 99), b"r", False, [])) == []
    assert (fold.unknown, fold.running) == (1, 1)


@given(
    order=st.permutations([name for name in "abcdefgh" for _ in range(2)]),
    batch=st.integers(1, 5),
    stops=st.sets(st.integers(0, 20)),
)
def test_to_begin_anew_from_a_checkpoint_gives_the_same_rows(order: list[str], batch: int, stops: set[int]) -> None:
    """However often the reader is stopped and begins anew where its checkpoint was, each request comes to the same row, and none
    is made of half of its records.
    """
    payloads, seen, at = [], {}, 64
    for name in order:
        payload = outcome(name, seen[name], len(name)) if name in seen else intent(name)
        seen.setdefault(name, 1 << 32 | at)
        payloads.append(payload)
        at += 8 + len(payload)
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        segment(Path(folder), payloads)
        scanner, fold, found, step = Scanner(Path(folder)), Fold(), {}, 0
        while True:
            done = scanner.read(batch)
            for row in fold.take(done):
                assert found.setdefault(row.id, row) == row
            if not done.frames:
                break
            step += 1
            if step in stops:
                start = Position.of(fold.checkpoint.packed)
                scanner, fold = Scanner(Path(folder), start), Fold(start)
    assert {row.id: row.status for row in found.values()} == dict.fromkeys("abcdefgh", "completed")
    assert all(row.key == "k" for row in found.values())
    assert fold.orphans == 0


@pytest.mark.parametrize("seconds", [0.0, 1.0, 1_700_000_000.123])
def test_the_moment_of_a_ulid(seconds: float) -> None:
    """Its milliseconds."""
    assert moment_of(Ids(FakeClock(seconds).now).ulid()) == int(seconds * 1000)
