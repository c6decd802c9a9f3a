"""What a worker tells control of a request that is traced: facts in a few hundred bytes, made once, at the request's end.

No prompt, no answer, no key, no header, no address. The name of an end user is hashed, and a model's name is told only if it was
resolved: until then it is whatever the caller wrote. Control makes spans of it (trace_spans.py).
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from llm_gateway.core.exchange import Attempt, Exchange
from llm_gateway.core.trace import TraceContext
from llm_gateway.core.usage import Usage

AUTH, VALIDATION, LIMITS, ROUTING = "middleware.auth", "middleware.validation", "middleware.rate_limit", "router.select_provider"
CACHE = "middleware.cache"
"""In the place of ROUTING where nobody had to be asked: what is kept was looked up, or an equal request was waited for."""
LIMITED = frozenset({402, 429, 503})
"""Statuses of who may not use so much, or of whose limits nothing is known."""
MOST_ATTEMPTS = 32
"""Of one request; what comes between the first and the last ones is left out and counted."""
NAME = 256
"""Characters of a name."""


class Try(msgspec.Struct, array_like=True, gc=False):
    """An attempt. Times are seconds from the request's head; `over` 0.0: it had no stream of its own."""

    span: str
    provider: str
    model: str
    started: float
    sent: float
    ended: float
    over: float
    status: int
    error: str
    own: bool
    lost: bool
    """It lost a race against another one."""


class Stage(msgspec.Struct, array_like=True, gc=False):
    """A stretch of the gateway's own work. `failed`: the request ended here."""

    name: str
    started: float
    ended: float
    failed: bool = False


class Facts(msgspec.Struct, array_like=True, gc=False):
    """One request. `began`: Unix seconds."""

    trace_id: str
    span_id: str
    parent_id: str
    why: str
    """parent: its caller records it; ratio: by chance; error: it went wrong; slow: it took long."""
    began: float
    seconds: float
    committed: float
    """When the first content went out; 0.0: none did."""
    request_id: str
    operation: str
    dialect: str
    model: str
    stream: bool
    status: int
    outcome: str
    error: str
    """Its code; "": none."""
    error_type: str
    tenant: str
    project: str
    user: str
    """Hashed."""
    provider: str
    served_model: str
    usage: tuple[int, int, int, int, int] | None
    """Tokens in, out, read from a cache, written to one, reasoning: of all attempts together."""
    told: tuple[int, int, int, int, int] | None
    """The same of the answer that was given."""
    cost: int | None
    """Nano-dollars; None: not all of it has a price."""
    estimated: bool
    seams: int
    attempts: list[Try]
    left_out: int
    stages: list[Stage]
    cached: str = ""
    """How a kept answer came to be given: hit, stale, coalesced; "": a provider was asked."""


def facts_of(ex: Exchange, trace: TraceContext, wall: float, now: float, hashed: Callable[[Exchange], str]) -> Facts:
    """Of a request that has just ended. `wall`: Unix seconds, `now`: monotonic ones; `hashed`: its end user."""
    caller, error, bill, began = ex.caller, ex.error, ex.bill, ex.received
    tried = [(one, False) for one in ex.attempts] + [(one, True) for one in ex.hedges or ()]
    left_out = max(0, len(tried) - MOST_ATTEMPTS)
    if left_out:
        tried = tried[: MOST_ATTEMPTS // 2] + tried[-MOST_ATTEMPTS // 2 :]
    attempts = [_try(one, began, trace.new_span, lost=lost) for one, lost in tried]
    usage = ex.usage if bill is None else bill.usage
    return Facts(
        trace_id=trace.trace_id,
        span_id=trace.span_id,
        parent_id=trace.parent_id,
        why=trace.why,
        began=wall - (now - began),
        seconds=now - began,
        committed=max(0.0, ex.committed - began) if ex.committed else 0.0,
        request_id=ex.id,
        operation=ex.front.operation.value,
        dialect=ex.front.name,
        model=_name(ex.model) if ex.decision is not None else "",
        stream=ex.stream,
        status=ex.status,
        outcome=ex.outcome,
        error="" if error is None else error.code,
        error_type="" if error is None else error.type,
        tenant="" if caller is None else _name(caller.tenant),
        project="" if caller is None else _name(caller.project),
        user="" if caller is None else hashed(ex),
        provider=ex.served_provider,
        served_model=_name(ex.served_model),
        usage=_tokens(usage),
        told=_tokens(ex.usage),
        cost=None if bill is None or bill.unpriced or bill.source == "none" else bill.cost,
        estimated=False if bill is None else bill.estimated,
        seams=0 if ex.story is None else ex.story.seams,
        attempts=attempts,
        left_out=left_out,
        stages=_stages(ex, now),
        cached=ex.cached,
    )


def _try(one: Attempt, began: float, new_span: Callable[[], str], *, lost: bool) -> Try:
    return Try(
        one.span or new_span(),
        one.provider,
        _name(one.model),
        one.started - began,
        one.sent - began if one.sent else 0.0,
        one.ended - began if one.ended else 0.0,
        one.over - began if one.over else 0.0,
        one.status,
        one.error or "",
        one.own,
        lost,
    )


def _name(text: str) -> str:
    """Bounded, and such as can be written: a caller's JSON may hold half of a character."""
    return text[:NAME] if text.isascii() else text[:NAME].encode("utf-8", "replace").decode()


def _tokens(usage: Usage | None) -> tuple[int, int, int, int, int] | None:
    if usage is None or not usage.total:
        return None
    written = usage.cache_write + usage.cache_write_1h
    return usage.prompt, usage.completion, usage.cache_read, written, usage.reasoning


def _stages(ex: Exchange, now: float) -> list[Stage]:
    """What the gateway did before it asked anyone. Of a request that was refused on the way, the stage that refused it alone is
    known, which stands for all until then.
    """
    began = ex.received
    if ex.stages is None:
        refused = _refusing(ex)
        return [Stage(refused, 0.0, now - began, failed=True)] if refused else []
    identified, permitted, held = ex.stages
    asked = min((one.started for one in (*ex.attempts, *(ex.hedges or ()))), default=now)
    last = CACHE if ex.cached and not ex.attempts else ROUTING
    return [
        Stage(AUTH, 0.0, identified - began),
        Stage(VALIDATION, identified - began, permitted - began),
        Stage(LIMITS, permitted - began, held - began),
        Stage(last, held - began, asked - began, failed=ex.error is not None and not ex.attempts),
    ]


def _refusing(ex: Exchange) -> str:
    """The stage at which a request ended that did not get past them; "": the caller left."""
    if ex.error is None:
        return ""
    if ex.caller is None:
        return AUTH
    return LIMITS if ex.view is not None and ex.error.status in LIMITED else VALIDATION
