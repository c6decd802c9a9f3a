"""From the log's records to the ledger's rows. Reading the same part of the log again gives the same rows under the same ids, so
that a row that is written twice replaces itself.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct
from msgspec.structs import replace

from llm_gateway.accounting.records import Intent, Outcome, Part, Refused, Tried, decoded
from llm_gateway.accounting.scan import Batch, Frame, Position
from llm_gateway.core.ledger import AttemptRow, LedgerRow
from llm_gateway.core.usage import Usage

_CLASSES = 10
"""How many classes of tokens there are (core/usage.py)."""


class _Open(Struct, frozen=True, gc=False):
    """A request that has not ended yet."""

    intent: Intent
    at: Position
    run: bytes
    tried: tuple[Tried, ...] = ()
    told: Part | None = None


class Fold:
    """Of one slot's log, read in order from `start`. It holds the requests that run: as many as a worker serves at once."""

    def __init__(self, start: Position = Position()) -> None:  # noqa: B008 - it never changes
        self._start = start.packed
        self._open: dict[str, _Open] = {}
        self._run = b""
        self._next = start
        self.unknown = 0
        """Records that nobody here can read: written by a later version, or damaged where no CRC sees it."""
        self.orphans = 0
        """Outcomes whose Intent is lost."""

    @property
    def checkpoint(self) -> Position:
        """From here on the log must be read again by who starts anew: where the oldest request that runs began."""
        return min((one.at for one in self._open.values()), default=self._next)

    @property
    def running(self) -> int:
        return len(self._open)

    def take(self, batch: Batch) -> list[LedgerRow]:
        """The rows of all that has ended in it."""
        rows: list[LedgerRow] = []
        for frame in batch.frames:
            if frame.run != self._run:
                rows += self._interrupted(frame.run)
            row = self._record(frame)
            if row is not None:
                rows.append(row)
        self._next = batch.next
        if batch.ended:
            rows += self._interrupted(b"")
        elif batch.run != self._run and batch.run:
            rows += self._interrupted(batch.run)
        return rows

    def _record(self, frame: Frame) -> LedgerRow | None:
        record = decoded(frame.payload)
        if type(record) is Intent:
            self._open.setdefault(record.id, _Open(record, frame.at, frame.run))
        elif type(record) is Tried:
            found = self._open.get(record.id)
            if found is not None:
                self._open[record.id] = replace(found, tried=(*found.tried, record))
        elif type(record) is Part:
            found = self._open.get(record.id)
            if found is not None:
                self._open[record.id] = replace(found, told=record)
        elif type(record) is Outcome:
            return self._ended(record)
        elif type(record) is Refused:
            return row_of(record.intent, record.outcome)
        else:
            self.unknown += 1
        return None

    def _ended(self, outcome: Outcome) -> LedgerRow | None:
        found = self._open.pop(outcome.id, None)
        if found is not None:
            return row_of(found.intent, outcome)
        if 0 < outcome.intent < self._start:
            return None  # it was made into a row before: this part of the log is read again for the sake of another request
        self.orphans += 1
        return row_of(Intent(outcome.id, moment_of(outcome.id)), outcome)

    def _interrupted(self, run: bytes) -> Iterator[LedgerRow]:
        """Requests of earlier runs, whose worker is gone."""
        self._run = run
        gone = [name for name, one in self._open.items() if one.run != run]
        return (interrupted(one.intent, one.tried, one.told) for one in map(self._open.pop, gone))


def row_of(intent: Intent, outcome: Outcome) -> LedgerRow:
    """Of a request that has ended."""
    told = outcome.tokens
    tokens = told if len(told) == _CLASSES else (told + (0,) * _CLASSES)[:_CLASSES]  # written by a version that knew others
    fresh, read, write, write_1h, output, reasoning, audio_input, audio_output, accepted, rejected = tokens
    return LedgerRow(  # in the order of its members: the only order in which names cost nothing
        id=outcome.id,
        at=intent.at,
        request_id=intent.request_id,
        status=outcome.status,
        http_status=outcome.http_status,
        error=outcome.error,
        operation=intent.operation,
        key=intent.key,
        tenant=intent.tenant,
        project=intent.project,
        user=intent.user,
        tags=intent.tags + outcome.tags,
        model=intent.model,
        provider=outcome.provider,
        served_model=outcome.served_model,
        stream=intent.stream,
        input=fresh,
        cache_read=read,
        cache_write=write,
        cache_write_1h=write_1h,
        output=output,
        reasoning=reasoning,
        audio_input=audio_input,
        audio_output=audio_output,
        accepted_prediction=accepted,
        rejected_prediction=rejected,
        units=outcome.units or {},
        cost=outcome.cost,
        cost_source=outcome.source,  # type: ignore[arg-type]
        estimated=outcome.estimated,
        unpriced=outcome.unpriced,
        price_version=outcome.price_version,
        tier=outcome.tier,
        latency_ms=_ms(outcome.latency),
        ttft_ms=_ms(outcome.ttft),
        attempts=tuple(
            [AttemptRow(one.provider, one.model, one.status, one.error, _ms(one.time), one.hedged) for one in outcome.attempts]
        ),
        decision=intent.request_id if outcome.decided else "",
    )


def interrupted(intent: Intent, tried: tuple[Tried, ...], told: Part | None = None) -> LedgerRow:
    """Of a request whose worker died: what it was expected to cost at whoever was asked last; of a session what was told."""
    last = tried[-1] if tried else intent
    asked: tuple[Intent | Tried, ...] = (intent, *tried)
    row = LedgerRow(
        id=intent.id,
        at=intent.at,
        request_id=intent.request_id,
        status="interrupted",
        error="interrupted",
        operation=intent.operation,
        key=intent.key,
        tenant=intent.tenant,
        project=intent.project,
        user=intent.user,
        tags=intent.tags,
        model=intent.model,
        provider=last.provider,
        served_model=last.served_model,
        stream=intent.stream,
        input=intent.input,
        output=intent.output,
        cost=last.cost,
        cost_source="prices" if last.cost else "none",
        estimated=True,
        price_version=last.price_version,
        attempts=tuple(AttemptRow(one.provider, one.served_model) for one in asked),
    )
    return row if told is None else _with(row, told)


def _with(row: LedgerRow, told: Part) -> LedgerRow:
    """What was charged of a session while it ran stands in the place of the estimate."""
    return replace(
        row,
        provider=told.provider,
        served_model=told.served_model,
        **dict(zip(Usage.__struct_fields__, told.tokens, strict=False)),
        units=told.units or {},
        cost=told.cost,
        cost_source=told.source,
        estimated=told.estimated,
        unpriced=told.unpriced,
        price_version=told.price_version,
    )


def _ms(microseconds: int) -> float:
    return round(microseconds / 1000, 2)


def moment_of(ulid: str) -> int:
    """Unix milliseconds."""
    moment = 0
    for character in ulid[:10]:
        moment = moment * 32 + max("0123456789ABCDEFGHJKMNPQRSTVWXYZ".find(character), 0)
    return moment
