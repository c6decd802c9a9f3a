"""Why an answer ended: Cohere's finish_reason and ours."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from llm_gateway.core.chat import Finish

_WORDS: Mapping[str, Finish] = MappingProxyType(
    {
        "COMPLETE": "stop",
        "STOP_SEQUENCE": "stop",
        "MAX_TOKENS": "length",
        "TOOL_CALL": "tool_calls",
        "ERROR_TOXIC": "content_filter",
        "ERROR_LIMIT": "context_window",
    }
)


def parse_stop(reason: str | None, *, calls: bool) -> Finish | None:
    """None while there is none; ERROR, TIMEOUT and words that nobody knows are errors, not successes."""
    if not reason:
        return None
    finish = _WORDS.get(reason, "error")
    return "tool_calls" if calls and finish == "stop" else finish
