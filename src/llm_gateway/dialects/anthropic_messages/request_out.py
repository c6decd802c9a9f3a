"""A request for a provider, neutral to wire.

Not named in `dropped`, since nothing is lost: the label of a response format (`response_format.name`), penalties of 0, n of 1,
logprobs false, stream_options (usage always comes). Added without being asked for: max_tokens, which the API demands.
"""

from __future__ import annotations

from typing import Any

from llm_gateway.core.chat import ChatRequest
from llm_gateway.core.json import encode
from llm_gateway.dialects.anthropic_messages.generation import takes_both, takes_sampling
from llm_gateway.dialects.anthropic_messages.nested import put
from llm_gateway.dialects.anthropic_messages.parts_out import plain
from llm_gateway.dialects.anthropic_messages.thinking import Thinking, render_thinking
from llm_gateway.dialects.anthropic_messages.tools_out import render_tools
from llm_gateway.dialects.anthropic_messages.turns import Turns
from llm_gateway.dialects.anthropic_messages.wire import NAME
from llm_gateway.dialects.base import Rendered, Target
from llm_gateway.dialects.schemas.carry import carry_format, is_any_object
from llm_gateway.dialects.schemas.rules import ANTHROPIC_OUTPUT

_TIERS = {"auto": "auto", "default": "standard_only", "standard_only": "standard_only"}


def render_request(request: ChatRequest, target: Target) -> Rendered:
    """Raises Unsupported for a conversation of which nothing can be carried."""
    dropped: list[str] = []
    turns = Turns(request, dropped)
    thinking = render_thinking(request, target, dropped)
    out: dict[str, Any] = {"model": target.model, "max_tokens": thinking.max_tokens}
    if turns.system:
        out["system"] = plain(turns.system)
    out["messages"] = turns.render()
    if request.tools:
        out |= render_tools(request, dropped)
    if thinking.thinking is not None:
        out["thinking"] = thinking.thinking
    _add_output_config(out, request, thinking.effort, dropped)
    _add_sampling(out, request, target, thinking, dropped)
    if request.stop:
        _add_stop(out, request, dropped)
    _add_particular(out, request, dropped)
    _name_lost(request, dropped)
    if request.stream:
        out["stream"] = True
    if request.extra:
        _add_extra(out, request, dropped)
    return Rendered(encode(out), dropped)


def _add_output_config(out: dict[str, Any], request: ChatRequest, effort: str | None, dropped: list[str]) -> None:
    """Structured outputs: a schema only. They are always strict, and have no free JSON mode."""
    wanted = request.response_format
    if wanted is None and effort is None:
        return
    config: dict[str, Any] = {} if effort is None else {"effort": effort}
    own = request.dialect == NAME
    if wanted is not None and wanted.kind == "schema" and wanted.schema is not None and (own or not is_any_object(wanted.schema)):
        schema = wanted.schema if own else carry_format(request, wanted, ANTHROPIC_OUTPUT, dropped)
        config["format"] = {"type": "json_schema", "schema": schema}
        if wanted.description is not None:
            dropped.append("response_format.json_schema.description")
        if wanted.strict is False:
            dropped.append("response_format.json_schema.strict")
    elif wanted is not None and wanted.kind != "text":
        dropped.append("response_format")
    if config:
        out["output_config"] = config


def _add_sampling(out: dict[str, Any], request: ChatRequest, target: Target, thinking: Thinking, dropped: list[str]) -> None:
    """For callers of other dialects: what the model refuses is left out, what is out of range is brought into it."""
    asked: dict[str, float] = {}
    if request.temperature is not None:
        asked["temperature"] = request.temperature
    if request.top_p is not None:
        asked["top_p"] = request.top_p
    if request.top_k is not None:
        asked["top_k"] = request.top_k
    if not asked:
        return
    if request.dialect != NAME:
        temperature = asked.get("temperature")
        if not takes_sampling(target.model) or thinking.added:
            dropped += [name for name, value in asked.items() if value != 1 or name == "top_k"]
            asked = {}
        elif temperature is not None:
            if temperature > 1:
                asked["temperature"] = 1.0
                dropped.append("temperature")
            if "top_p" in asked and not takes_both(target.model) and asked.pop("top_p") != 1:  # 1 says nothing
                dropped.append("top_p")
    out |= asked


def _add_stop(out: dict[str, Any], request: ChatRequest, dropped: list[str]) -> None:
    """The API refuses sequences of white space."""
    own = request.dialect == NAME
    stop = [text for text in request.stop if own or text.strip()]
    if len(stop) < len(request.stop):
        dropped.append("stop")
    if stop:
        out["stop_sequences"] = stop


def _add_particular(out: dict[str, Any], request: ChatRequest, dropped: list[str]) -> None:
    """What has another shape here."""
    if request.user is not None:
        out["metadata"] = {"user_id": request.user}
    if request.service_tier is not None:
        tier = request.service_tier if request.dialect == NAME else _TIERS.get(request.service_tier)
        if tier is None:
            dropped.append("service_tier")
        else:
            out["service_tier"] = tier


def _name_lost(request: ChatRequest, dropped: list[str]) -> None:
    """What does not exist here."""
    if request.n is not None and request.n != 1:
        dropped.append("n")
    if request.seed is not None:
        dropped.append("seed")
    if request.presence_penalty:
        dropped.append("presence_penalty")
    if request.frequency_penalty:
        dropped.append("frequency_penalty")
    if request.logprobs:
        dropped.append("logprobs")
    if request.top_logprobs:
        dropped.append("top_logprobs")
    if request.metadata is not None:
        dropped.append("metadata")


def _add_extra(out: dict[str, Any], request: ChatRequest, dropped: list[str]) -> None:
    """Members of this dialect's own, back to their places; inside of messages they have none, as turns may have moved."""
    for path, value in request.extra.items():
        if request.dialect != NAME or path.startswith(("messages[", "system[")) or not put(out, path, value):
            dropped.append(path)
