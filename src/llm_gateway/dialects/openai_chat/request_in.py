"""A request, wire to neutral."""

from __future__ import annotations

from typing import Any, Literal

import msgspec
from msgspec import Raw

from llm_gateway.core.chat import CacheMark, ChatRequest, ReasoningRequest, ResponseFormat, Tool, ToolChoice
from llm_gateway.core.json import MalformedJson, decode
from llm_gateway.dialects.invalid import check_model, check_parts, malformed, read, refuse
from llm_gateway.dialects.openai_chat import wire
from llm_gateway.dialects.openai_chat.messages_in import Messages
from llm_gateway.dialects.openai_chat.reasoning import NAME
from llm_gateway.dialects.openai_chat.tidy import Tidied

_KNOWN = frozenset(wire.RequestWire.__struct_fields__)
_decode_closed = msgspec.json.Decoder(wire.ClosedRequest).decode
_decode_members = msgspec.json.Decoder(dict[str, Raw]).decode
_MODES: dict[str, Literal["auto", "none", "required"]] = {
    "auto": "auto",
    "none": "none",
    "required": "required",
    "any": "required",  # Mistral
}
_KINDS: dict[str, Literal["text", "json", "schema"]] = {"text": "text", "json_object": "json", "json_schema": "schema"}


def parse_request(body: bytes) -> ChatRequest:
    """Raises InvalidRequest or MalformedBody."""
    request, extra = _read(body)
    check_model(request.model)
    if not request.messages:
        raise refuse("messages", "there must be at least one", "empty_messages")
    check_parts([message.content for message in request.messages], "messages")
    check_parts([request.tools], "tools")
    limit = request.max_completion_tokens
    if limit is None:
        limit = request.max_tokens
    elif request.max_tokens is not None:
        extra["max_tokens"] = Raw(str(request.max_tokens).encode())
    return ChatRequest(  # in the order of its members: by their names it takes msgspec seven times as long
        request.model,
        Messages(extra).parse(request.messages),
        tuple(_tool(tool) for tool in request.tools or ()),
        _tool_choice(request.tool_choice, extra),
        request.parallel_tool_calls,
        limit,
        request.temperature,
        request.top_p,
        request.top_k,
        (request.stop,) if isinstance(request.stop, str) else tuple(request.stop or ()),
        request.n,
        request.seed,
        request.presence_penalty,
        request.frequency_penalty,
        request.logprobs,
        request.top_logprobs,
        _response_format(request.response_format),
        _reasoning(request),
        request.stream is True,
        request.stream_options is not None and request.stream_options.include_usage is True,
        request.user,
        present(request.metadata),
        request.service_tier,
        extra,
        NAME,
    )


def present(raw: Raw) -> Raw | None:
    return None if raw == wire.NULL else raw


def others(body: bytes, known: frozenset[str]) -> dict[str, Raw]:
    """The members at the top of `body`, an object that has been decoded before, that are not `known` and not null."""
    return {name: value for name, value in _decode_members(body).items() if name not in known and value != wire.NULL}


def _read(body: bytes) -> tuple[wire.RequestWire, dict[str, Raw]]:
    try:
        if not body.isascii():
            body.decode()  # msgspec does not look at the UTF-8 of what it skips, and we pass those bytes on
        return _decode_closed(body), {}  # nothing that has no place: the usual case
    except (msgspec.MsgspecError, RecursionError, UnicodeError):
        pass  # something more, or something wrong: what follows takes it apart, and has the words
    try:
        return decode(body, wire.RequestWire), others(body, _KNOWN)
    except MalformedJson as error:
        raise malformed(body, error) from None
    except msgspec.ValidationError:
        pass
    document = read(body, dict[str, Any])
    tidied = Tidied(document)
    return read(tidied.body, wire.RequestWire), others(tidied.body, _KNOWN) | tidied.extra


def _tool(tool: wire.ToolWire | wire.OpaqueTool) -> Tool:
    if isinstance(tool, wire.OpaqueTool):
        return Tool(_name(tool), dialect=NAME, raw=tool.raw)
    function = tool.function
    cache = None if tool.cache_control is None else CacheMark(tool.cache_control.ttl)
    return Tool(function.name, function.description, present(function.parameters), function.strict, cache)


def _name(tool: wire.OpaqueTool) -> str:
    """A custom tool's name; of any other kind the kind, for it is the server's own."""
    raw = decode(bytes(tool.raw), dict[str, Any])
    inner = raw.get(tool.kind)
    name = inner.get("name") if isinstance(inner, dict) else raw.get("name")
    return name if isinstance(name, str) else tool.kind


def _tool_choice(raw: Raw, extra: dict[str, Raw]) -> ToolChoice | None:
    if raw == wire.NULL:
        return None
    value = decode(bytes(raw), Any)
    if isinstance(value, str) and value in _MODES:
        return ToolChoice(_MODES[value])
    if isinstance(value, dict):
        inner = value.get(value.get("type", "function")) if value.get("type") in ("function", "custom", None) else None
        if isinstance(inner, dict) and isinstance(inner.get("name"), str):
            return ToolChoice("named", inner["name"])
        extra["tool_choice"] = raw
        return None
    raise refuse("tool_choice", "it must be auto, none, required or an object")


def _response_format(wanted: wire.ResponseFormatWire | None) -> ResponseFormat | None:
    if wanted is None:
        return None
    schema = wanted.json_schema or wire.JsonSchema()
    return ResponseFormat(
        _KINDS[wanted.type],
        schema.name,
        schema.description,
        present(schema.schema),
        schema.strict,
    )


def _reasoning(request: wire.RequestWire) -> ReasoningRequest | None:
    asked = request.reasoning
    if asked is None and request.reasoning_effort is None:
        return None
    asked = asked or wire.Reasoning()
    effort = request.reasoning_effort or asked.effort
    return ReasoningRequest(
        enabled=False if effort == "none" else asked.enabled,
        effort=effort,
        budget=asked.max_tokens,
        display="omitted" if asked.exclude else None,
    )
