"""Log probabilities: this API has a list on each text, Chat (the neutral form) an object that holds it as `content`."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Raw

from llm_gateway.core.json import MalformedJson, decode, encode


class _Chat(msgspec.Struct, gc=False):
    content: list[Any] | None = None


def parse_logprobs(tokens: list[Any] | None) -> Raw | None:
    return Raw(encode({"content": tokens, "refusal": None})) if tokens else None


def render_logprobs(raw: Raw | None) -> list[dict[str, Any]]:
    """Empty where there are none, or none in Chat's shape."""
    if raw is None:
        return []
    try:
        tokens = decode(bytes(raw), _Chat).content or []
    except (MalformedJson, msgspec.ValidationError):
        return []
    return [_complete(token) | {"top_logprobs": _alternatives(token)} for token in tokens if _is_token(token)]


def _alternatives(token: dict[str, Any]) -> list[dict[str, Any]]:
    others = token.get("top_logprobs")
    return [_complete(other) for other in others if _is_token(other)] if isinstance(others, list) else []


def _complete(token: dict[str, Any]) -> dict[str, Any]:
    """With the bytes that the SDKs demand."""
    return token | {"bytes": token.get("bytes") or list(str(token["token"]).encode(errors="replace"))}


def _is_token(token: Any) -> bool:
    return isinstance(token, dict) and isinstance(token.get("token"), str) and isinstance(token.get("logprob"), int | float)
