"""What a request's Cache-Control asks of the cache (RFC 9111 section 5.2.1). Directives that are not known mean nothing."""

from __future__ import annotations

from math import inf
from typing import NamedTuple

_LONGEST = 10  # digits: more than a lifetime of seconds


class Asked(NamedTuple):
    """Times are seconds."""

    read: bool = True
    """Whether a kept answer will do."""
    write: bool = True
    """Whether the answer may be kept."""
    oldest: float = inf
    """max-age: how old a kept answer may be."""
    staler: float = 0.0
    """max-stale: how long its time may be over, where the route keeps it so long."""
    only: bool = False
    """only-if-cached: no provider is to be asked."""


USUAL = Asked()


def asked(value: bytes | None) -> Asked:
    """Of a Cache-Control header's value; None: there is none."""
    if value is None:
        return USUAL
    read, write, oldest, staler, only = USUAL
    for directive in value.lower().split(b","):
        name, _, argument = directive.strip().partition(b"=")
        if name == b"no-store":
            read = write = False
        elif name == b"no-cache":
            read = False
        elif name == b"max-age":
            oldest = min(oldest, _seconds(argument, 0.0))  # who cannot say how old wants it new
        elif name == b"max-stale":
            staler = _seconds(argument, inf if not argument else 0.0)
        elif name == b"only-if-cached":
            only = True
    return Asked(read, write, oldest, staler, only)


def _seconds(argument: bytes, otherwise: float) -> float:
    digits = argument.strip().strip(b'"')
    return float(int(digits)) if digits.isdigit() and len(digits) <= _LONGEST else otherwise
