"""An answer that is there at once: a status, rendered header lines and a body. For everything that is not a model operation."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, NamedTuple

from llm_gateway.core.json import encode

JSON = b"Content-Type: application/json\r\n"


class Plain(NamedTuple):
    """`headers` are whole lines, each ending CRLF. The sender adds the gateway's own, and Cache-Control if it is missing."""

    status: int
    headers: bytes
    body: bytes


def json(status: int, obj: Any, extra: bytes = b"") -> Plain:
    """`obj` as a JSON answer; `extra` are more header lines."""
    return Plain(status, JSON + extra, encode(obj))


def cached(obj: Any, extra: bytes, headers: Mapping[bytes, bytes]) -> Plain:
    """`obj` as a 200 with an ETag, or a 304 when the request's If-None-Match has it (RFC 9110 sections 8.8.3, 13.1.2, 15.4.5)."""
    body = encode(obj)
    tag = b'"' + hashlib.blake2b(body, digest_size=12).hexdigest().encode() + b'"'
    lines = b"ETag: " + tag + b"\r\n" + extra
    return Plain(304, lines, b"") if _has(headers.get(b"if-none-match"), tag) else Plain(200, JSON + lines, body)


def _has(wanted: bytes | None, tag: bytes) -> bool:
    """If-None-Match compares weakly: a proxy that compressed the body has made the tag weak."""
    if wanted is None:
        return False
    return wanted.strip() == b"*" or any(one.strip().removeprefix(b"W/") == tag for one in wanted.split(b","))
