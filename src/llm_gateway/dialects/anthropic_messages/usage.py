"""Anthropic's usage and ours.

Its classes are disjoint already: input_tokens holds neither what was read from a cache nor what was written to one. Two things
differ: output_tokens includes thinking, told apart in output_tokens_details; and the tokens of a compaction stand in
`iterations` alone, so they are added here.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from llm_gateway.core.usage import Usage

_Count = Annotated[int, msgspec.Meta(ge=0)]


class CacheCreation(msgspec.Struct, gc=False):
    ephemeral_5m_input_tokens: _Count | None = None
    ephemeral_1h_input_tokens: _Count | None = None


class OutputDetails(msgspec.Struct, gc=False):
    thinking_tokens: _Count | None = None


class Iteration(msgspec.Struct, gc=False):
    type: str = ""
    input_tokens: _Count | None = None
    output_tokens: _Count | None = None
    cache_read_input_tokens: _Count | None = None
    cache_creation_input_tokens: _Count | None = None


class UsageWire(msgspec.Struct, gc=False):
    """Usage of a whole answer, of message_start and of message_delta. None: not said."""

    input_tokens: _Count | None = None
    output_tokens: _Count | None = None
    cache_read_input_tokens: _Count | None = None
    cache_creation_input_tokens: _Count | None = None
    cache_creation: CacheCreation | None = None
    output_tokens_details: OutputDetails | None = None
    iterations: list[Iteration] | None = None
    service_tier: str | None = None


def merge(before: UsageWire | None, now: UsageWire) -> UsageWire:
    """message_delta's counts are totals up to here: each replaces what was known, and what is not said stays."""
    if before is None:
        return now
    said = {name: value for name in UsageWire.__struct_fields__ if (value := getattr(now, name)) is not None}
    return msgspec.structs.replace(before, **said)


def parse_usage(wire: UsageWire) -> Usage:
    written = wire.cache_creation_input_tokens or 0
    hour = (wire.cache_creation.ephemeral_1h_input_tokens or 0) if wire.cache_creation else 0
    if wire.cache_creation_input_tokens is None and wire.cache_creation is not None:
        written = hour + (wire.cache_creation.ephemeral_5m_input_tokens or 0)
    output = wire.output_tokens or 0
    details = wire.output_tokens_details
    thought = min(output, (details.thinking_tokens or 0) if details else 0)
    cache_read = wire.cache_read_input_tokens or 0
    if not wire.iterations:
        return Usage(wire.input_tokens or 0, cache_read, max(0, written - hour), min(hour, written), output - thought, thought)
    aside = [turn for turn in wire.iterations if turn.type == "compaction"]
    return Usage(
        input=(wire.input_tokens or 0) + sum(turn.input_tokens or 0 for turn in aside),
        cache_read=cache_read + sum(turn.cache_read_input_tokens or 0 for turn in aside),
        cache_write=max(0, written - hour) + sum(turn.cache_creation_input_tokens or 0 for turn in aside),
        cache_write_1h=min(hour, written),
        output=output - thought + sum(turn.output_tokens or 0 for turn in aside),
        reasoning=thought,
    )


def render_usage(usage: Usage | None) -> dict[str, Any]:
    """Usage of a whole answer or of message_start. The SDKs demand numbers: zeros when the provider gave none."""
    told = usage or Usage()
    return render_delta_usage(told) | {
        "cache_creation": {
            "ephemeral_5m_input_tokens": told.cache_write,
            "ephemeral_1h_input_tokens": told.cache_write_1h,
        },
    }


def render_delta_usage(usage: Usage | None) -> dict[str, Any]:
    """Usage of message_delta."""
    told = usage or Usage()
    shown: dict[str, Any] = {
        "input_tokens": told.input + told.audio_input,
        "cache_creation_input_tokens": told.cache_write + told.cache_write_1h,
        "cache_read_input_tokens": told.cache_read,
        "output_tokens": told.completion,
    }
    if told.reasoning:
        shown["output_tokens_details"] = {"thinking_tokens": told.reasoning}
    return shown
