"""Why an answer ended: the words of OpenAI and of the servers that follow it, and ours."""

from __future__ import annotations

from llm_gateway.core.chat import Finish

_WORDS: dict[str, Finish] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "content_filter": "content_filter",
    "function_call": "tool_calls",  # OpenAI's functions, before tools
    "eos": "stop",  # Together
    "eos_token": "stop",  # TGI
    "stop_sequence": "stop",
    "end_turn": "stop",
    "STOP": "stop",  # servers that hand through Gemini's word
    "max_tokens": "length",
    "model_length": "length",  # Mistral: the context window is full
    "MAX_TOKENS": "length",
    "tool_use": "tool_calls",
    "safety": "content_filter",
    "SAFETY": "content_filter",
    "refusal": "refusal",
    "pause": "pause",
    "context_window": "context_window",
    "error": "error",
}

# OpenRouter's native_finish_reason: what its finish_reason is too coarse to say.
_NATIVE: dict[str, Finish] = {
    "refusal": "refusal",
    "pause": "pause",
    "pause_turn": "pause",
    "context_window": "context_window",
    "model_context_window_exceeded": "context_window",
    "error": "error",
}

_COARSE: dict[Finish, str] = {
    "refusal": "content_filter",
    "pause": "length",  # not finished: "stop" would say that it is
    "context_window": "length",
    "error": "length",
}


def parse_finish(reason: str | None, native: object = None, *, calls: bool = False) -> Finish | None:
    """None while there is none; a word that nobody knows is an error, not a success.

    `calls`: the answer calls tools. Then stop means that (OpenAI says so when the tool was named by the caller, others always).
    """
    if not reason:
        return None
    if isinstance(native, str) and native in _NATIVE:
        return _NATIVE[native]
    finish = _WORDS.get(reason, "error")
    return "tool_calls" if calls and finish == "stop" else finish


def render_finish(finish: Finish) -> tuple[str, str | None]:
    """OpenAI's word, and our own where OpenAI's says less."""
    coarse = _COARSE.get(finish)
    return (coarse, finish) if coarse else (finish, None)
