"""What callers are told of limits: header lines on every limited answer, and the two refusals.

402 is for money that is spent: asking again does not help before the budget's period ends. 429 is for everything that comes back
by itself: rates, places, and money that running requests hold and may give back.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from math import ceil, isfinite
from types import MappingProxyType
from typing import Any

from llm_gateway.core.errors import BudgetExceeded, GatewayError, RateLimited
from llm_gateway.limits.meter import Meter, State

_PERIODS = MappingProxyType({60.0: "minute", 3600.0: "hour", 86400.0: "day"})
_NANO = 10**9
_WHOSE = MappingProxyType(
    {
        "key": "of this API key",
        "project": "of the project",
        "tenant": "of the tenant",
        "user": "of the end user",
        "model": "of the model",
        "deployment": "of the deployment",
        "source": "of the source address",
        "tag": "of the tag",
        "everyone": "of the gateway",
    }
)
_HELD = "budget_reserved"
SHAPES = 1024
"""Limits of different size whose lines are at hand."""


def limit_name(meter: Meter) -> str:
    """Such as requests_per_minute, concurrent_requests, budget_per_month."""
    if meter.period:
        return f"{meter.unit}_per_{_PERIODS.get(meter.period, f'{meter.period:g}s')}"
    if meter.calendar is not None:
        return "budget" if meter.calendar == "total" else f"budget_per_{meter.calendar}"
    return "concurrent_requests" if meter.unit == "concurrent" else "concurrent_streams"


def refusal(meter: Meter, state: State, amount: int, now: float) -> GatewayError:
    """The error of a request for which `amount` of a meter was not there. `now`: Unix seconds."""
    whose = _WHOSE.get(meter.scope, "")
    if meter.calendar is not None:
        return _budget(meter, state, amount, now, whose)
    retry = state.retry if isfinite(state.retry) else None
    what = "concurrent streams" if meter.unit == "streams" else "concurrent requests" if not meter.period else None
    if what is None:
        what = f"{meter.unit.replace('_', ' ')} per {_PERIODS.get(meter.period, f'{meter.period:g} s')}"
    again = "" if retry is None else f" Try again in {duration(retry).decode()}."
    details: dict[str, Any] = {
        "limit_name": limit_name(meter),
        "scope": meter.scope,
        "name": meter.name,
        "unit": meter.unit,
        "limit": meter.most,
        "burst": meter.most_at_once,
        "window": int(meter.period),
        "remaining": min(state.left, meter.most),
        "needed": amount,
        "reserved": state.reserved,
        "reset": ceil(now + state.reset),
        "retry_after_seconds": None if retry is None else ceil(retry),
    }
    return RateLimited(f"The limit {whose} of {meter.most} {what} is reached.{again}", details=details, retry_after=retry)


def _budget(meter: Meter, state: State, amount: int, now: float, whose: str) -> GatewayError:
    ends = ceil(now + state.reset) if isfinite(state.reset) else None
    details: dict[str, Any] = {
        "limit_name": limit_name(meter),
        "scope": meter.scope,
        "name": meter.name,
        "unit": "usd",
        "limit": dollars(meter.most),
        "settled": dollars(state.settled),
        "reserved": dollars(state.reserved),
        "remaining": dollars(state.left),
        "needed": dollars(amount),
        "reset": ends,
        "retry_after_seconds": None,
    }
    if state.settled < meter.most and state.settled + amount <= meter.most:
        details["retry_after_seconds"] = 1
        said = f"What is left of the budget {whose} is reserved by requests that are running. Try again shortly."
        return RateLimited(said, code=_HELD, details=details, retry_after=1.0)
    period = "" if meter.calendar == "total" else f" for this {meter.calendar}"
    if state.settled >= meter.most:
        said = f"The budget {whose}{period} is used up: {dollars(state.settled)} of {dollars(meter.most)} US dollars."
    else:
        said = (
            f"The budget {whose}{period} has {dollars(meter.most - state.settled)} US dollars left, and this request is expected"
            f" to cost {dollars(amount)}. Asking for less may help: a lower max_tokens, fewer pictures."
        )
    return BudgetExceeded(said, details=details)


def cut_off(meter: Meter, state: State, now: float) -> GatewayError:
    """What a stream is ended with that a budget has no more money for."""
    error = _budget(meter, state, max(meter.most - state.settled, 0) + 1, now, _WHOSE.get(meter.scope, ""))
    period = "" if meter.calendar == "total" else f" for this {meter.calendar}"
    whose = _WHOSE.get(meter.scope, "")
    said = f"The budget {whose}{period} is used up; the answer was cut off."
    return BudgetExceeded(said, code="budget_exceeded", details=error.details)


def session_over(meter: Meter, state: State, amount: int, now: float) -> GatewayError:
    """What a session is ended with for whose next part `amount` of a meter is not there. Who is told gets no details from many
    clients, so the text says which limit it is and when there is room again.
    """
    error = refusal(meter, state, amount, now)
    said = error.message
    if isinstance(error, BudgetExceeded):
        error.code = "budget_exceeded"
        period = "" if meter.calendar == "total" else f" for this {meter.calendar}"
        if state.settled < meter.most:
            left = dollars(meter.most - state.settled)
            whose = _WHOSE.get(meter.scope, "")
            said = f"The budget {whose}{period} has {left} US dollars left, and the next answer may cost {dollars(amount)}."
        if isfinite(state.reset):
            said += f" It begins anew at {datetime.fromtimestamp(ceil(now + state.reset), UTC):%Y-%m-%dT%H:%M:%SZ}."
    error.message = f"{said} The session is ended."
    return error


def lines(charges: Sequence[tuple[Meter, int]], states: Iterable[State], now: float) -> bytes:
    """The header lines of the tightest limits (least left) of requests and of tokens; of places where there is no other.

    Names of headers do not differ by case: OpenAI's x-ratelimit-limit-tokens is X-RateLimit-Limit-Tokens. Durations are written
    as OpenAI writes them (6m0s).
    """
    requests: tuple[int, Meter, State] | None = None
    tokens: tuple[int, Meter, State] | None = None
    places: tuple[int, Meter, State] | None = None
    for (meter, _), state in zip(charges, states, strict=True):
        if meter.calendar is not None:
            continue
        left = min(state.left, meter.most)
        if not meter.period:
            if places is None or left < places[0]:
                places = (left, meter, state)
        elif meter.unit == "requests":
            if requests is None or left < requests[0]:
                requests = (left, meter, state)
        elif tokens is None or left < tokens[0]:
            tokens = (left, meter, state)
    told = b""
    tightest = requests or tokens or places
    if tightest is not None:
        left, meter, state = tightest
        told = in_short(meter.most, meter.period) % (left, ceil(now + state.reset))
    if requests is not None:
        told += as_openai(b"Requests", requests[1].most) % (requests[0], duration(requests[2].reset))
    if tokens is not None:
        told += as_openai(b"Tokens", tokens[1].most) % (tokens[0], duration(tokens[2].reset))
    return told


@lru_cache(maxsize=SHAPES)
def in_short(most: int, period: float) -> bytes:
    """The lines of the limit that is the tightest, with gaps: what is left, and when all of it is back (Unix seconds)."""
    return b"X-RateLimit-Limit: %d\r\nX-RateLimit-Remaining: %%d\r\nX-RateLimit-Reset: %%d\r\nX-RateLimit-Window: %d\r\n" % (
        most,
        period,
    )


@lru_cache(maxsize=SHAPES)
def as_openai(what: bytes, most: int) -> bytes:
    """Its lines as OpenAI has them, with gaps: what is left, and how long until all of it is back (`duration`)."""
    return b"X-RateLimit-Limit-%b: %d\r\nX-RateLimit-Remaining-%b: %%d\r\nX-RateLimit-Reset-%b: %%b\r\n" % (
        what,
        most,
        what,
        what,
    )


def duration(seconds: float) -> bytes:
    """As Go and OpenAI's headers write it: 12ms, 1s, 6m0s, 1h0m0s. Rounded up: who waits so long has waited enough."""
    if seconds < 1:
        return b"%dms" % ceil(seconds * 1000) if seconds > 0 else b"0s"
    if not isfinite(seconds):
        return b"never"
    whole = ceil(seconds)
    minutes, rest = divmod(whole, 60)
    if not minutes:
        return b"%ds" % rest
    hours, minutes = divmod(minutes, 60)
    return b"%dh%dm%ds" % (hours, minutes, rest) if hours else b"%dm%ds" % (minutes, rest)


def dollars(nano: int) -> float:
    """For JSON."""
    return nano / _NANO
