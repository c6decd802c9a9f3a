"""Answers as bytes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from llm_gateway.control.api.route import Answer, Route

JSON = "application/json"
_encoder = msgspec.json.Encoder(enc_hook=str)  # values of the configuration as a file has them; a Secret is ***


def etag_of(version: int | str) -> str:
    """An entity tag (RFC 9110 section 8.8.3)."""
    return f'"{version}"'


def status_of(answer: Answer, route: Route | None) -> int:
    if answer.status is not None:
        return answer.status
    return 200 if route is None else route.status


def written(answer: Answer, route: Route | None) -> tuple[Mapping[str, str], bytes]:
    """Headers and body."""
    headers = dict(answer.headers)
    if answer.version is not None:
        headers["ETag"] = etag_of(answer.version)
    if answer.raw is not None:
        return headers, answer.raw
    if answer.body is None and status_of(answer, route) == 204:
        return headers, b""
    headers.setdefault("Content-Type", JSON)
    return headers, encoded(answer.body)


def encoded(value: Any) -> bytes:
    return _encoder.encode(value)
