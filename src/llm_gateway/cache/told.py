"""What a caller is told of an answer that was kept: header lines."""

from __future__ import annotations

from llm_gateway.cache.entry import KeptAnswer

_STALE = b'X-Cache: STALE\r\nWarning: 110 - "Response is Stale"\r\n'
_LINES = b"%bAge: %d\r\nX-Cache-TTL: %d\r\n%b"


def told_of(answer: KeptAnswer) -> bytes:
    """X-Cache, Age (RFC 9111 section 5.1) and X-Cache-TTL: seconds until its time is over. Warning 110 (RFC 7234 section 5.5.1)
    says of an answer whose time is over that it is.
    """
    first = _STALE if answer.state == "stale" else b"X-Cache: HIT\r\n"
    estimated = b"X-Gateway-Estimated: true\r\n" if answer.entry.estimated else b""
    return _LINES % (first, int(answer.age), int(answer.left), estimated)
