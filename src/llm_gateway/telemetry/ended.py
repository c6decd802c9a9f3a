"""One record of each request that ended: all that its access line and the metrics are made of, a few at a time and later.

A record holds nothing of the request itself: no body, no header.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import msgspec

from llm_gateway.core.caller import Caller
from llm_gateway.core.end_user import end_user, pseudonym
from llm_gateway.core.errors import BudgetExceeded, GatewayError, RateLimited
from llm_gateway.core.exchange import Exchange
from llm_gateway.core.ledger import Bill
from llm_gateway.core.trace import TraceContext
from llm_gateway.core.usage import Usage

USERS = 1024
"""End users whose hashes are at hand."""
MOST_TRIES = 32
"""Attempts of one request that are counted one by one."""


class Try(NamedTuple):
    """One attempt. `seconds` to its whole answer, or to the first content of its stream; 0.0: it was given up before."""

    provider: str
    model: str
    status: int
    error: str | None
    seconds: float
    lost: bool = False
    """A race against another attempt."""
    started: float = 0.0
    """Monotonic seconds."""
    ended: float = 0.0
    """The same: when it failed or was answered, of a stream when that was over; 0.0: it was given up."""


class Unusual(msgspec.Struct, gc=False):
    """What there is to say of a request that was anything but one attempt that succeeded."""

    outcome: str
    error: str
    """Its code; "": none."""
    tries: list[Try]
    asked: tuple[str, str]
    """Provider and model of the last one that lost no race; empty: nobody was asked."""
    limit: str = ""
    """What of the gateway's own limits was used up."""
    budget: bool = False
    """Whether that was money."""


class Ended(msgspec.Struct, gc=False):
    """One request. Times are seconds; `wall` is Unix seconds."""

    wall: float
    request_id: str
    path: bytes
    caller: Caller | None
    model: str
    provider: str
    served: str
    peer: str
    stream: bool
    status: int
    latency: float
    first_token: float
    """Of a stream, from the request's head; 0.0: there was none."""
    usage: Usage | None
    """Of the answer."""
    bill: Bill | None
    """Of all its attempts together."""
    bytes_in: int
    bytes_out: int
    before: float
    """Until the first attempt; of a request without one all of it."""
    after: float
    """Since the last attempt, whose answer was whole; 0.0: it was a stream."""
    took: float
    """The only attempt: as Try.seconds."""
    answered: int
    """Its status."""
    user: str
    """The end user, hashed; "": none, or nobody wants to know."""
    trace: TraceContext | None
    unusual: Unusual | None
    received: float
    stages: tuple[float, float, float] | None
    """As Exchange has them, and when the request came."""
    cached: str
    """How a kept answer came to be given (Exchange.cached); "": a provider was asked."""
    line: bytes | None = None
    """The access line, where it is made at once."""


def nobody(_ex: Exchange) -> str:
    """No end user is named."""
    return ""


def hashing(secret: bytes) -> Callable[[Exchange], str]:
    """Gives the hash that stands for a request's end user."""
    known = lru_cache(maxsize=USERS)(lambda user: pseudonym(user, secret))

    def user(ex: Exchange) -> str:
        name = end_user(ex)
        return known(name) if name else ""

    return user


def ended_of(ex: Exchange, wall: float, now: float, user: Callable[[Exchange], str] = nobody) -> Ended:
    """`wall`: Unix seconds, `now`: monotonic seconds; `user` gives the hash that stands for the end user."""
    start, attempts, caller, stream = ex.received, ex.attempts, ex.caller, ex.stream
    usual = ex.outcome == "completed" and len(attempts) == 1 and caller is not None and ex.error is None
    usual = usual and not ex.hedges and not ex.cached  # what was kept is given after an attempt only if that failed
    after = took = 0.0
    answered = 0
    if attempts:
        last = attempts[-1]
        before, answered = attempts[0].started - start, last.status
        if last.ended:
            took = last.ended - last.started
            if not stream:
                after = now - last.ended
    else:
        before = now - start
    return Ended(
        wall,
        ex.id,
        ex.path,
        caller,
        ex.model,
        ex.served_provider,
        ex.served_model,
        ex.peer,
        stream,
        ex.status,
        now - start,
        ex.committed - start if ex.committed else 0.0,
        ex.usage,
        ex.bill,
        len(ex.body),
        ex.bytes_out,
        before,
        after,
        took,
        answered,
        user(ex),
        ex.trace,
        None if usual else _unusual(ex),
        start,
        ex.stages,
        ex.cached,
    )


def _unusual(ex: Exchange) -> Unusual:
    error = ex.error
    tries = [
        Try(
            one.provider,
            one.model,
            one.status,
            one.error,
            one.ended - one.started if one.ended else 0.0,
            started=one.started,
            ended=one.over or one.ended,
        )
        for one in ex.attempts[:MOST_TRIES]
    ]
    asked = (tries[-1].provider, tries[-1].model) if tries else ("", "")
    tries += [
        Try(one.provider, one.model, one.status, None, max(one.ended - one.started, 0.0), lost=True)
        for one in (ex.hedges or ())[:MOST_TRIES]
    ]
    if error is None:
        return Unusual(ex.outcome, "", tries, asked)
    return Unusual(ex.outcome, error.code, tries, asked, _limit(error), isinstance(error, BudgetExceeded))


def _limit(error: GatewayError) -> str:
    if not isinstance(error, RateLimited | BudgetExceeded):
        return ""
    return str((error.details or {}).get("limit_name", "other"))
