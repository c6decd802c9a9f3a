"""What a caller is told of an answer that was kept: header lines."""

from __future__ import annotations

from functools import lru_cache

from llm_gateway.cache.entry import KeptAnswer
from llm_gateway.providers.deployment import served_by
from llm_gateway.routing.told import requested

_STALE = b'X-Cache: STALE\r\nWarning: 110 - "Response is Stale"\r\n'
_LINES = b"%bAge: %d\r\nX-Cache-TTL: %d\r\n%b"


def told_of(answer: KeptAnswer) -> bytes:
    """X-Cache, Age (RFC 9111 section 5.1) and X-Cache-TTL: seconds until its time is over. Warning 110 (RFC 7234 section 5.5.1)
    says of an answer whose time is over that it is.
    """
    first = _STALE if answer.state == "stale" else b"X-Cache: HIT\r\n"
    estimated = b"X-Gateway-Estimated: true\r\n" if answer.entry.estimated else b""
    return _LINES % (first, int(answer.age), int(answer.left), estimated)


@lru_cache(maxsize=1024)
def giver(provider: str, model: str, asked: str) -> bytes:
    """Who gave it once, and the name that was `asked` for where that is another one."""
    return served_by(provider, model) + requested(provider, model, asked)
