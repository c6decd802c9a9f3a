"""Why an answer ended: Converse's stopReason, and ours."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from llm_gateway.core.chat import Finish

_WORDS: Mapping[str, Finish] = MappingProxyType(
    {
        "end_turn": "stop",
        "stop_sequence": "stop",
        "tool_use": "tool_calls",
        "max_tokens": "length",
        "model_context_window_exceeded": "context_window",
        "guardrail_intervened": "content_filter",
        "content_filtered": "content_filter",
        "refusal": "refusal",  # Anthropic's own words, where they are handed through
        "pause_turn": "pause",
        "malformed_model_output": "error",
        "malformed_tool_use": "error",
    }
)

PATHS = ("/stop_sequence", "/delta/stop_sequence")
"""Where Anthropic's models say which stop sequence they met, in a whole answer and in a stream."""


def parse_stop(reason: str | None) -> Finish | None:
    """None while there is none; a word that nobody knows is an error, not a success."""
    if reason is None:
        return None
    return _WORDS.get(reason, "error")


def sequence_of(fields: Any) -> str | None:
    """The stop sequence in additionalModelResponseFields."""
    if not isinstance(fields, dict):
        return None
    delta = fields.get("delta")
    found = fields.get("stop_sequence") or (delta.get("stop_sequence") if isinstance(delta, dict) else None)
    return found if isinstance(found, str) else None
