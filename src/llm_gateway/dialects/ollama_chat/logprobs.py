"""Log probabilities of tokens: Ollama's list, and OpenAI's object around one, which is what the neutral types hold."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Raw

from llm_gateway.core.json import encode
from llm_gateway.dialects.ollama_chat.wire import NULL


class _Likely(msgspec.Struct, gc=False):
    token: str
    logprob: float
    bytes: list[int] | None = None


class _Token(_Likely, gc=False):
    top_logprobs: list[_Likely] = []


class _Held(msgspec.Struct, gc=False):
    content: list[_Token] | None = None


_read_list = msgspec.json.Decoder(list[_Token] | None).decode
_read_held = msgspec.json.Decoder(_Held | None).decode


def parse_logprobs(raw: Raw) -> Raw | None:
    """None where there are none, or none that can be read: they must not lose an answer."""
    if raw == NULL:
        return None
    try:
        tokens = _read_list(raw)
    except (msgspec.MsgspecError, RecursionError, UnicodeError):
        return None
    return Raw(encode({"content": tokens, "refusal": None})) if tokens else None


def render_logprobs(raw: Raw | None) -> list[Any] | None:
    if raw is None:
        return None
    try:
        held = _read_held(raw)
    except (msgspec.MsgspecError, RecursionError, UnicodeError):
        return None
    return held.content if held is not None and held.content else None
