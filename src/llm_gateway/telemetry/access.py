"""The access log's lines (requirements O1): what happened, to whom, how long it took. No prompt, no key, no header.

A completed request, which is nearly every one, is written by one formatting operation from names that were encoded before;
everything else goes through the struct. Both give the same line (tests/telemetry/test_access.py).
"""

from __future__ import annotations

from functools import lru_cache

import msgspec

from llm_gateway.core.exchange import Exchange
from llm_gateway.core.usage import MediaUsage, Usage
from llm_gateway.telemetry.journal import timestamp

_NAMES = 4096
"""Combinations of path, key, model, provider and peer whose encoding is remembered."""

_COMPLETED = (
    b'{"timestamp":"%b","level":"info","target":"access","request_id":"%b",%b,"latency_ms":%.2f,%b,"first_token_ms":%.2f%b,'
    b'"bytes_out":%d}\n'
)
_TOKENS = b',"tokens":{"input":%d,"output":%d,"cached":%d}'


class AccessLine(msgspec.Struct, omit_defaults=True):
    """One request."""

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
    operation: str | None = None
    """passthrough; other operations are told by their path."""
    units: dict[str, int | float] | None = None
    """What was counted beside tokens: seconds, characters, images, pages."""
    error: str | None = None
    bytes_out: int = 0
    peer: str = ""
    session: dict[str, str | int | float] | None = None
    seams: int = 0
    """How often a stream broke and another attempt went on with it."""
    hedges: list[dict[str, str | float]] | None = None
    """Attempts that lost a race to another one: given up, and paid for all the same."""


_encode = msgspec.json.Encoder().encode


@lru_cache(maxsize=_NAMES)
def _names(path: bytes, key: str, model: str, provider: str, served: str, peer: str, stream: bool) -> tuple[bytes, bytes]:
    """The members that many lines share: what comes before latency_ms, and what comes after it."""
    before = _encode({"path": path.decode("latin-1"), "status": 200, "outcome": "completed"})
    after = {"key": key, "model": model, "provider": provider, "served_model": served, "peer": peer, "stream": stream}
    operation = _operation(path)
    if operation is not None:
        after["operation"] = operation
    return before[1:-1], _encode(after if stream else {name: value for name, value in after.items() if name != "stream"})[1:-1]


def _operation(path: bytes) -> str | None:
    return "passthrough" if path.startswith(b"/passthrough/") else None


class Completed(msgspec.Struct, gc=False):
    """What the line of a completed request is made of; it holds nothing of the request itself."""

    wall: float
    request_id: str
    path: bytes
    key: str
    model: str
    provider: str
    served: str
    peer: str
    stream: bool
    latency: float
    first_token: float
    usage: Usage | None
    bytes_out: int


def as_json(ex: Exchange, wall: float, now: float) -> Completed | bytes:
    """One line, or for a completed request what `rendered` makes it of. `wall`: Unix seconds, `now`: monotonic seconds."""
    attempts = ex.attempts
    caller = ex.caller
    unusual = ex.dropped or ex.error is not None or ex.session or ex.hedges
    if ex.outcome != "completed" or len(attempts) != 1 or caller is None or unusual:
        return _encode(line_of(ex, wall, now)) + b"\n"
    start = ex.received
    return Completed(
        wall,
        ex.id,
        ex.path,
        caller.key_name,
        ex.model,
        ex.served_provider,
        ex.served_model,
        ex.peer,
        ex.stream,
        now - start,
        ex.committed - start,
        ex.usage,
        ex.bytes_out,
    )


def rendered(lines: list[Completed | bytes]) -> bytes:
    """All of them, in order. Many at once are cheaper than each at its time, between two requests."""
    return b"".join([line if type(line) is bytes else _completed(line) for line in lines])  # type: ignore[arg-type]


def _completed(line: Completed) -> bytes:
    usage = line.usage
    before, after = _names(line.path, line.key, line.model, line.provider, line.served, line.peer, line.stream)
    return _COMPLETED % (
        timestamp(line.wall).encode("ascii"),
        line.request_id.encode("ascii"),  # ours, or of the harmless characters that edge/app.py takes
        before,
        line.latency * 1000,
        after,
        line.first_token * 1000,
        b"" if usage is None else _TOKENS % (usage.prompt, usage.completion, usage.cache_read) + _units(usage),
        line.bytes_out,
    )


def _units(usage: Usage) -> bytes:
    return b"" if type(usage) is Usage else b',"units":' + _encode(units_of(usage))


def units_of(usage: Usage | None) -> dict[str, int | float] | None:
    """None: tokens are all that was counted."""
    return usage.units if isinstance(usage, MediaUsage) else None


def line_of(ex: Exchange, wall: float, now: float) -> AccessLine:
    """The facts of a finished request."""
    usage = ex.usage
    error = ex.error
    return AccessLine(
        timestamp=timestamp(wall),
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
        operation=_operation(ex.path),
        units=units_of(usage),
        error=None if error is None else error.code,
        bytes_out=ex.bytes_out,
        peer=ex.peer,
        session=ex.session,
        seams=0 if ex.story is None else ex.story.seams,
        hedges=[{"provider": one.provider, "model": one.model, "ms": _ms(one.ended - one.started)} for one in ex.hedges or ()]
        or None,
    )


def as_text(ex: Exchange, wall: float, now: float) -> bytes:
    """One line for a terminal."""
    line = line_of(ex, wall, now)
    # A caller's words must not move a terminal's cursor or pass for another line.
    model = "".join(c if c.isprintable() else "?" for c in line.model)
    served = f" -> {line.provider}/{line.served_model}" if line.provider else ""
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
