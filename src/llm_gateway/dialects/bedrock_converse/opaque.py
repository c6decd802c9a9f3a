"""Redacted thinking, which must come back as it was made.

The API carries it as base64 of bytes, and Anthropic's models put the very text there that Anthropic's own API gives. So it is
kept as that text, which both take back; bytes that are no such text are kept as the API's base64, behind a mark.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from binascii import Error

from llm_gateway.dialects.families import OF_BEDROCK, is_foreign

_MARK = OF_BEDROCK


def parse_blob(data: str) -> str:
    """`data`: base64 as it came."""
    try:
        blob = b64decode(data, validate=True)
    except (Error, ValueError):
        return _MARK + data
    exact = b64encode(blob).decode("ascii") == data
    text = blob.decode("ascii", errors="replace") if exact and blob.isascii() else ""
    return text if text.isprintable() and text and not text.startswith(_MARK) else _MARK + data


def render_blob(text: str) -> str:
    """What `parse_blob` was given for `text`."""
    return text.removeprefix(_MARK) if text.startswith(_MARK) else b64encode(text.encode()).decode("ascii")


def takes_blob(text: str) -> bool:
    """Whether `text` is redacted thinking that `render_blob` may be given: of the API's own, or of Anthropic's models."""
    return text.startswith(_MARK) or not is_foreign(text)
