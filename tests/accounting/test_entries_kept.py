"""The row of a request that was answered by what was kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from accounting_support import Book, asked, exchange, ledger, log, per_token, rows
from llm_gateway.accounting.entries import Ledger
from llm_gateway.core.clock import FakeClock
from llm_gateway.core.exchange import Exchange
from llm_gateway.core.ids import Ids
from llm_gateway.core.ledger import AttemptRow, LedgerRow
from llm_gateway.core.usage import Usage
from resilience_support import Noted


def given(ex: Exchange, how: str, sample: bytes = b'{"choices":[]}') -> None:
    """It got a kept answer, as edge/respond.py gives it."""
    ex.cached, ex.committed, ex.outcome, ex.status = how, ex.received, "completed", 200
    ex.sample, ex.bytes_out = sample, len(sample)


@pytest.mark.parametrize("how", ["hit", "coalesced"])
def test_it_completed_and_was_for_nothing(tmp_path: Path, how: str) -> None:
    """No provider, no attempt, no tokens, no cost, nothing estimated or without a price; the tag stands beside the key's."""
    wal, clock = log(tmp_path), FakeClock()
    made = Ledger(wal, Ids(clock.now).ulid, clock, per_token, "block", Noted())
    ex = exchange()
    made.admit(ex)
    given(ex, how)
    made.ended(ex)
    assert rows(tmp_path) == [
        LedgerRow(
            ex.ledger_id,
            1_700_000_000_000,
            "req_1",
            http_status=200,
            operation="/v1/chat/completions",
            key="key-1",
            tenant="acme",
            project="acme/web",
            user="ada",
            tags=("a", "b", f"cache:{how}"),
            model="m",
        )
    ]
    assert (made.running, made.estimated, made.unpriced, ex.bill.cost) == (0, 0, 0, 0)
    wal.close()


def test_a_stale_answer_names_who_failed_before_it(tmp_path: Path) -> None:
    """They cost nothing if they refused, and the request has no provider: nobody of them answered it."""
    wal, clock = log(tmp_path), FakeClock()
    made = Ledger(wal, Ids(clock.now).ulid, clock, per_token, "block", Noted())
    ex = exchange()
    made.admit(ex)
    asked(made, ex)
    ex.attempts[-1].status, ex.attempts[-1].error = 503, "overloaded"
    given(ex, "stale")
    made.ended(ex)
    (row,) = rows(tmp_path)
    assert row.attempts == (AttemptRow("a", "model", 503, "overloaded", 500.0),)
    assert (row.status, row.http_status, row.error, row.provider, row.served_model) == ("completed", 200, "", "", "")
    assert (row.tags[-1], row.cost, row.input, row.output, row.estimated) == ("cache:stale", 0, 0, 0, False)
    wal.close()


def test_what_a_failed_attempt_costs_has_no_price_of_what_was_kept(tmp_path: Path) -> None:
    """An answer of 200 that was none read the prompt. The kept one says how another request was processed: that sets no price."""
    made = ledger(Book())
    ex = exchange(b'{"model":"m","messages":[{"role":"user","content":"four words or so"}]}')
    made.admit(ex)
    asked(made, ex)
    ex.attempts[-1].error = "malformed"
    given(ex, "stale", b'{"service_tier":"batch","choices":[]}')
    made.ended(ex)
    assert ex.bill.usage == Usage(input=ex.bill.usage.input)
    assert ex.bill.usage.input > 0
    assert (ex.bill.cost, ex.bill.version, ex.bill.tier) == (2 * ex.bill.usage.input, "v1", "")
