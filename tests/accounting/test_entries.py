"""The pipeline's ledger: one row for each request that was identified, whatever becomes of it."""

from __future__ import annotations

import errno
from copy import copy
from pathlib import Path

import pytest

from accounting_support import Book, asked, exchange, ledger, log, per_token, rows, served
from llm_gateway.accounting.entries import QUIET_SECONDS, Ledger, status_of
from llm_gateway.accounting.records import Intent, Outcome, Refused, Tried, decoded
from llm_gateway.core.clock import FakeClock
from llm_gateway.core.errors import Draining, Forbidden, Overloaded, UpstreamError
from llm_gateway.core.exchange import Exchange
from llm_gateway.core.ids import Ids
from llm_gateway.core.ledger import AttemptRow, LedgerRow, Priced
from llm_gateway.core.usage import MediaUsage, Usage
from llm_gateway.dialects.base import Operation
from llm_gateway.dialects.openai_media import MEDIA, MediaFront
from resilience_support import Noted


def records(book: Book) -> list[object]:
    return [decoded(payload) for payload in book.payloads]


def test_the_life_of_a_request(tmp_path: Path) -> None:
    """What was known when it was sent and what came of it are one row."""
    wal = log(tmp_path)
    clock = FakeClock()
    made = Ledger(wal, Ids(clock.now).ulid, clock, per_token, "block", Noted())
    ex = exchange()
    made.admit(ex)
    clock.advance(0.25)
    asked(made, ex)
    served(ex, Usage(input=10, cache_read=3, output=5))
    clock.advance(1)
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
            tags=("a", "b"),
            model="m",
            provider="a",
            served_model="model",
            input=10,
            cache_read=3,
            output=5,
            cost=76,
            cost_source="prices",
            price_version="v1",
            latency_ms=1250.0,
            ttft_ms=500.0,
            attempts=(AttemptRow("a", "model", 200, ms=500.0),),
        )
    ]
    assert (ex.bill.cost, ex.bill.usage) == (76, ex.usage)
    assert (made.running, made.estimated, made.unpriced) == (0, 0, 0)
    wal.close()


def test_an_intent_stands_before_the_attempt() -> None:
    """With estimates of what it may come to; each further attempt is noted, too."""
    book = Book()
    made = ledger(book)
    ex = exchange(b"x" * 400)
    made.admit(ex)
    assert book.payloads == []
    asked(made, ex, "a", rates=(2_000_000, 1_000_000, 10_000_000), max_output=50)
    (intent,) = records(book)
    assert isinstance(intent, Intent)
    assert (intent.provider, intent.input, intent.output, intent.cost) == ("a", 101, 50, 702)
    asked(made, ex, "b")
    assert [type(record) for record in records(book)] == [Intent, Tried]
    assert records(book)[1].provider == "b"  # type: ignore[attr-defined]


def test_the_callers_limit_bounds_the_estimate() -> None:
    """max_tokens, for each of the answers that were asked for."""
    book = Book()
    made = ledger(book)
    ex = exchange()
    ex.view.most_output, ex.view.choices = 20, 3
    made.admit(ex)
    asked(made, ex)
    assert records(book)[0].output == 60  # type: ignore[attr-defined]


def test_who_was_refused_has_a_row() -> None:
    """Though nobody was asked: one record says all."""
    book = Book()
    made = ledger(book)
    ex = exchange()
    made.admit(ex)
    ex.error, ex.status = Forbidden("no"), 403
    made.ended(ex)
    (record,) = records(book)
    assert isinstance(record, Refused)
    assert (record.intent.key, record.outcome.status, record.outcome.error) == ("key-1", "refused", "insufficient_permissions")


def test_who_was_not_identified_has_none() -> None:
    """Nothing is written of a stranger."""
    book = Book()
    made = ledger(book)
    made.ended(exchange())
    made.sent(exchange(), asked(made, exchange()))
    assert book.payloads == []


def test_who_is_paid_is_named() -> None:
    """The caller left before the answer: who was asked is paid for the prompt, and stands in the row."""
    book = Book()
    made = ledger(book)
    ex = exchange(stream=True)
    made.admit(ex)
    asked(made, ex, "b")
    ex.reply.gone, ex.reply.finished = True, False
    made.ended(ex)
    outcome = records(book)[-1]
    assert isinstance(outcome, Outcome)
    assert (outcome.status, outcome.provider, outcome.served_model, outcome.estimated) == ("client_gone", "b", "model", True)


def test_it_ends_once() -> None:
    """A second ending is none."""
    book = Book()
    made = ledger(book)
    ex = exchange()
    made.admit(ex)
    asked(made, ex)
    made.ended(ex)
    made.ended(ex)
    assert [type(record) for record in records(book)] == [Intent, Outcome]
    assert made.running == 0


def test_both_sides_of_a_race_are_one_request() -> None:
    """A race asks with copies of the request: they share its row."""
    book = Book()
    made = ledger(book)
    ex = exchange()
    made.admit(ex)
    legs = copy(ex), copy(ex)
    for leg, provider in zip(legs, "ab", strict=True):
        leg.attempts = []
        asked(made, leg, provider)
    ex.attempts = legs[1].attempts
    ex.hedges = legs[0].attempts
    served(ex, Usage(input=10, output=5))
    made.ended(ex)
    assert [type(record) for record in records(book)] == [Intent, Tried, Outcome]
    outcome = records(book)[2]
    assert [(one.provider, one.hedged) for one in outcome.attempts] == [("b", False), ("a", True)]  # type: ignore[attr-defined]


def test_a_mirrored_request_has_a_row_of_its_own() -> None:
    """It costs money that nobody is charged: no key, no tenant, and a tag that says what it is."""
    book = Book()
    made = ledger(book)
    ex = exchange()
    made.admit(ex)
    mirror = copy(ex)
    mirror.attempts, mirror.outcome, mirror.entry = [], "mirrored", None  # as resilience.mirrors makes it
    asked(made, mirror, "b")
    served(mirror, Usage(input=10, output=5))
    made.ended(mirror)
    asked(made, ex)
    served(ex, Usage(input=10, output=5))
    made.ended(ex)
    intents = [record for record in records(book) if isinstance(record, Intent)]
    assert [(one.key, one.tenant, one.tags) for one in intents] == [("", "", ("mirror",)), ("key-1", "acme", ("a", "b"))]
    assert intents[0].id != intents[1].id == ex.ledger_id
    assert made.running == 0


def test_a_tenants_own_key_is_told() -> None:
    """A tag names the provider that was paid by the tenant itself."""
    book = Book()
    made = ledger(book)
    ex = exchange()
    made.admit(ex)
    asked(made, ex)
    ex.attempts[0].own = True
    served(ex, Usage(input=1, output=1))
    made.ended(ex)
    assert records(book)[-1].tags == ("a#own",)  # type: ignore[attr-defined]


def test_names_of_any_length() -> None:
    """What callers call things is cut, never refused, and half a surrogate pair is no bug."""
    book = Book()
    made = ledger(book)
    ex = exchange()
    ex.model, ex.path = "\ud83d" + "m" * 100_000, b"/" + b"p" * 100_000
    made.admit(ex)
    asked(made, ex)
    made.ended(ex)
    intent = records(book)[0]
    assert isinstance(intent, Intent)
    assert (intent.model, len(intent.operation)) == ("?" + "m" * 255, 256)


def test_units_are_kept() -> None:
    """What is not tokens is counted under its own names."""
    book = Book()
    made = ledger(book)
    ex = exchange()
    made.admit(ex)
    asked(made, ex)
    served(ex, MediaUsage(input=3, images=2, size="1024x1024"))
    made.ended(ex)
    outcome = records(book)[-1]
    assert isinstance(outcome, Outcome)
    assert (outcome.units, outcome.tokens[0], len(outcome.tokens)) == ({"images": 2}, 3, 10)


def test_pictures_of_a_worker_that_dies() -> None:
    """Its estimate is what was asked for at its price, and not a file's bytes as tokens."""
    book = Book()
    made = ledger(book)
    made.prices = lambda _provider, _model, usage, _at, _tier: Priced(usage.images * 7 + usage.input)  # type: ignore[attr-defined]
    ex = exchange(
        b'{"model":"m","prompt":"x","n":3,"images":[{"image_url":"' + b"A" * 400_000 + b'"}]}', operation=Operation.IMAGE
    )
    ex.view = MediaFront(MEDIA[0], b"application/json").view(ex.body)
    made.admit(ex)
    asked(made, ex)
    (intent,) = records(book)
    assert isinstance(intent, Intent)
    assert (intent.input, intent.output, intent.cost) == (8000, 0, 8021)


def test_a_full_disk_blocks(tmp_path: Path) -> None:
    """New requests are told 503 and why; the alarm comes once a minute, with counts."""
    book = Book()
    clock = FakeClock()
    noted = Noted()
    made = Ledger(book, Ids(clock.now).ulid, clock, per_token, "block", noted)
    book.full, book.problem = True, OSError(errno.ENOSPC, "No space left on device")
    for _ in range(5):
        with pytest.raises(Overloaded) as refused:
            made.admit(exchange())
    assert (refused.value.status, refused.value.code, made.refused, made.running) == (503, "ledger_full", 5, 0)
    assert len(noted.lines) == 1
    assert noted.lines[0][:2] == ("error", "ledger_full")
    assert noted.lines[0][2]["why"] == "No space left on device"
    clock.advance(QUIET_SECONDS)
    with pytest.raises(Overloaded):
        made.admit(exchange())
    assert [fields["refused_requests"] for _, _, fields in noted.lines] == [1, 6]
    book.full = False
    made.admit(exchange())


def test_a_full_disk_sheds() -> None:
    """They are served, what is lost is counted and told; a request whose Intent was lost has all in its Outcome."""
    book = Book()
    noted = Noted()
    clock = FakeClock()
    made = Ledger(book, Ids(clock.now).ulid, clock, per_token, "shed", noted)
    book.full = book.refuses = True
    ex = exchange()
    made.admit(ex)
    asked(made, ex)
    book.full = book.refuses = False
    made.ended(ex)
    assert book.lost == 1
    assert noted.events == ["ledger_full"]
    assert [type(record) for record in records(book)] == [Refused]


def ended(error: Exception | None = None, outcome: str = "", *, gone: bool = False, attempts: bool = True) -> Exchange:
    ex = exchange()
    if attempts:
        asked(ledger(), ex)
    ex.error, ex.outcome = error, outcome  # type: ignore[assignment]
    ex.reply.gone, ex.reply.finished = gone, not gone
    return ex


def test_how_it_ended() -> None:
    """In words of the ledger, from what the exchange knows while the outermost stage has not spoken yet."""
    assert status_of(ended()) == "completed"
    assert status_of(ended(gone=True)) == "client_gone"
    assert status_of(ended(outcome="drained")) == "drained"
    assert status_of(ended(Draining("over"), "cut")) == "drained"
    assert status_of(ended(UpstreamError("broke"), "cut")) == "cut"
    assert status_of(ended(UpstreamError("broke"))) == "failed"
    assert status_of(ended(Forbidden("no"))) == "failed"
    assert status_of(ended(Forbidden("no"), attempts=False)) == "refused"
    assert status_of(ended(UpstreamError("nobody"), attempts=False)) == "failed"
