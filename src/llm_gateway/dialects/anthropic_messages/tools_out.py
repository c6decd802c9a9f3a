"""Tools and how to use them, neutral to wire."""

from __future__ import annotations

from typing import Any

from msgspec import Raw

from llm_gateway.core.chat import ChatRequest, Tool
from llm_gateway.core.json import encode
from llm_gateway.dialects.anthropic_messages.parts_out import mark
from llm_gateway.dialects.anthropic_messages.wire import NAME, ToolWire
from llm_gateway.dialects.arguments import members_of
from llm_gateway.dialects.schemas.carry import Schemas
from llm_gateway.dialects.schemas.rules import ANTHROPIC_STRICT, OBJECT

_ANYTHING = Raw(b'{"type":"object","properties":{}}')
_CHOICES = {"auto": "auto", "required": "any", "none": "none", "named": "tool"}


def render_tools(request: ChatRequest, dropped: list[str]) -> dict[str, Any]:
    """`tools` and `tool_choice`, which the API takes with tools only."""
    tools: list[Any] = []
    schemas = Schemas(request, dropped)
    allowed = request.tool_choice.allowed if request.tool_choice is not None else ()
    for index, tool in enumerate(request.tools):
        if allowed and tool.name not in allowed:
            continue
        if tool.raw is None:
            carried = tool if request.dialect == NAME else schemas.strict_tool(index, ANTHROPIC_STRICT, OBJECT)
            tools.append(_tool(carried))
        elif tool.dialect == NAME:
            tools.append(tool.raw)
        else:
            dropped.append(f"tools[{index}]")
    if not tools:
        if request.tools and request.tool_choice is not None:
            dropped.append("tool_choice")
        return {}
    choice = _choice(request)
    return {"tools": tools} if choice is None else {"tools": tools, "tool_choice": choice}


def _tool(tool: Tool) -> ToolWire:
    return ToolWire(tool.name, _schema(tool.schema), tool.description, tool.strict, mark(tool.cache))


def _schema(schema: Raw | None) -> Raw:
    """`schema`, unless it lacks the type that the API demands."""
    if schema is None:
        return _ANYTHING
    members = members_of(bytes(schema))
    return schema if members is None or "type" in members else Raw(encode({"type": "object", **members}))


def _choice(request: ChatRequest) -> dict[str, Any] | None:
    """parallel_tool_calls lives in here; alone it goes with the choice that the API would make anyway."""
    wanted, parallel = request.tool_choice, request.parallel_tool_calls
    if wanted is None:
        return {"type": "auto", "disable_parallel_tool_use": True} if parallel is False else None
    shown: dict[str, Any] = {"type": _CHOICES[wanted.mode]}
    if wanted.mode == "named":
        shown["name"] = wanted.name or ""
    if parallel is not None and wanted.mode != "none":
        shown["disable_parallel_tool_use"] = not parallel
    return shown
