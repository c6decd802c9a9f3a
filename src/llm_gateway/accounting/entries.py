"""The pipeline's ledger: one row for each request that was identified, whatever becomes of it.

    admit(ex)            it is known who asks: the request has its id. Refused while the log is full (`block`)
    sent(ex, candidate)  before each attempt: an Intent goes into the log, for later ones a Tried
    part(ex, usage)      a session goes on, and its provider said what it used: a Part
    ended(ex)            at every ending: `ex.bill`, and an Outcome in the log

A request without a valid key has no row: nobody could be charged, and strangers must not be able to fill a disk.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from msgspec import Struct
from msgspec.structs import astuple

from llm_gateway.accounting.bills import CLASSES, bill_of
from llm_gateway.accounting.estimates import PLAIN_BYTES, expected_output, media_of, prompt_bytes, prompt_tokens
from llm_gateway.accounting.parts import added, part_of, record_of
from llm_gateway.accounting.records import ATTEMPTS, NAME, TAGS, encode
from llm_gateway.accounting.wal import WhenFull
from llm_gateway.core.caller import Caller
from llm_gateway.core.clock import Clock
from llm_gateway.core.end_user import end_user
from llm_gateway.core.errors import Draining, Overloaded
from llm_gateway.core.exchange import Attempt, Exchange
from llm_gateway.core.ledger import Bill, Prices, Status
from llm_gateway.core.usage import MediaUsage, Usage
from llm_gateway.dialects.openai_media import MediaView
from llm_gateway.routing.candidate import Candidate

QUIET_SECONDS = 60.0
"""Between two alarms."""
MIRROR = "mirror"
"""Tag of the row of a mirrored request, which is nobody's: neither key nor tenant is charged."""
OWN_KEY = "#own"
"""Behind a provider's name, a tag of requests that were sent with the tenant's own key."""
MILLION = 1_000_000
MOST_KNOWN = 4096
"""Callers and the paths that they use, whose names are at hand."""
_NOTHING = Usage()
_PICTURES = (b"image", b"base64", b"file")
_Who = tuple[str, str, str, tuple[str, ...], str]
"""Key, tenant, project, tags, operation."""
Alarm = Callable[..., None]
"""telemetry.journal.Log: level, event, and what there is to say of it."""


class Book(Protocol):
    """accounting.wal.Wal."""

    lost: int

    @property
    def problem(self) -> OSError | None: ...
    def append(self, payload: bytes) -> int: ...
    def tight(self, running: int) -> bool: ...


class Entry(Struct, eq=False, gc=False):
    """What the ledger knows of a request that runs."""

    id: str
    at: float
    """Unix seconds."""
    mirror: bool = False
    open: bool = True
    position: int = 0
    """Of its Intent in the log; 0: nobody was asked yet; -1: it could not be written."""
    input: int = 0
    output: int = 0
    candidate: Candidate | None = None
    parts: Bill | None = None
    """Of a session: what its provider told so far; None: nothing yet."""


class Ledger:
    """One per worker; outlives snapshots, whose prices it is given."""

    def __init__(
        self, book: Book, ulid: Callable[[], str], clock: Clock, prices: Prices, when_full: WhenFull, alarm: Alarm
    ) -> None:
        self._append = book.append
        self._book = book
        self._ulid = ulid
        self._now = clock.now
        self._monotonic = clock.monotonic
        self.prices = prices
        """Those of the current snapshot."""
        self._blocks = when_full == "block"
        self._alarm = alarm
        self._quiet_until = 0.0
        self._known: dict[tuple[Caller | None, bytes], _Who] = {}
        self.running = 0
        self.refused = 0
        """Requests that were refused because the log was full."""
        self.estimated = 0
        """Rows whose use had to be estimated."""
        self.unpriced = 0
        """Rows with use that has no price."""

    def admit(self, ex: Exchange) -> None:
        """Raises Overloaded."""
        if self._book.tight(self.running):
            self._full()
        ident = ex.ledger_id = ex.ledger_id or self._ulid()
        ex.entry = Entry(ident, self._now())
        self.running += 1

    def sent(self, ex: Exchange, candidate: Candidate) -> None:
        """Somebody is about to be asked. Raises nothing."""
        entry: Entry | None = ex.entry
        if entry is None:
            if ex.outcome != "mirrored":
                return
            ex.ledger_id = self._ulid()
            entry = ex.entry = Entry(ex.ledger_id, self._now(), mirror=True)
            self.running += 1
        entry.candidate = candidate
        deployment = candidate.deployment
        provider, model = deployment.upstream.name, deployment.model
        if not entry.position:
            entry.input = _input(ex)
        output = expected_output(candidate)
        view = ex.view
        if view is not None:
            if 0 < view.most_output < output:
                output = view.most_output
            output *= view.choices
        entry.output = output
        rates = candidate.rates
        cost = 0 if rates is None else (entry.input * rates[0] + output * rates[2]) // MILLION
        if type(view) is MediaView and (media := media_of(ex)) is not None:
            entry.input, entry.output = media.input, 0
            priced = self.prices(provider, model, media, entry.at, "")
            cost = 0 if priced is None else priced.nano
        if not entry.position:
            entry.position = position = self._append(encode(self._intent(ex, entry, provider, model, cost)))
            if position < 0:
                self._lost()
        elif self._append(encode(("t", entry.id, int(self._now() * 1000), provider, model, cost))) < 0:
            self._lost()

    def part(self, ex: Exchange, usage: Usage | None, *, guessed: bool = False) -> Bill:
        """So much more was used in a session, and what it costs by itself. `usage` None: something was, and nobody said how much.
        `guessed`: nor did anybody say this.

        Each part makes the log tell all so far, so that a worker that dies takes none of it along; not where there is room for
        endings only, because the session's own will tell it. Raises nothing.
        """
        entry: Entry = ex.entry
        now = self._now()
        bill = part_of(ex, usage, self.prices, now, entry.candidate, guessed=guessed)
        entry.parts = bill if entry.parts is None else added(entry.parts, bill)
        if entry.open and entry.position > 0 and not self._book.tight(self.running):
            record = record_of(entry.id, now, ex.served_provider, ex.served_model, entry.parts)
            if self._append(encode(record)) < 0:
                self._lost()
        return bill

    def ended(self, ex: Exchange) -> None:
        """The request is over: complete, failed, cut, refused or left. Twice is once. Raises nothing."""
        entry: Entry | None = ex.entry
        if entry is None or not entry.open:
            return
        entry.open = False
        self.running -= 1
        ex.bill = bill = entry.parts or bill_of(ex, self.prices, entry.at, entry.candidate)
        if bill.estimated:
            self.estimated += 1
        if bill.unpriced:
            self.unpriced += 1
        outcome = self._outcome(ex, entry, bill)
        payload = encode(outcome) if entry.position > 0 else encode(("r", self._intent(ex, entry, "", "", 0), outcome))
        if self._append(payload) < 0:
            self._lost()

    def _intent(self, ex: Exchange, entry: Entry, provider: str, served: str, cost: int) -> tuple[Any, ...]:
        """As records.Intent."""
        caller, path, model = ex.caller, ex.path, ex.model
        if len(model) > NAME:
            model = model[:NAME]
        if entry.mirror:
            caller = None
        key, tenant, project, tags, operation = self._known.get((caller, path)) or self._who(caller, path)
        return (
            "i",
            entry.id,
            int(entry.at * 1000),
            ex.id,
            key,
            tenant,
            project,
            "" if caller is None else end_user(ex),
            (MIRROR,) if entry.mirror else tags,
            operation,
            model,
            ex.stream,
            provider,
            served,
            entry.input,
            entry.output,
            cost,
        )

    def _who(self, caller: Caller | None, path: bytes) -> _Who:
        if len(self._known) >= MOST_KNOWN:
            self._known.clear()
        operation = path.decode("latin-1")[:NAME]
        who: _Who = "", "", "", (), operation
        if caller is not None:
            tags = tuple(sorted(tag[:NAME] for tag in caller.tags)[:TAGS])
            who = caller.key_id[:NAME], caller.tenant[:NAME], caller.project[:NAME], tags, operation
        self._known[caller, path] = who
        return who

    def _outcome(self, ex: Exchange, entry: Entry, bill: Bill) -> tuple[Any, ...]:
        """As records.Outcome."""
        usage, error, received, attempts = bill.usage, ex.error, ex.received, ex.attempts
        provider, model = ex.served_provider, ex.served_model
        if not provider and attempts and usage != _NOTHING:
            provider, model = attempts[-1].provider, attempts[-1].model
        own: tuple[str, ...] = ()
        if len(attempts) == 1 and ex.hedges is None:
            one = attempts[0]
            tries: Any = ((one.provider, one.model, one.status, one.error or "", int((one.ended - one.started) * 1e6)),)
            if one.own:
                own = _own(attempts)
        else:
            tries, own = _tries(attempts, ex.hedges), _own(attempts)
        if ex.cached:
            own = (*own, f"cache:{ex.cached}")
        plain = type(usage) is Usage
        position, committed = entry.position, ex.committed
        return (
            "o",
            entry.id,
            position if position > 0 else 0,  # noqa: FURB136 - half the time
            "completed" if error is None and ex.outcome == "completed" else status_of(ex),
            ex.status,
            "" if error is None else error.code,
            provider,
            model,
            astuple(usage) if plain else astuple(usage)[:CLASSES],
            None if plain else usage.units if isinstance(usage, MediaUsage) else None,
            bill.cost,
            bill.source,
            bill.estimated,
            bill.unpriced,
            bill.version,
            bill.tier,
            int((self._monotonic() - received) * 1e6),
            int((committed - received) * 1e6) if committed else 0,
            tries,
            ex.decision is not None,
            own,
        )

    def _full(self) -> None:
        """There is no room in the log. Raises Overloaded if requests are refused then."""
        self.refused += self._blocks
        self._lost()
        if self._blocks:
            raise Overloaded("The gateway cannot record usage at the moment; please try again soon.", code="ledger_full")

    def _lost(self) -> None:
        """Tell, once a minute."""
        now = self._monotonic()
        if now >= self._quiet_until:
            self._quiet_until = now + QUIET_SECONDS
            problem = self._book.problem
            self._alarm(
                "error",
                "ledger_full",
                why="the disk is slow" if problem is None else problem.strerror,
                lost_records=self._book.lost,
                refused_requests=self.refused,
            )


def status_of(ex: Exchange) -> Status:
    """How it ended, whether or not the outermost stage has said so yet."""
    error = ex.error
    if error is None:
        if ex.outcome in {"client_gone", "drained"}:
            return ex.outcome  # type: ignore[return-value]
        return "client_gone" if ex.reply.gone and not ex.reply.finished else "completed"
    if isinstance(error, Draining):
        return "drained"
    if ex.outcome == "cut":
        return "cut"
    return "refused" if not ex.attempts and error.status < 500 else "failed"


def _input(ex: Exchange) -> int:
    """Tokens of the prompt, for who might never come back to tell."""
    body, view = ex.body, ex.view
    if len(body) <= PLAIN_BYTES or (view is not None and view.plain) or all(body.rfind(word) < 0 for word in _PICTURES):
        return prompt_bytes(ex)
    return prompt_tokens(ex)


def _tries(attempts: list[Attempt], hedges: list[Attempt] | None) -> tuple[tuple[Any, ...], ...]:
    """As records.Try."""
    tried = [(one, False) for one in attempts] + [(one, True) for one in hedges or ()]
    return tuple(
        (one.provider, one.model, one.status, one.error or "", int(max(0.0, one.ended - one.started) * 1e6), hedged)
        for one, hedged in tried[:ATTEMPTS]
    )


def _own(attempts: list[Attempt]) -> tuple[str, ...]:
    """Tags of those whose key is the tenant's own."""
    return tuple(dict.fromkeys(f"{one.provider}{OWN_KEY}" for one in attempts if one.own))
