"""A request for a provider, neutral to wire. The model and whether to stream stand in the URL.

Not named in `dropped`, since nothing is lost: penalties of 0, n of 1, logprobs false, stream_options (usage always comes), a
service tier of auto. OpenAI's metadata are the API's requestMetadata where their characters allow it.

Some members have no name in any other dialect and no place in the neutral form, a guardrail say. A caller of any dialect may send
them by the API's own names, at the top of his request: `PASSED`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import msgspec
from msgspec import Raw

from llm_gateway.core.chat import ChatRequest
from llm_gateway.core.json import decode, encode
from llm_gateway.dialects.anthropic_messages.generation import takes_both, takes_sampling
from llm_gateway.dialects.arguments import members_of
from llm_gateway.dialects.base import Rendered, Target
from llm_gateway.dialects.bedrock_converse.families import Family, family_of
from llm_gateway.dialects.bedrock_converse.members import member
from llm_gateway.dialects.bedrock_converse.stops import PATHS
from llm_gateway.dialects.bedrock_converse.thinking import Thinking, render_thinking
from llm_gateway.dialects.bedrock_converse.tools_out import render_tools
from llm_gateway.dialects.bedrock_converse.turns import Turns
from llm_gateway.dialects.schemas.carry import carry_format, is_any_object
from llm_gateway.dialects.schemas.rules import ANTHROPIC_OUTPUT

FIELDS = "additionalModelRequestFields"
PATHS_OF_REPLY = "additionalModelResponseFieldPaths"
PASSED = frozenset({FIELDS, PATHS_OF_REPLY, "guardrailConfig", "performanceConfig", "promptVariables", "requestMetadata"})

_TIERS: Mapping[str, str] = MappingProxyType(
    {"default": "default", "standard_only": "default", "priority": "priority", "flex": "flex", "reserved": "reserved"}
)
_METADATA = re.compile(r"[a-zA-Z0-9\s:_@$#=/+,\-.]{0,256}")
_METADATA_LIMIT = 16


def render_request(request: ChatRequest, target: Target) -> Rendered:
    """Raises Unsupported for a conversation of which nothing can be carried."""
    dropped: list[str] = []
    family = family_of(target.model)
    turns = Turns(request, family, dropped)
    out: dict[str, Any] = {"messages": turns.render()}
    if turns.system:
        out["system"] = turns.system
    thinking = render_thinking(request, target, family, dropped)
    fields = dict(thinking.fields)
    config = _sampling(request, target, family, thinking, fields, dropped)
    _add_stop(out, config, request, family, dropped)
    if config:
        out["inferenceConfig"] = config
    tools = render_tools(request, family, dropped)
    if tools is not None:
        out["toolConfig"] = tools
    output = _output_config(request, family, thinking.effort, dropped)
    if output:
        out["outputConfig"] = output
    _add_particular(out, request, dropped)
    _name_lost(request, dropped)
    _add_extra(out, request, fields, dropped)
    if fields:
        out[FIELDS] = fields
    return Rendered(encode(out), list(dict.fromkeys(dropped)))


def _sampling(
    request: ChatRequest, target: Target, family: Family, thinking: Thinking, fields: dict[str, Any], dropped: list[str]
) -> dict[str, Any]:
    """For inferenceConfig. What the model refuses is left out, what is out of range is brought into it."""
    asked = {"temperature": request.temperature, "top_p": request.top_p, "top_k": request.top_k}
    claude = family.thinking == "anthropic"
    if not thinking.sampling or (claude and not takes_sampling(target.model)):
        dropped += [name for name, value in asked.items() if value is not None and (value != 1 or name == "top_k")]
        asked = {}
    out: dict[str, Any] = {}
    if request.max_tokens is not None:
        out["maxTokens"] = max(1, request.max_tokens)
        if request.max_tokens < 1:  # at Anthropic it warms the cache
            dropped.append("max_tokens")
    temperature, top_p, top_k = asked.get("temperature"), asked.get("top_p"), asked.get("top_k")
    if temperature is not None:
        if temperature > 1:
            dropped.append("temperature")
        out["temperature"] = min(1.0, temperature)
    if top_p is not None and claude and temperature is not None and not takes_both(target.model):
        if top_p != 1:  # 1 says nothing
            dropped.append("top_p")
    elif top_p is not None:
        out["topP"] = top_p
    if top_k is not None and family.top_k:
        _put(fields, family.top_k, top_k)
    elif top_k is not None:
        dropped.append("top_k")
    return out


def _put(fields: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    for name in path[:-1]:
        fields = fields.setdefault(name, {})
    fields[path[-1]] = value


def _add_stop(out: dict[str, Any], config: dict[str, Any], request: ChatRequest, family: Family, dropped: list[str]) -> None:
    """The API refuses sequences of white space at most of its models."""
    stop = [text for text in request.stop if text.strip()] if family.stop else []
    if len(stop) < len(request.stop):
        dropped.append(member(request, "stop"))
    if stop:
        config["stopSequences"] = stop
        if family.stop_fields:
            out[PATHS_OF_REPLY] = [PATHS[request.stream]]


def _output_config(request: ChatRequest, family: Family, effort: str | None, dropped: list[str]) -> dict[str, Any]:
    """Structured outputs: a schema only, as JSON text. They are always strict, and have no free JSON mode."""
    out: dict[str, Any] = {} if effort is None else {"effort": effort}
    wanted = request.response_format
    if wanted is None or wanted.kind == "text":
        return out
    path = member(request, "response_format")
    if wanted.kind == "json" or wanted.schema is None or not family.schema or is_any_object(wanted.schema):
        dropped.append(path)
        return out
    carried = bytes(carry_format(request, wanted, ANTHROPIC_OUTPUT, dropped)).decode()
    schema = {"name": wanted.name, "description": wanted.description, "schema": carried}
    said = {name: value for name, value in schema.items() if value}
    if wanted.strict is False:
        dropped.append(f"{path}.json_schema.strict")
    return out | {"textFormat": {"type": "json_schema", "structure": {"jsonSchema": said}}}


def _add_particular(out: dict[str, Any], request: ChatRequest, dropped: list[str]) -> None:
    """What has another shape here."""
    tier = request.service_tier
    if tier is not None and tier in _TIERS:
        out["serviceTier"] = {"type": _TIERS[tier]}
    elif tier not in {None, "auto"}:
        dropped.append("service_tier")
    if request.metadata is not None:
        found = _metadata(request.metadata)
        if found:
            out["requestMetadata"] = found
        elif found is None:
            dropped.append("metadata")


def _metadata(raw: Raw) -> dict[str, str] | None:
    """None if it does not fit the API's."""
    try:
        found = decode(bytes(raw), dict[str, str])
    except msgspec.ValidationError:
        return None
    fits = len(found) <= _METADATA_LIMIT and all(
        key and _METADATA.fullmatch(key) and _METADATA.fullmatch(value) for key, value in found.items()
    )
    return found if fits else None


def _name_lost(request: ChatRequest, dropped: list[str]) -> None:
    """What does not exist here."""
    if request.n is not None and request.n != 1:
        dropped.append("n")
    dropped += [name for name in ("presence_penalty", "frequency_penalty", "logprobs", "top_logprobs") if getattr(request, name)]
    if request.seed is not None:
        dropped.append("seed")
    if request.user is not None:
        dropped.append(member(request, "user"))


def _add_extra(out: dict[str, Any], request: ChatRequest, fields: dict[str, Any], dropped: list[str]) -> None:
    for path, value in request.extra.items():
        if path not in PASSED:
            dropped.append(path)
        elif path == FIELDS:
            members = members_of(bytes(value))
            if members is None:
                dropped.append(path)
            else:
                fields |= members
        else:
            out[path] = value
