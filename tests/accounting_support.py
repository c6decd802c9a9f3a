"""Requests and their ledger, without a provider."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from llm_gateway.accounting.entries import Ledger
from llm_gateway.accounting.fold import Fold
from llm_gateway.accounting.scan import Scanner
from llm_gateway.accounting.wal import Settings, Wal, WhenFull
from llm_gateway.core.caller import Caller
from llm_gateway.core.clock import FakeClock
from llm_gateway.core.exchange import Attempt, Exchange
from llm_gateway.core.ids import Ids
from llm_gateway.core.ledger import LedgerRow, Priced
from llm_gateway.core.usage import Usage
from llm_gateway.dialects.base import Operation, View
from llm_gateway.routing.candidate import Candidate
from resilience_support import Noted
from routed import candidate

SMALL = Settings(1 << 20)
CLOCK = FakeClock()


class Book:
    """A log in memory."""

    def __init__(self) -> None:
        self.payloads: list[bytes] = []
        self.lost = 0
        self.problem: OSError | None = None
        self.full = False
        self.refuses = False

    def append(self, payload: bytes) -> int:
        if self.refuses:
            self.lost += 1
            return -1
        self.payloads.append(payload)
        return 1 << 32 | 64 * len(self.payloads)

    def tight(self, running: int) -> bool:
        return self.full


def per_token(provider: str, _model: str, usage: Usage, _at: float, tier: str) -> Priced | None:
    """Two nano-dollars for a token in, ten for one out; half of it at the tier batch; `free` has no prices."""
    if provider == "free":
        return None
    nano = 2 * usage.prompt + 10 * usage.completion
    return Priced(nano // 2 if tier == "batch" else nano, tier or "standard", (), False, "v1")


def ledger(book: Any = None, *, when_full: WhenFull = "block", clock: FakeClock | None = None) -> Ledger:
    clock = clock or FakeClock()
    made = Ledger(book or Book(), Ids(clock.now).ulid, clock, per_token, when_full, Noted())
    made.alarm = made._alarm  # type: ignore[attr-defined]
    return made


def exchange(
    body: bytes = b'{"model":"m"}', *, operation: Operation = Operation.CHAT, stream: bool = False, caller: Caller | None = None
) -> Exchange:
    http = SimpleNamespace(path=b"/v1/chat/completions", headers={}, notes=None, body=body, peer="", reply=None)
    http.reply = SimpleNamespace(gone=False, finished=True, started=True)
    ex = Exchange("req_1", http, SimpleNamespace(operation=operation), FakeClock().monotonic())
    ex.caller = caller or Caller("key-1", tenant="acme", project="acme/web", tags=("b", "a"))
    ex.model, ex.stream, ex.view = "m", stream, View("m", stream, user="ada")
    ex.status = 200
    return ex


def asked(ledger: Ledger, ex: Exchange, provider: str = "a", **facts: Any) -> Candidate:
    """One more attempt."""
    made = candidate(provider, **facts)
    deployment = made.deployment
    ex.attempts.append(Attempt(deployment.upstream.name, deployment.model, ex.received, ex.received + 0.5, 200))
    ledger.sent(ex, made)
    return made


def served(ex: Exchange, usage: Usage | None = None, *, out: bytes = b"") -> None:
    """The last attempt's answer went to the caller."""
    last = ex.attempts[-1]
    ex.served_provider, ex.served_model, ex.committed = last.provider, last.model, ex.received + 0.5
    ex.usage, ex.sample, ex.bytes_out = usage, out, len(out)


def rows(directory: Path) -> list[LedgerRow]:
    """All that the log of a slot has come to."""
    scanner, fold, found = Scanner(directory), Fold(), []
    while True:
        batch = scanner.read()
        found += fold.take(batch)
        if not batch.frames:
            return found


def log(directory: Path, settings: Settings = SMALL) -> Wal:
    return Wal(directory, 0, CLOCK.now, settings)
