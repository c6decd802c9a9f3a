"""Why an answer ended: Gemini's finishReason and ours.

`stop` says "The model ended by itself"; Gemini says so after function calls too.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from llm_gateway.core.chat import Finish

_FILTERED: frozenset[str] = frozenset(
    {
        "SAFETY",
        "RECITATION",
        "LANGUAGE",
        "BLOCKLIST",
        "PROHIBITED_CONTENT",
        "SPII",
        "IMAGE_SAFETY",
        "IMAGE_PROHIBITED_CONTENT",
        "IMAGE_RECITATION",
        "MODEL_ARMOR",
    }
)
_WORDS: Mapping[str, Finish] = MappingProxyType({"STOP": "stop", "MAX_TOKENS": "length", "CONTINUATION": "pause"})
_UNSPECIFIED = "FINISH_REASON_UNSPECIFIED"
_NUMBERS = (
    _UNSPECIFIED,
    "STOP",
    "MAX_TOKENS",
    "SAFETY",
    "RECITATION",
    "OTHER",
    "BLOCKLIST",
    "PROHIBITED_CONTENT",
    "SPII",
    "MALFORMED_FUNCTION_CALL",
)
"""Older SDKs of Vertex write enums by their number."""

_REASONS: Mapping[Finish, str] = MappingProxyType(
    {
        "stop": "STOP",
        "tool_calls": "STOP",
        "length": "MAX_TOKENS",
        "context_window": "MAX_TOKENS",
        "content_filter": "SAFETY",
        "refusal": "SAFETY",
        "pause": "OTHER",  # not finished: STOP would say that it is
        "error": "OTHER",
    }
)


def parse_stop(reason: str | int | None, *, calls: bool) -> Finish | None:
    """None while there is none; a word that nobody knows is an error, not a success. `calls`: the answer calls functions."""
    if isinstance(reason, int):
        reason = _NUMBERS[reason] if 0 <= reason < len(_NUMBERS) else str(reason)
    if not reason or reason == _UNSPECIFIED:
        return None
    if reason in _FILTERED:
        return "content_filter"
    finish = _WORDS.get(reason, "error")
    return "tool_calls" if calls and finish == "stop" else finish


def render_stop(finish: Finish | None, *, refused: bool = False) -> str:
    """`refused`: the answer holds a refusal, which OpenAI ends with "stop"."""
    if refused and finish in {None, "stop"}:
        return "SAFETY"
    return _REASONS[finish or "stop"]
