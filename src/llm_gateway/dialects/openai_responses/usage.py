"""Usage as this API counts it: input_tokens holds the cached ones, output_tokens the reasoning."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Raw

from llm_gateway.core.usage import Usage
from llm_gateway.dialects.openai_chat.usage import CompletionDetails, PromptDetails, parse_usage
from llm_gateway.dialects.openai_chat.usage import UsageWire as ChatUsage


class UsageWire(msgspec.Struct, gc=False):
    input_tokens: int | None = None
    output_tokens: int | None = None
    total_tokens: int | None = None
    input_tokens_details: PromptDetails | None = None
    output_tokens_details: CompletionDetails | None = None
    cost: Any = None
    cost_details: Any = None
    cost_in_usd_ticks: Any = None
    is_byok: Any = None


_decode = msgspec.json.Decoder(UsageWire | None, strict=False).decode  # not strict: some count in floats


def read_usage(raw: Raw) -> Usage | None:
    """None where a provider says nothing, or nothing possible: a wrong count must not lose an answer."""
    try:
        wire = _decode(raw)
    except msgspec.ValidationError:
        return None
    if wire is None:
        return None
    return parse_usage(
        ChatUsage(
            prompt_tokens=wire.input_tokens,
            completion_tokens=wire.output_tokens,
            total_tokens=wire.total_tokens,
            prompt_tokens_details=wire.input_tokens_details,
            completion_tokens_details=wire.output_tokens_details,
            cost=wire.cost,
            cost_details=wire.cost_details,
            cost_in_usd_ticks=wire.cost_in_usd_ticks,
            is_byok=wire.is_byok,
        )
    )


def render_usage(usage: Usage | None) -> dict[str, Any] | None:
    """The API's classes; ours that it does not have are in its sums, and named as Chat names them when there are any."""
    if usage is None:
        return None
    into: dict[str, int] = {"cached_tokens": usage.cache_read, "cache_write_tokens": usage.cache_write + usage.cache_write_1h}
    out: dict[str, int] = {"reasoning_tokens": usage.reasoning}
    rare = (
        (into, "cache_write_1h_tokens", usage.cache_write_1h),
        (into, "audio_tokens", usage.audio_input),
        (out, "audio_tokens", usage.audio_output),
        (out, "accepted_prediction_tokens", usage.accepted_prediction),
        (out, "rejected_prediction_tokens", usage.rejected_prediction),
    )
    for holder, name, count in rare:
        if count:
            holder[name] = count
    return {
        "input_tokens": usage.prompt,
        "input_tokens_details": into,
        "output_tokens": usage.completion,
        "output_tokens_details": out,
        "total_tokens": usage.total,
        **({"cost": usage.cost / 10**9} if usage.cost else {}),
    }
