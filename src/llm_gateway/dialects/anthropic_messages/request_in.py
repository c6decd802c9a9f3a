"""A caller's request, wire to neutral."""

from __future__ import annotations

from typing import Literal

from msgspec import Raw

from llm_gateway.core.chat import (
    ChatRequest,
    Message,
    ReasoningRequest,
    ResponseFormat,
    Tool,
    ToolChoice,
    ToolResult,
)
from llm_gateway.core.json import encode
from llm_gateway.dialects.anthropic_messages import wire
from llm_gateway.dialects.anthropic_messages.parts_in import parse_content, parse_mark
from llm_gateway.dialects.anthropic_messages.tidy import Tidied
from llm_gateway.dialects.anthropic_messages.view import WATCHED, check_count, check_limits
from llm_gateway.dialects.invalid import check_parts, refuse, refuse_duplicates
from llm_gateway.dialects.tidying import read_or_tidy

_MODES: dict[str, Literal["auto", "required", "none"]] = {"auto": "auto", "any": "required", "none": "none"}
_BRACE = b"{"[0]


def parse_request(body: bytes, *, count: bool = False) -> ChatRequest:
    """The whole request. `count`: a request to count its tokens, which names no maximum of them.

    Raises InvalidRequest or MalformedBody.
    """
    request, extra = read_or_tidy(body, wire.RequestWire, Tidied)
    refuse_duplicates(body, WATCHED)
    check_limits(request)
    check_count(len(request.messages))
    contents = [request.system, *[message.content for message in request.messages]]
    blocks = [block for content in contents if isinstance(content, list) for block in content]
    results = [block.content for block in blocks if isinstance(block, wire.ToolResultBlock)]
    check_parts([*contents, *results], "messages")
    check_parts([request.tools], "tools")
    if request.max_tokens is None and not count:
        raise refuse("max_tokens", "this API requires it", "missing_field")
    choice = request.tool_choice
    stream = request.stream is True
    return ChatRequest(
        model=request.model,
        messages=_messages(request, extra),
        tools=tuple(_tool(tool, index) for index, tool in enumerate(request.tools or ())),
        tool_choice=_choice(choice),
        parallel_tool_calls=None
        if choice is None or choice.disable_parallel_tool_use is None
        else not choice.disable_parallel_tool_use,
        max_tokens=request.max_tokens,
        temperature=request.temperature,
        top_p=request.top_p,
        top_k=request.top_k,
        stop=tuple(request.stop_sequences or ()),
        response_format=_format(request, extra),
        reasoning=_reasoning(request),
        stream=stream,
        include_usage=stream,
        user=request.metadata.user_id if request.metadata is not None else None,
        service_tier=request.service_tier,
        extra=extra,
        dialect=wire.NAME,
    )


def _messages(request: wire.RequestWire, extra: dict[str, Raw]) -> tuple[Message, ...]:
    messages: list[Message] = []
    system = parse_content(request.system)
    if system:
        messages.append(Message("system", system))
    for index, message in enumerate(request.messages):
        if message.content is None and message.role != "system":
            raise refuse(f"messages[{index}].content", "it is required", "missing_field")
        parts = parse_content(message.content)
        if isinstance(message.content, list):
            _keep_callers(message.content, f"messages[{index}].content", extra)
        returns = message.role == "user" and parts and all(isinstance(part, ToolResult) for part in parts)
        messages.append(Message("tool" if returns else message.role, parts))
    return tuple(messages)


def _keep_callers(blocks: list[wire.Block], path: str, extra: dict[str, Raw]) -> None:
    """Calls that code at Anthropic made, not the model: SDKs send that back with every call."""
    for place, block in enumerate(blocks):
        if isinstance(block, wire.ToolUseBlock) and block.caller is not None and block.caller != {"type": "direct"}:
            extra[f"{path}[{place}].caller"] = Raw(encode(block.caller))


def _tool(tool: wire.ToolWire, index: int) -> Tool:
    if tool.opaque is not wire.ABSENT:
        return Tool(tool.name, dialect=wire.NAME, raw=tool.opaque)
    if memoryview(tool.input_schema)[0] != _BRACE:
        absent = tool.input_schema is wire.ABSENT
        raise refuse(f"tools[{index}].input_schema", "it must be an object", "missing_field" if absent else None)
    return Tool(tool.name, tool.description, tool.input_schema, tool.strict, parse_mark(tool.cache_control))


def _choice(choice: wire.ToolChoiceWire | None) -> ToolChoice | None:
    if choice is None:
        return None
    if choice.type == "tool":
        if choice.name is None:
            raise refuse("tool_choice.name", "it is required", "missing_field")
        return ToolChoice("named", choice.name)
    return ToolChoice(_MODES[choice.type])


def _format(request: wire.RequestWire, extra: dict[str, Raw]) -> ResponseFormat | None:
    wanted = request.output_config.format if request.output_config is not None else None
    if wanted is None:
        wanted = request.output_format
    elif request.output_format is not None:
        extra["output_format"] = Raw(encode(request.output_format))
    return None if wanted is None else ResponseFormat("schema", schema=wanted.schema)


def _reasoning(request: wire.RequestWire) -> ReasoningRequest | None:
    thinking = request.thinking
    effort = request.output_config.effort if request.output_config is not None else None
    if thinking is None:
        return None if effort is None else ReasoningRequest(effort=effort)
    return ReasoningRequest(
        enabled=thinking.type != "disabled",
        effort=effort,
        budget=thinking.budget_tokens,
        adaptive=thinking.type == "adaptive",
        display=thinking.display,
    )
