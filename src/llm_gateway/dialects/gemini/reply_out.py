"""A whole answer, neutral to wire. Members that nothing is known about are left out, as Google does."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from msgspec import Raw

from llm_gateway.core.chat import ChatReply, Choice, Refusal, Text
from llm_gateway.core.json import decode, encode
from llm_gateway.dialects.gemini.logprobs import render_logprobs
from llm_gateway.dialects.gemini.parts_out import PartsOut, Rules
from llm_gateway.dialects.gemini.sources import render_sources
from llm_gateway.dialects.gemini.stops import render_stop
from llm_gateway.dialects.gemini.usage import render_usage

_RULES = Rules(reply=True)


def render_reply(reply: ChatReply) -> bytes:
    out: dict[str, Any] = {"candidates": [_candidate(choice) for choice in reply.choices]}
    if reply.usage is not None:
        out["usageMetadata"] = render_usage(reply.usage)
    out |= {"modelVersion": reply.model, "responseId": reply.id}
    if reply.created is not None:
        time = render_time(reply.created)
        if time is not None:
            out["createTime"] = time
    return encode(out)


def render_time(seconds: int) -> str | None:
    """RFC 3339; None for what is no time."""
    try:
        return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}Z"
    except (ValueError, OverflowError, OSError):
        return None


def join_members(candidate: dict[str, Any], members: list[Raw], sources: list[Any], text: str) -> None:
    """What stands beside the content. Sources are shown anew unless the metadata that they come from is there."""
    for raw in members:
        candidate |= decode(bytes(raw), dict[str, Raw])
    if sources and not ({"groundingMetadata", "citationMetadata"} & candidate.keys()):
        grounding = render_sources(sources, text)
        if grounding is not None:
            candidate["groundingMetadata"] = grounding


def _candidate(choice: Choice) -> dict[str, Any]:
    parts = PartsOut(_RULES, [])
    for part in choice.parts:
        parts.add(part, str)
    refused = any(isinstance(part, Refusal) for part in choice.parts)
    candidate: dict[str, Any] = {
        "content": {"parts": parts.finish(), "role": "model"},
        "finishReason": render_stop(choice.finish, refused=refused),
        "index": choice.index,
    }
    texts = [part for part in choice.parts if isinstance(part, Text)]
    sources = [source for part in texts for source in part.citations]
    join_members(candidate, parts.members, sources, "".join(part.text for part in texts))
    logprobs = render_logprobs([choice.logprobs]) if choice.logprobs is not None else None
    if logprobs is not None:
        candidate["logprobsResult"] = logprobs
    return candidate
