"""A whole answer, neutral to wire."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from llm_gateway.core.chat import Audio, ChatReply, Choice, Opaque, Part, Reasoning, Refusal, Text, ToolCall
from llm_gateway.core.json import encode
from llm_gateway.dialects.openai_chat.citations import annotations_of, is_annotation
from llm_gateway.dialects.openai_chat.finish import render_finish
from llm_gateway.dialects.openai_chat.parts_out import render_call
from llm_gateway.dialects.openai_chat.reasoning import is_entry, needs_details, render_details
from llm_gateway.dialects.openai_chat.usage import render_usage

_TIERS = frozenset({"auto", "default", "flex", "scale", "priority"})


def render_reply(reply: ChatReply, created: int) -> bytes:
    """`created` (seconds since the epoch) stands in where the provider did not say."""
    out: dict[str, Any] = {
        "id": reply.id,
        "object": "chat.completion",
        "created": created if reply.created is None else reply.created,
        "model": reply.model,
        "choices": [_choice(choice) for choice in reply.choices],
    }
    if reply.usage is not None:
        out["usage"] = render_usage(reply.usage)
    tier = service_tier(reply.service_tier)
    if tier is not None:
        out["service_tier"] = tier
    if reply.fingerprint is not None:
        out["system_fingerprint"] = reply.fingerprint
    return encode(out)


def service_tier(tier: str | None) -> str | None:
    """OpenAI's word for it: its SDKs know no others."""
    tier = "default" if tier == "standard" else tier
    return tier if tier in _TIERS else None


def _choice(choice: Choice) -> dict[str, Any]:
    out: dict[str, Any] = {"index": choice.index, "message": _message(choice.parts), "logprobs": choice.logprobs}
    ended = "tool_calls" if "tool_calls" in out["message"] else "stop"  # where the provider did not say
    add_finish(out, choice.finish or ended, choice.stop_sequence)
    return out


def add_finish(out: dict[str, Any], finish: Any, stop_sequence: str | None) -> None:
    """finish_reason, and what it cannot say: native_finish_reason (OpenRouter's name), stop_reason (vLLM's: the stop string)."""
    out["finish_reason"], native = render_finish(finish)
    if native is not None:
        out["native_finish_reason"] = native
    if stop_sequence is not None:
        out["stop_reason"] = stop_sequence


def _message(parts: tuple[Part, ...]) -> dict[str, Any]:
    first = parts[0] if len(parts) == 1 else None
    if type(first) is Text and not first.citations:
        return {"role": "assistant", "content": first.text, "refusal": None}  # as below, for the usual answer
    texts = [part.text for part in parts if isinstance(part, Text)]
    refusals = [part.text for part in parts if isinstance(part, Refusal)]
    out: dict[str, Any] = {
        "role": "assistant",
        "content": "".join(texts) if texts else None,
        "refusal": "".join(refusals) if refusals else None,
    }
    thoughts = "".join(part.text for part in parts if isinstance(part, Reasoning))
    if thoughts:
        out["reasoning_content"] = thoughts
    if needs_details(parts):
        out["reasoning_details"] = render_details(parts)
    calls = [render_call(part) for part in parts if isinstance(part, ToolCall)]
    if calls:
        out["tool_calls"] = calls
    blocks = [part for part in parts if isinstance(part, Opaque) and not is_entry(part)]
    if blocks:
        out["opaque_blocks"] = [render_block(block, index) for index, block in enumerate(blocks)]
    for part in parts:
        if isinstance(part, Audio):
            out["audio"] = {
                "id": part.id or "",
                "data": part.data,
                "expires_at": part.expires_at or 0,
                "transcript": part.transcript or "",
            }
    _cite(out, parts)
    return out


def render_block(block: Opaque, index: int) -> dict[str, Any]:
    """A block that OpenAI has nothing like, for a client to send back."""
    return {"index": index, "dialect": block.dialect, "kind": block.kind, "block": block.raw}


def _cite(out: dict[str, Any], parts: Iterable[Part]) -> None:
    annotations: list[Any] = []
    sources: list[Any] = []
    position = 0
    for part in parts:
        if isinstance(part, Text):
            annotations += annotations_of(part.citations, position, position + len(part.text))
            sources += part.citations
            position += len(part.text)
    if annotations:
        out["annotations"] = annotations
    if any(not is_annotation(source) for source in sources):
        out["citations"] = sources
