"""Sees every request's ending: one access line, one entry in the statistics. The pipeline's outermost stage."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Literal, Protocol

import msgspec

from llm_gateway.core.clock import Clock
from llm_gateway.core.exchange import Exchange
from llm_gateway.telemetry.journal import Journal, timestamp

FLUSH_SECONDS = 0.2
BATCH = 512


class Statistics(Protocol):
    def record(self, provider: str, model: str, latency: float, ok: bool, reason: str | None, now: float) -> None: ...


class AccessLine(msgspec.Struct, omit_defaults=True):
    """One request (requirements O1). No prompt, no key, no header: what happened, to whom, how long it took."""

    timestamp: str
    level: str
    target: str
    request_id: str
    path: str
    status: int
    outcome: str
    latency_ms: float
    key: str | None = None
    model: str = ""
    provider: str = ""
    served_model: str = ""
    stream: bool = False
    first_token_ms: float = 0.0
    attempts: list[dict[str, str | int | float | None]] | None = None
    tokens: dict[str, int] | None = None
    dropped: list[str] | None = None
    error: str | None = None
    bytes_out: int = 0
    peer: str = ""


class Observe:
    """Makes the `with` block around each request."""

    def __init__(
        self, clock: Clock, statistics: Statistics, journal: Journal | None, form: Literal["json", "text"] = "json"
    ) -> None:
        """`journal` None: no access log. `form` text: one short line for people."""
        self._clock = clock
        self._record = statistics.record
        self._journal = journal
        self._batch: list[AccessLine] = []
        self._encode: Callable[[list[AccessLine]], bytes] = msgspec.json.Encoder().encode_lines if form == "json" else as_text
        self._timer: asyncio.TimerHandle | None = None
        self.requests = 0
        self.active = 0

    def __call__(self, ex: Exchange) -> _Watched:
        return _Watched(ex, self._ended, self)

    def flush(self) -> None:
        """Hand the collected lines over. Called by a timer, and at the end."""
        self._timer = None
        if self._batch and self._journal is not None:
            batch, self._batch = self._batch, []
            self._journal.write(self._encode(batch), len(batch))

    def _ended(self, ex: Exchange, failure: type[BaseException] | None) -> None:
        now = self._clock.monotonic()
        self.active -= 1
        if failure is asyncio.CancelledError:
            ex.outcome = "drained" if not ex.reply.gone else "client_gone"
            ex.status = ex.status or 499
        elif not ex.outcome:
            ex.outcome = "completed" if ex.error is None else "failed"
        for attempt in ex.attempts:
            if attempt.error is None and not ex.committed:
                continue  # the caller left or was refused before it ended: that tells nothing about the provider
            self._record(
                attempt.provider, attempt.model, attempt.ended - attempt.started, attempt.error is None, attempt.error, now
            )
        if self._journal is None:
            return
        self._batch.append(self._line(ex, now))
        if len(self._batch) >= BATCH:
            if self._timer is not None:
                self._timer.cancel()
            self.flush()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(FLUSH_SECONDS, self.flush)

    def _line(self, ex: Exchange, now: float) -> AccessLine:
        usage = ex.usage
        error = ex.error
        return AccessLine(
            timestamp=timestamp(self._clock.now()),
            level="info" if error is None else "warning" if ex.status < 500 else "error",
            target="access",
            request_id=ex.id,
            path=ex.path.decode("latin-1"),
            status=ex.status,
            outcome=ex.outcome,
            latency_ms=_ms(now - ex.received),
            key=ex.caller.key_name if ex.caller is not None else None,
            model=ex.model,
            provider=ex.served_provider,
            served_model=ex.served_model,
            stream=ex.stream,
            first_token_ms=_ms(ex.committed - ex.received) if ex.committed else 0.0,
            attempts=_attempts(ex) if len(ex.attempts) > 1 or error is not None else None,
            tokens=None if usage is None else {"input": usage.prompt, "output": usage.completion, "cached": usage.cache_read},
            dropped=ex.dropped or None,
            error=None if error is None else error.code,
            bytes_out=ex.bytes_out,
            peer=ex.peer,
        )


class _Watched:
    """The block itself. Swallows nothing."""

    __slots__ = ("_ended", "_ex")

    def __init__(self, ex: Exchange, ended: Callable[[Exchange, type[BaseException] | None], None], observer: Observe) -> None:
        self._ex = ex
        self._ended = ended
        observer.requests += 1
        observer.active += 1

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None) -> None:
        self._ended(self._ex, kind)


def as_text(lines: list[AccessLine]) -> bytes:
    """The lines for a terminal."""
    return "".join(_text(line) for line in lines).encode("utf-8", "backslashreplace")


def _text(line: AccessLine) -> str:
    # A caller's words must not move a terminal's cursor or pass for another line.
    model = "".join(c if c.isprintable() else "?" for c in line.model)
    served = f" -> {line.provider}/{line.served_model}" if line.provider else ""
    tokens = f" {line.tokens['input']}+{line.tokens['output']} tokens" if line.tokens else ""
    trouble = f" {line.error}" if line.error else ""
    tries = f" after {len(line.attempts)} attempts" if line.attempts and len(line.attempts) > 1 else ""
    clock = line.timestamp[11:19]
    return (
        f"{clock} {line.status} {line.path} {model}{served} {line.latency_ms:.0f} ms{tokens}{tries}{trouble} {line.request_id}\n"
    )


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 2)


def _attempts(ex: Exchange) -> list[dict[str, str | int | float | None]]:
    return [
        {"provider": a.provider, "model": a.model, "status": a.status, "error": a.error, "ms": _ms(a.ended - a.started)}
        for a in ex.attempts
    ]
