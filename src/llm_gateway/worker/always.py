"""Header lines of every answer, whoever makes it."""

from __future__ import annotations


def always_said(*, tls: bool) -> bytes:
    """Header lines of every answer: what makes sense for an API that shows no pages (requirements X2; RFC 6797 section 7.2)."""
    strict = b"Strict-Transport-Security: max-age=31536000; includeSubDomains\r\n" if tls else b""
    return b"X-Content-Type-Options: nosniff\r\n" + strict
