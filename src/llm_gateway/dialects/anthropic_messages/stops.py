"""Why an answer ended: Anthropic's stop_reason and ours."""

from __future__ import annotations

from llm_gateway.core.chat import Finish

_WORDS: dict[str, Finish] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "tool_use": "tool_calls",
    "pause_turn": "pause",
    "compaction": "pause",
    "refusal": "refusal",
    "model_context_window_exceeded": "context_window",
}

_REASONS: dict[Finish, str] = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "content_filter": "refusal",
    "refusal": "refusal",
    "pause": "pause_turn",
    "context_window": "model_context_window_exceeded",
    "error": "max_tokens",  # Anthropic has no word for it, and this one says at least that the answer is not whole
}


def parse_stop(reason: str | None) -> Finish | None:
    """None while there is none; a word that nobody knows is an error, not a success."""
    if reason is None:
        return None
    return _WORDS.get(reason, "error")


def render_stop(finish: Finish | None, stop_sequence: str | None, *, calls: bool, refused: bool = False) -> str:
    """The reason that fits what the answer holds: clients run tools on tool_use and on nothing else, while some servers say
    "stop" after tool calls, or "tool_calls" without any. `refused`: the answer holds a refusal, which OpenAI ends with "stop".
    """
    if finish in {None, "stop", "tool_calls"}:
        if calls:
            return "tool_use"
        if refused:
            return "refusal"
        return "stop_sequence" if stop_sequence is not None else "end_turn"
    return _REASONS[finish]
