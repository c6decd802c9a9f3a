"""A caller's request, wire to neutral."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal

from msgspec import Raw

from llm_gateway.core.chat import ChatRequest, Message, ReasoningRequest, ResponseFormat, Tool, ToolChoice
from llm_gateway.core.json import encode
from llm_gateway.dialects.gemini import wire
from llm_gateway.dialects.gemini.contents_in import Contents, parse_system
from llm_gateway.dialects.gemini.schema import to_json_schema
from llm_gateway.dialects.gemini.tidy import Tidied
from llm_gateway.dialects.gemini.view import Config, check_count, check_limits, check_once
from llm_gateway.dialects.gemini.wire import NULL
from llm_gateway.dialects.invalid import check_model, check_parts, refuse
from llm_gateway.dialects.tidying import read_or_tidy

_MODES: Mapping[Any, Literal["auto", "required", "none"]] = MappingProxyType(
    {
        "AUTO": "auto",
        "ANY": "required",
        "NONE": "none",
        "VALIDATED": "auto",
        1: "auto",
        2: "required",
        3: "none",
    }
)
_RESTRICTING = frozenset({"ANY", 2, "VALIDATED"})
"""With these the API looks at allowedFunctionNames."""
_UNSPECIFIED = frozenset({"MODE_UNSPECIFIED", 0, None})
_JSON = "application/json"
_WORDS = MappingProxyType({"text/plain": "text", _JSON: "json"})


def parse_request(body: bytes, model: str, *, stream: bool) -> ChatRequest:
    """The whole request, for the model and the way that its URL says. Raises InvalidRequest or MalformedBody."""
    request, extra = read_or_tidy(body, wire.RequestWire, Tidied)
    check_once(body)
    check_model(model)
    check_count(len(request.contents))
    check_parts([content.parts for content in (request.system_instruction, *request.contents) if content is not None], "contents")
    check_parts([entry.function_declarations for entry in request.tools or ()], "tools")
    config = request.generation_config or wire.ConfigWire()
    messages, places = _messages(request)
    if bytes(extra.get("model", NULL)) in {encode(model), encode(f"models/{model}")}:
        del extra["model"]  # it says what the URL says
    check_limits(Config(config.temperature, config.top_p, config.max_output_tokens, config.candidate_count))
    return ChatRequest(
        model=model,
        messages=tuple(messages),
        tools=_tools(request.tools or [], extra),
        tool_choice=_choice(request.tool_config, extra),
        max_tokens=_whole(config.max_output_tokens, "maxOutputTokens"),
        temperature=config.temperature,
        top_p=config.top_p,
        top_k=_whole(config.top_k, "topK"),
        stop=tuple(config.stop_sequences or ()),
        n=_whole(config.candidate_count, "candidateCount"),
        seed=_whole(config.seed, "seed"),
        presence_penalty=config.presence_penalty,
        frequency_penalty=config.frequency_penalty,
        logprobs=config.response_logprobs,
        top_logprobs=_whole(config.logprobs, "logprobs"),
        response_format=_format(config, extra),
        reasoning=_reasoning(config.thinking_config),
        stream=stream,
        include_usage=stream,
        extra=extra,
        dialect=wire.NAME,
        places=tuple(places),
    )


def _messages(request: wire.RequestWire) -> tuple[list[Message], list[tuple[str, ...]]]:
    """The messages, and the path of each of their parts."""
    contents = Contents()
    messages = [contents.parse(content, index) for index, content in enumerate(request.contents)]
    system, places = parse_system(request.system_instruction) if request.system_instruction is not None else ((), ())
    if not system:
        return messages, contents.places
    return [Message("system", system), *messages], [places, *contents.places]


def _tools(entries: list[wire.ToolWire], extra: dict[str, Raw]) -> tuple[Tool, ...]:
    tools: list[Tool] = []
    for index, entry in enumerate(entries):
        for place, declared in enumerate(entry.function_declarations or ()):
            tools.append(_declared(declared, f"tools[{index}].functionDeclarations[{place}]", extra))
        if entry.opaque is not None:
            tools.append(Tool(entry.opaque.kind, dialect=wire.NAME, raw=entry.opaque.raw))
    return tuple(tools)


def _declared(declared: wire.DeclarationWire, path: str, extra: dict[str, Raw]) -> Tool:
    schema = None
    if declared.parameters_json_schema != NULL:
        schema = declared.parameters_json_schema
        if declared.parameters != NULL:
            extra[f"{path}.parameters"] = declared.parameters
    elif declared.parameters != NULL:
        schema = to_json_schema(declared.parameters, f"{path}.parameters")
    return Tool(declared.name, declared.description, schema)


def _choice(config: wire.ToolConfigWire | None, extra: dict[str, Raw]) -> ToolChoice | None:
    calling = config.function_calling_config if config is not None else None
    if calling is None:
        return None
    mode = calling.mode.upper() if isinstance(calling.mode, str) else calling.mode
    path, allowed = "toolConfig.functionCallingConfig", tuple(calling.allowed_function_names or ())
    neutral = _MODES.get(mode)
    if (mode == "VALIDATED" and not allowed) or (neutral is None and mode not in _UNSPECIFIED):
        extra[f"{path}.mode"] = Raw(encode(mode))
    if neutral is None or (allowed and mode not in _RESTRICTING):
        if allowed:
            extra[f"{path}.allowedFunctionNames"] = Raw(encode(allowed))
        return None if neutral is None else ToolChoice(neutral)
    if neutral == "required" and len(allowed) == 1:
        return ToolChoice("named", allowed[0])
    return ToolChoice(neutral, allowed=allowed)


def _format(config: wire.ConfigWire, extra: dict[str, Raw]) -> ResponseFormat | None:
    wanted, schema = config.response_mime_type, config.response_json_schema
    path = "generationConfig.responseSchema"
    if wanted not in {None, *_WORDS}:  # text/x.enum: one of a schema's values, as plain text
        extra["generationConfig.responseMimeType"] = Raw(encode(wanted))
        for name, given in (("responseSchema", config.response_schema), ("responseJsonSchema", schema)):
            if given != NULL:
                extra[f"generationConfig.{name}"] = given
        return None
    if schema != NULL:
        if config.response_schema != NULL:
            extra[path] = config.response_schema
        return ResponseFormat("schema", schema=schema)
    if config.response_schema != NULL:
        return ResponseFormat("schema", schema=to_json_schema(config.response_schema, path))
    if wanted is None:
        return None
    return ResponseFormat("json" if wanted == _JSON else "text")


def _reasoning(config: wire.ThinkingWire | None) -> ReasoningRequest | None:
    """thinkingBudget: 0 turns thinking off, -1 leaves the amount to the model."""
    if config is None:
        return None
    budget, shown = config.thinking_budget, config.include_thoughts
    effort = config.thinking_level.lower() if config.thinking_level else None
    return ReasoningRequest(
        enabled=None if budget is None else budget != 0,
        effort=None if effort == "thinking_level_unspecified" else effort,
        budget=budget if budget is not None and budget > 0 else None,
        adaptive=budget is not None and budget < 0,
        display=None if shown is None else "summarized" if shown else "omitted",
    )


def _whole(value: float | None, name: str) -> int | None:
    if value is None:
        return None
    if not value.is_integer():
        raise refuse(f"generationConfig.{name}", "it must be a whole number")
    return int(value)
