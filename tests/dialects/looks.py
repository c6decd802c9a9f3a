"""What is sent to a dialect to see whether it looks closely."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from llm_gateway.core.errors import UpstreamMalformed


def no_json(body: Callable[..., bytes]) -> pytest.MarkDecorator:
    """For a parameter `data`: bytes that are no JSON document in UTF-8. `body` makes a good request with the members that it is given."""
    odd = body(messages=[{"role": "user", "content": "\ue000"}])
    cases = {
        "empty": b"",
        "blank": b"  ",
        "cut": b"{",
        "NaN": b'{"model":NaN}',
        "BOM": b'\xef\xbb\xbf{"model":"m"}',
        "UTF-16": '{"model":"m"}'.encode("utf-16"),
        "UTF-8": b'{"model":"\xff"}',
        "trailing": body()[:-1] + b"}}",
        "surrogate": odd.replace("\ue000".encode(), b"\\ud800"),
        "text": odd.replace("\ue000".encode(), b"\xff"),
        "deep": b'{"x":' + b"[" * 100_000 + b"]" * 100_000 + b"," + body()[1:],
    }
    return pytest.mark.parametrize("data", list(cases.values()), ids=list(cases))


def usage_told(dialect: Any, body: bytes) -> list[Any]:
    """The usage that each way of looking at an answer finds in `body`: the one that lets it pass, and the one that translates it."""
    told: list[Any] = []
    for look in (dialect.check_reply, dialect.parse_reply):
        try:
            told.append(look(body).usage)
        except UpstreamMalformed:
            told.append("malformed")
    return told
