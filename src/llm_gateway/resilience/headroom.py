"""What is left of a provider's rate limits, as its answers say in headers.

OpenAI, Azure, Groq and what copies them: x-ratelimit-remaining-requests, -tokens, and x-ratelimit-reset-requests, -tokens as
`1s`, `6m0s`, `120ms` or plain seconds (https://platform.openai.com/docs/guides/rate-limits#rate-limits-in-headers). Anthropic:
anthropic-ratelimit-requests-remaining, -tokens-remaining and -reset as RFC 3339 times
(https://docs.anthropic.com/en/api/rate-limits#response-headers).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import NamedTuple

from llm_gateway.routing.standing import UNKNOWN

LONGEST = 120.0
"""Seconds: the windows of these limits are a minute. What a reset says beyond that is about another limit, or a mistake."""
USUAL = 10.0
"""Seconds that a number without a reset is believed."""
_MOST = 1e15
_PART = re.compile(rb"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_UNITS: Mapping[bytes, float] = MappingProxyType({b"ms": 0.001, b"s": 1.0, b"m": 60.0, b"h": 3600.0, b"d": 86400.0})
_OPENAI = (
    b"x-ratelimit-remaining-requests",
    b"x-ratelimit-remaining-tokens",
    b"x-ratelimit-reset-requests",
    b"x-ratelimit-reset-tokens",
)
_ANTHROPIC = (
    b"anthropic-ratelimit-requests-remaining",
    b"anthropic-ratelimit-tokens-remaining",
    b"anthropic-ratelimit-requests-reset",
    b"anthropic-ratelimit-tokens-reset",
)


class Headroom(NamedTuple):
    """Requests and tokens that are left (UNKNOWN: not said), and for how many seconds from now that holds."""

    requests: float
    tokens: float
    seconds: float


def tells(head: bytes) -> bool:
    """Whether an answer's head, as it came, has any of these headers."""
    return b"ratelimit-" in head.lower()


def headroom(headers: Mapping[bytes, bytes], wall: float) -> Headroom | None:
    """None where nothing is said that can be read. `wall`: Unix seconds."""
    names = _OPENAI if _OPENAI[0] in headers or _OPENAI[1] in headers else _ANTHROPIC
    requests, tokens = _number(headers.get(names[0])), _number(headers.get(names[1]))
    if requests is None and tokens is None:
        return None
    resets = [until for name in names[2:] if (until := _reset(headers.get(name), wall)) is not None]
    seconds = min(max(resets), LONGEST) if resets else USUAL
    return Headroom(UNKNOWN if requests is None else requests, UNKNOWN if tokens is None else tokens, seconds)


def _number(text: bytes | None) -> float | None:
    """0 to _MOST. Azure says -1 where there is no limit."""
    if not text or len(text) > 24:
        return None
    try:
        value = float(text)
    except ValueError:
        return None
    return value if 0.0 <= value <= _MOST else None


def _reset(text: bytes | None, wall: float) -> float | None:
    """Seconds from now."""
    if not text or len(text) > 40:
        return None
    seconds = _number(text)
    if seconds is not None:
        return seconds
    if b"T" in text:
        try:
            moment = datetime.fromisoformat(text.decode("ascii"))
            return max(moment.timestamp() - wall, 0.0) if moment.tzinfo is not None else None
        except (ValueError, OverflowError):
            return None
    parts = _PART.findall(text)
    if not parts or b"".join(number + unit for number, unit in parts) != text:
        return None
    return sum(float(number) * _UNITS[unit] for number, unit in parts)
