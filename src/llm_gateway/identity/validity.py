"""The claims that decide whether a token is good: when, for whom, about whom (RFC 7519 section 4.1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llm_gateway.identity.claimed import LONGEST_TEXT
from llm_gateway.identity.jose import Refused

_LATEST = 1e11  # seconds: the year 5138; beyond it a time is a mistake, milliseconds say
MOST_AUDIENCES = 64


class Expired(Refused):
    """Everything about it is right but the time: its owner may be told that."""

    def __init__(self) -> None:
        super().__init__("expired")


def check_times(said: Mapping[str, Any], now: float, leeway: float, *, required: bool = True) -> float | None:
    """When the token is over, `leeway` included. None: it does not say and need not. Raises Refused and Expired."""
    expires, begins, made = (_time(said, name) for name in ("exp", "nbf", "iat"))
    if (begins is not None and begins > now + leeway) or (made is not None and made > now + leeway):
        raise Refused("not_yet")
    if expires is None:
        if required:
            raise Refused("no_expiry")
        return None
    if now >= expires + leeway:
        raise Expired
    return expires + leeway


def check_audience(said: Mapping[str, Any], accepted: frozenset[str]) -> None:
    """Raises Refused unless one of `accepted` is meant."""
    meant = said.get("aud")
    words = meant if isinstance(meant, list) else [meant]
    if len(words) > MOST_AUDIENCES or not any(isinstance(word, str) and word in accepted for word in words):
        raise Refused("audience")


def subject_of(said: Mapping[str, Any], names: tuple[str, ...] = ("sub",)) -> str:
    """Whom the token is about. Raises Refused."""
    for name in names:
        subject = said.get(name)
        if subject is not None:
            if not isinstance(subject, str) or not 0 < len(subject) <= LONGEST_TEXT:
                raise Refused("subject")
            return subject
    raise Refused("subject")


def _time(said: Mapping[str, Any], name: str) -> float | None:
    value = said.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= _LATEST:
        raise Refused(name)
    return float(value)
