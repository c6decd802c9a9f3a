"""Tools and how to use them, neutral to wire: in a request, and repeated in a response."""

from __future__ import annotations

from typing import Any

from msgspec import Raw

from llm_gateway.core.chat import ChatRequest, Tool
from llm_gateway.core.json import decode
from llm_gateway.dialects.openai_responses.tools_in import custom_from_chat
from llm_gateway.dialects.openai_responses.wire import NAME
from llm_gateway.dialects.schemas.carry import Schemas

_NOTHING = Raw(b'{"type":"object","properties":{}}')


def render_tools(request: ChatRequest, dropped: list[str]) -> dict[str, Any]:
    """`tools`, `tool_choice` and `parallel_tool_calls`, each if there is something to say."""
    out: dict[str, Any] = {}
    tools: list[dict[str, Any]] = []
    own = request.dialect == NAME
    schemas = Schemas(request, dropped)
    for index, tool in enumerate(request.tools):
        rendered = render_tool(tool if own or tool.raw is not None else schemas.openai_tool(index), own=own)
        if rendered is None:
            dropped.append(f"tools[{index}]")
            continue
        tools.append(rendered)
        if tool.cache is not None:
            dropped.append(f"tools[{index}].cache_control")
    if tools:
        out["tools"] = tools
    if request.tool_choice is not None:
        if request.tools and not tools:
            dropped.append("tool_choice")
        else:
            out["tool_choice"] = render_choice(request)
    if request.parallel_tool_calls is not None:
        out["parallel_tool_calls"] = request.parallel_tool_calls
    return out


def render_tool(tool: Tool, *, own: bool) -> dict[str, Any] | None:
    """None for another dialect's. Functions are strict in this API unless they say otherwise; in others it is the other way."""
    if tool.raw is not None:
        return decode(bytes(tool.raw), dict[str, Any]) if tool.dialect == NAME else custom_from_chat(tool.raw)
    out: dict[str, Any] = {"type": "function", "name": tool.name}
    if tool.description is not None:
        out["description"] = tool.description
    if tool.schema is not None or not own:
        out["parameters"] = tool.schema or _NOTHING
    if tool.strict is not None or not own:
        out["strict"] = tool.strict is True
    return out


def render_choice(request: ChatRequest) -> Any:
    choice = request.tool_choice
    if choice is None:
        return "auto"
    if choice.mode == "named":
        return _named(request, choice.name or "")
    if choice.allowed:
        return {"type": "allowed_tools", "mode": choice.mode, "tools": [_named(request, name) for name in choice.allowed]}
    return choice.mode


def _named(request: ChatRequest, name: str) -> dict[str, Any]:
    custom = any(tool.name == name and tool.raw is not None for tool in request.tools)
    return {"type": "custom" if custom else "function", "name": name}
