"""Gemini's usageMetadata and ours (https://ai.google.dev/api/generate-content#UsageMetadata).

promptTokenCount holds the cached tokens; what Google's own tools put into the prompt stands beside it, thoughts beside
candidatesTokenCount. Sound is told apart in lists by modality.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Raw

from llm_gateway.core.usage import Usage


class Counted(msgspec.Struct, rename="camel", gc=False):
    modality: str | int | None = None
    token_count: int | None = None


class UsageWire(msgspec.Struct, rename="camel", gc=False):
    prompt_token_count: int | None = None
    cached_content_token_count: int | None = None
    candidates_token_count: int | None = None
    thoughts_token_count: int | None = None
    tool_use_prompt_token_count: int | None = None
    prompt_tokens_details: list[Counted] | None = None
    cache_tokens_details: list[Counted] | None = None
    candidates_tokens_details: list[Counted] | None = None
    service_tier: Any = None


_AUDIO = frozenset({"AUDIO", 4})
_decode = msgspec.json.Decoder(UsageWire | None, strict=False).decode  # not strict: proto JSON may write numbers as strings


def read_usage(raw: Raw) -> tuple[Usage | None, str | None]:
    """Usage and service tier. None where there is none, or nothing possible: a wrong count must not lose an answer."""
    try:
        wire = _decode(raw)
    except msgspec.ValidationError:
        return None, None
    if wire is None:
        return None, None
    tier = wire.service_tier.lower() if isinstance(wire.service_tier, str) else None
    return parse_usage(wire), tier


def parse_usage(wire: UsageWire) -> Usage | None:
    prompt, completion = wire.prompt_token_count, wire.candidates_token_count
    if prompt is None and completion is None and wire.thoughts_token_count is None:
        return None
    prompt, completion = prompt or 0, completion or 0
    cached = min(wire.cached_content_token_count or 0, prompt)
    thought, tools = wire.thoughts_token_count or 0, wire.tool_use_prompt_token_count or 0
    if min(prompt, completion, cached, thought, tools) < 0:
        return None
    heard = _audio(wire.prompt_tokens_details) - _audio(wire.cache_tokens_details)
    heard = min(max(heard, 0), prompt - cached)
    spoken = min(_audio(wire.candidates_tokens_details), completion)
    return Usage(
        input=prompt - cached - heard + tools,
        cache_read=cached,
        output=completion - spoken,
        reasoning=thought,
        audio_input=heard,
        audio_output=spoken,
    )


def render_usage(usage: Usage) -> dict[str, Any]:
    completion = usage.completion - usage.reasoning
    shown: dict[str, Any] = {"promptTokenCount": usage.prompt, "candidatesTokenCount": completion}
    if usage.cache_read:
        shown["cachedContentTokenCount"] = usage.cache_read
    if usage.reasoning:
        shown["thoughtsTokenCount"] = usage.reasoning
    shown["totalTokenCount"] = usage.total
    if usage.audio_input:
        shown["promptTokensDetails"] = _details(usage.prompt, usage.audio_input)
    if usage.audio_output:
        shown["candidatesTokensDetails"] = _details(completion, usage.audio_output)
    return shown


def _audio(details: list[Counted] | None) -> int:
    return sum(max(0, counted.token_count or 0) for counted in details or () if counted.modality in _AUDIO)


def _details(whole: int, audio: int) -> list[dict[str, Any]]:
    return [{"modality": "TEXT", "tokenCount": whole - audio}, {"modality": "AUDIO", "tokenCount": audio}]
