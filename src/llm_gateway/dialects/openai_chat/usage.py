"""Usage as OpenAI counts it (prompt_tokens holds the cached ones) and as we do (disjoint classes).

Read too: DeepSeek's prompt_cache_hit_tokens, cached_tokens at the top (Together, Moonshot), Anthropic's names (Vercel,
Databricks), xAI's reasoning and Mistral's audio, which stand outside of completion_tokens and prompt_tokens, as total_tokens
shows.

What an answer costs is told by OpenRouter (`cost` in credits, which are dollars; with a provider key of the caller's own that is
its fee alone, beside `cost_details.upstream_inference_cost`), by Perplexity (`cost.total_cost`) and by xAI (`cost_in_usd_ticks`,
1e-10 dollars each).
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Raw

from llm_gateway.core.usage import BilledUsage, Usage


class PromptDetails(msgspec.Struct, gc=False):
    cached_tokens: int | None = None
    audio_tokens: int | None = None
    cache_write_tokens: int | None = None
    cache_write_1h_tokens: int | None = None


class CompletionDetails(msgspec.Struct, gc=False):
    reasoning_tokens: int | None = None
    audio_tokens: int | None = None
    accepted_prediction_tokens: int | None = None
    rejected_prediction_tokens: int | None = None


class UsageWire(msgspec.Struct, gc=False):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    total_tokens: int | None = None
    prompt_tokens_details: PromptDetails | None = None
    completion_tokens_details: CompletionDetails | None = None
    prompt_cache_hit_tokens: int | None = None
    cached_tokens: int | None = None
    num_cached_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    cache_creation_input_tokens: int | None = None
    reasoning_tokens: int | None = None
    cost: Any = None
    cost_details: Any = None
    cost_in_usd_ticks: Any = None
    is_byok: Any = None


_decode = msgspec.json.Decoder(UsageWire | None, strict=False).decode  # not strict: some count in floats
_NANO = 10**9
_TICKS = 10
"""To a nano-dollar."""
_MOST_DOLLARS = 100_000
_NO_PROMPT = PromptDetails()
_NO_COMPLETION = CompletionDetails()


def read_usage(raw: Raw) -> Usage | None:
    """A usage object inside a document that has been decoded: None when it is none, for a wrong count must not lose an answer."""
    try:
        return parse_usage(_decode(raw))
    except msgspec.ValidationError:
        return None


def parse_usage(wire: UsageWire | None) -> Usage | None:
    """None where a provider says nothing, or nothing possible (a negative count)."""
    if wire is None:
        return None
    prompt, completion = wire.prompt_tokens, wire.completion_tokens
    into = wire.prompt_tokens_details or _NO_PROMPT
    out = wire.completion_tokens_details or _NO_COMPLETION
    if (
        not prompt
        or not completion
        or into.audio_tokens
        or into.cache_write_tokens
        or into.cache_write_1h_tokens
        or out.audio_tokens
        or out.accepted_prediction_tokens
        or out.rejected_prediction_tokens
        or wire.cache_creation_input_tokens
        or wire.cost is not None
        or wire.cost_in_usd_ticks is not None
    ):
        return _all_classes(wire, into, out)
    # Nearly always nothing else is told apart than what was cached, and what was thought.
    cached = into.cached_tokens or _cached_elsewhere(wire)
    reasoning = out.reasoning_tokens or wire.reasoning_tokens or 0
    if not 0 <= cached <= prompt or not 0 <= reasoning <= completion or (reasoning and wire.total_tokens != prompt + completion):
        return _all_classes(wire, into, out)
    return Usage(prompt - cached, cached, 0, 0, completion - reasoning, reasoning)


def _cached_elsewhere(wire: UsageWire) -> int:
    return wire.prompt_cache_hit_tokens or wire.cached_tokens or wire.num_cached_tokens or wire.cache_read_input_tokens or 0


def _all_classes(wire: UsageWire, into: PromptDetails, out: CompletionDetails) -> Usage | None:
    """The same, whatever is told."""
    if wire.prompt_tokens is None and wire.completion_tokens is None:
        return None
    prompt, completion = wire.prompt_tokens or 0, wire.completion_tokens or 0
    reasoning = out.reasoning_tokens or wire.reasoning_tokens or 0
    heard = into.audio_tokens or 0
    if prompt < 0 or completion < 0:
        return None
    beyond = (wire.total_tokens or 0) - prompt - completion
    if beyond > 0 and reasoning == beyond:
        completion += reasoning
    elif beyond > 0 and heard == beyond:
        prompt += heard
    written, written_1h = into.cache_write_tokens or wire.cache_creation_input_tokens or 0, into.cache_write_1h_tokens or 0
    prompt, cached = _take(prompt, into.cached_tokens or _cached_elsewhere(wire))
    if written or written_1h or heard:
        prompt, written_1h = _take(prompt, written_1h)
        prompt, written = _take(prompt, written - written_1h)
        prompt, heard = _take(prompt, heard)
    spoken, accepted, rejected = out.audio_tokens or 0, out.accepted_prediction_tokens or 0, out.rejected_prediction_tokens or 0
    if spoken or accepted or rejected or reasoning:
        completion, spoken = _take(completion, spoken)
        completion, accepted = _take(completion, accepted)
        completion, rejected = _take(completion, rejected)
        completion, reasoning = _take(completion, reasoning)
    cost = 0 if wire.cost is None and wire.cost_in_usd_ticks is None else told_cost(wire)
    counts = (prompt, cached, written, written_1h, completion, reasoning, heard, spoken, accepted, rejected)
    return BilledUsage(*counts, cost) if cost else Usage(*counts)


def render_usage(usage: Usage) -> dict[str, Any]:
    """All of OpenAI's classes; cache writes, which it does not have, by OpenRouter's name and only when there are any."""
    into: dict[str, int] = {"cached_tokens": usage.cache_read, "audio_tokens": usage.audio_input}
    written = usage.cache_write + usage.cache_write_1h
    prompt, completion = usage.prompt, usage.completion
    cost = {"cost": usage.cost / _NANO} if usage.cost else {}
    if written:
        into["cache_write_tokens"] = written
    if usage.cache_write_1h:
        into["cache_write_1h_tokens"] = usage.cache_write_1h
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": into,
        "completion_tokens_details": {
            "reasoning_tokens": usage.reasoning,
            "audio_tokens": usage.audio_output,
            "accepted_prediction_tokens": usage.accepted_prediction,
            "rejected_prediction_tokens": usage.rejected_prediction,
        },
        **cost,
    }


def cost_in(told: dict[str, Any]) -> int:
    """The same of a usage object's members, whatever else it holds."""
    named = {name: told[name] for name in ("cost", "cost_details", "cost_in_usd_ticks", "is_byok") if name in told}
    return told_cost(UsageWire(**named)) if named else 0


def told_cost(wire: UsageWire) -> int:
    """Nano-dollars; 0 where nothing is said, or nothing possible."""
    ticks = _amount(wire.cost_in_usd_ticks)
    if ticks:
        return round(ticks / _TICKS)
    cost = wire.cost
    dollars = _amount(cost.get("total_cost") if isinstance(cost, dict) else cost)
    if wire.is_byok is True and isinstance(wire.cost_details, dict):
        dollars += _amount(wire.cost_details.get("upstream_inference_cost"))
    return round(dollars * _NANO) if dollars < _MOST_DOLLARS else 0


def _amount(value: Any) -> float:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 1e18 else 0.0


def _take(whole: int, part: int) -> tuple[int, int]:
    """`part` out of `whole`, never more than there is: what is left, what was taken."""
    if 0 < part <= whole:
        return whole - part, part
    return (whole, 0) if part <= 0 else (0, whole)
