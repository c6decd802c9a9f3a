"""The access log's lines (requirements O1): what happened, to whom, how long it took. No prompt, no key, no header.

A completed request, which is nearly every one, is written by one formatting operation from names that were encoded before;
everything else goes through the struct. Both give the same line (tests/telemetry/test_access.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from types import MappingProxyType

import msgspec

from llm_gateway.core.exchange import Exchange
from llm_gateway.core.usage import MediaUsage, Usage, sides
from llm_gateway.telemetry.ended import Ended, ended_of, nobody
from llm_gateway.telemetry.journal import timestamp

_NAMES = 4096
"""Combinations of path, key, model, provider and peer whose encoding is remembered."""

_COMPLETED = (
    b'{"timestamp":"%b.%03dZ","level":"info","target":"access","request_id":"%b",%b,"latency_ms":%.2f,%b,"first_token_ms":%.2f%b,'
    b'"bytes_out":%d%b}\n'
)
MESSAGES: Mapping[str, str] = MappingProxyType(
    {
        "completed": "request completed",
        "failed": "request failed",
        "cut": "stream broke off",
        "client_gone": "caller left",
        "drained": "gateway ended first",
        "mirrored": "mirrored request ended",
    }
)
_TOKENS = b',"tokens":{"input":%d,"output":%d,"cached":%d}'


class AccessLine(msgspec.Struct, omit_defaults=True):
    """One request."""

    timestamp: str
    level: str
    target: str
    request_id: str
    message: str
    path: str
    status: int
    outcome: str
    latency_ms: float
    tenant_id: str = ""
    key: str | None = None
    user_id: str = ""
    """The end user, hashed with the gateway's own secret."""
    model: str = ""
    provider: str = ""
    served_model: str = ""
    stream: bool = False
    first_token_ms: float = 0.0
    attempts: list[dict[str, str | int | float | None]] | None = None
    tokens: dict[str, int] | None = None
    dropped: list[str] | None = None
    operation: str | None = None
    """passthrough; other operations are told by their path."""
    units: dict[str, int | float] | None = None
    """What was counted beside tokens: seconds, characters, images, pages."""
    error: str | None = None
    """Its code."""
    error_type: str | None = None
    bytes_out: int = 0
    peer: str = ""
    session: dict[str, str | int | float] | None = None
    cached: str = ""
    """How a kept answer came to be given: hit, stale, coalesced."""
    seams: int = 0
    """How often a stream broke and another attempt went on with it."""
    hedges: list[dict[str, str | float]] | None = None
    """Attempts that lost a race to another one: given up, and paid for all the same."""
    trace_id: str = ""
    span_id: str = ""
    """Where the request is traced; of the gateway's own span."""


_encode = msgspec.json.Encoder().encode


@lru_cache(maxsize=_NAMES)
def _names(
    path: bytes, key: str, tenant: str, model: str, provider: str, served: str, peer: str, stream: bool
) -> tuple[bytes, bytes]:
    """The members that many lines share: what comes before latency_ms, and what comes after it."""
    before = {"message": MESSAGES["completed"], "path": path.decode("latin-1"), "status": 200, "outcome": "completed"}
    after: dict[str, str | bool] = {"key": key, "model": model, "provider": provider, "served_model": served, "peer": peer}
    if tenant:
        after["tenant_id"] = tenant
    if stream:
        after["stream"] = True
    operation = _operation(path)
    if operation is not None:
        after["operation"] = operation
    return _encode(before)[1:-1], _encode(after)[1:-1]


def _operation(path: bytes) -> str | None:
    return "passthrough" if path.startswith(b"/passthrough/") else None


def as_json(ex: Exchange, wall: float, now: float, user: Callable[[Exchange], str] = nobody) -> Ended:
    """The request's record, with its line where `rendered` could not make it. `wall`: Unix seconds, `now`: monotonic seconds;
    `user` gives the hash that stands for the end user.
    """
    record = ended_of(ex, wall, now, user)
    if record.unusual is not None or record.status != 200 or ex.dropped or ex.session or ex.cached:
        record.line = _encode(line_of(ex, wall, now, record.user)) + b"\n"
    return record


def rendered(records: list[Ended]) -> bytes:
    """All their lines, in order. Many at once are cheaper than each at its time, between two requests."""
    return b"".join([_completed(record) if record.line is None else record.line for record in records])


def _completed(line: Ended) -> bytes:
    usage, caller, wall = line.usage, line.caller, line.wall
    seconds = int(wall)
    tokens = b""
    if usage is not None:
        prompt, completion = sides(usage)
        tokens = _TOKENS % (prompt, completion, usage.cache_read)
        if type(usage) is MediaUsage:
            tokens += b',"units":' + _encode(usage.units)
    key, tenant = ("", "") if caller is None else (caller.key_name, caller.tenant)
    before, after = _names(line.path, key, tenant, line.model, line.provider, line.served, line.peer, line.stream)
    return _COMPLETED % (
        _second(seconds),
        int((wall - seconds) * 1000),
        line.request_id.encode("ascii"),  # ours, or of the harmless characters that edge/app.py takes
        before,
        line.latency * 1000,
        after,
        line.first_token * 1000,
        tokens,
        line.bytes_out,
        b"" if not line.user and line.trace is None else _more(line),
    )


@lru_cache(maxsize=4)  # the lines of one second share it
def _second(seconds: int) -> bytes:
    """The beginning of `timestamp`, which the milliseconds follow."""
    return timestamp(seconds).partition(".")[0].encode("ascii")


def _more(line: Ended) -> bytes:
    user = b',"user_id":"%b"' % line.user.encode("ascii") if line.user else b""
    trace = line.trace
    return user if trace is None else user + f',"trace_id":"{trace.trace_id}","span_id":"{trace.span_id}"'.encode("ascii")


def units_of(usage: Usage | None) -> dict[str, int | float] | None:
    """None: tokens are all that was counted."""
    return usage.units if isinstance(usage, MediaUsage) else None


def line_of(ex: Exchange, wall: float, now: float, user: str = "") -> AccessLine:
    """The facts of a finished request. `user`: hashed."""
    usage = ex.usage
    error, caller, trace = ex.error, ex.caller, ex.trace
    return AccessLine(
        timestamp=timestamp(wall),
        level="info" if error is None else "warning" if ex.status < 500 else "error",
        target="access",
        request_id=ex.id,
        message=MESSAGES.get(ex.outcome, ex.outcome),
        path=ex.path.decode("latin-1"),
        status=ex.status,
        outcome=ex.outcome,
        latency_ms=_ms(now - ex.received),
        tenant_id="" if caller is None else caller.tenant,
        key=None if caller is None else caller.key_name,
        user_id=user,
        model=ex.model,
        provider=ex.served_provider,
        served_model=ex.served_model,
        stream=ex.stream,
        first_token_ms=_ms(ex.committed - ex.received) if ex.committed else 0.0,
        attempts=_attempts(ex) if len(ex.attempts) > 1 or error is not None or (ex.cached and ex.attempts) else None,
        tokens=None if usage is None else {"input": usage.prompt, "output": usage.completion, "cached": usage.cache_read},
        dropped=ex.dropped or None,
        operation=_operation(ex.path),
        units=units_of(usage),
        error=None if error is None else error.code,
        error_type=None if error is None else error.type,
        bytes_out=ex.bytes_out,
        peer=ex.peer,
        session=ex.session,
        cached=ex.cached,
        seams=0 if ex.story is None else ex.story.seams,
        hedges=[{"provider": one.provider, "model": one.model, "ms": _ms(one.ended - one.started)} for one in ex.hedges or ()]
        or None,
        trace_id="" if trace is None else trace.trace_id,
        span_id="" if trace is None else trace.span_id,
    )


def as_text(ex: Exchange, wall: float, now: float, user: Callable[[Exchange], str] = nobody) -> Ended:
    """The request's record with one line for a terminal."""
    record = ended_of(ex, wall, now, user)
    record.line = _for_people(line_of(ex, wall, now))
    return record


def _for_people(line: AccessLine) -> bytes:
    # A caller's words must not move a terminal's cursor or pass for another line.
    model = "".join(c if c.isprintable() else "?" for c in line.model)
    served = f" -> {line.provider}/{line.served_model}" if line.provider else f" <- cache ({line.cached})" if line.cached else ""
    tokens = f" {line.tokens['input']}+{line.tokens['output']} tokens" if line.tokens else ""
    trouble = f" {line.error}" if line.error else ""
    tries = f" after {len(line.attempts)} attempts" if line.attempts and len(line.attempts) > 1 else ""
    clock = line.timestamp[11:19]
    text = (
        f"{clock} {line.status} {line.path} {model}{served} {line.latency_ms:.0f} ms{tokens}{tries}{trouble} {line.request_id}\n"
    )
    return text.encode("utf-8", "backslashreplace")


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 2)


def _attempts(ex: Exchange) -> list[dict[str, str | int | float | None]]:
    return [
        {"provider": a.provider, "model": a.model, "status": a.status, "error": a.error, "ms": _ms(a.ended - a.started)}
        for a in ex.attempts
    ]
