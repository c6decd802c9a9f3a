"""Tokens that go out as they are: Authorization: Bearer (RFC 6750), and the answers of token endpoints (RFC 6749 section 5)."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from datetime import datetime
from math import isnan, nan

import msgspec

from llm_gateway.credentials.fetch import Answer
from llm_gateway.credentials.refreshing import Fetched, Refreshing, Unavailable
from llm_gateway.http.headers import header
from llm_gateway.http.origin import Origin

_TOKEN = re.compile(r"[\x21-\x7e]{1,32768}")
_UNSAID = 300.0
"""Seconds that a token without an expiry is trusted for."""
_LONGEST = 86_400.0 * 7

Lines = bytes
"""Rendered header lines."""
FetchLines = Callable[[], Awaitable[Fetched[Lines]]]


class TokenAnswer(msgspec.Struct, frozen=True, rename=None):
    """RFC 6749 section 5.1. Azure writes numbers as text, App Service gives a moment instead of a duration."""

    access_token: str
    expires_in: int | float | str | None = None
    expires_on: int | float | str | None = None

    __repr__ = object.__repr__


class BearerAuthorizer:
    """Adds the same lines to each request."""

    def __init__(self, held: Refreshing[Lines]) -> None:
        self._held = held
        self.ready = held.ready
        self.stale = held.stale
        self.start = held.start
        self.close = held.close

    def lines(self, method: bytes, origin: Origin, target: bytes, body: bytes) -> bytes | None:  # noqa: ARG002 - as Authorizer
        return self._held.current()


def bearer_lines(token: str, what: str) -> Lines:
    """Raises Unavailable for a token that no header could carry."""
    return header(b"Authorization", b"Bearer " + usable(token, what).encode("ascii"))


def usable(token: str, what: str) -> str:
    """`token`, if it is printable and of a sane length. Raises Unavailable."""
    if not _TOKEN.fullmatch(token):
        raise Unavailable(f"{what} gave a token that cannot be sent")
    return token


def token_of(answer: Answer, what: str, now: float, hint: str = "") -> Fetched[str]:
    """What a token endpoint answered. `hint`: what to look at when it refuses. Raises Unavailable."""
    if answer.status != 200:
        raise refused(answer, what, hint)
    given = answer.json(TokenAnswer, what)
    return Fetched(usable(given.access_token, what), _lifetime(given, what, now))


def refused(answer: Answer, what: str, hint: str = "") -> Unavailable:
    """The error for an answer that is none."""
    return Unavailable(f"{what} answered {answer.status}{answer.reason()}" + (f"; {hint}" if hint else ""))


def _lifetime(given: TokenAnswer, what: str, now: float) -> float:
    said = given.expires_in if given.expires_in is not None else given.expires_on
    if said is None:
        return _UNSAID
    try:
        seconds = float(said)
    except (ValueError, OverflowError):
        seconds = nan
    if isnan(seconds):
        raise Unavailable(f"{what} gave an expiry that is not a number")
    return min(seconds if given.expires_in is not None else seconds - now, _LONGEST)


def until(moment: str, what: str, now: float) -> float:
    """Seconds until an RFC 3339 moment. Raises Unavailable."""
    try:
        at = datetime.fromisoformat(moment)
        if at.tzinfo is None:
            raise ValueError  # noqa: TRY301 - the same to whoever asks
        return min(at.timestamp() - now, _LONGEST)
    except (ValueError, OverflowError):
        raise Unavailable(f"{what} gave an expiry that is no moment in time") from None
