"""toolConfig, neutral to wire.

- The API has no choice "none". Without calls in the conversation the tools are left out, which comes to the same; with calls
  there it demands the tools, so they stay and the choice is named in `dropped`.
- Where the caller allows some of his tools only, the others are left out.
- A conversation with calls but without tools gets a definition for each name that was called, since the API demands one.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from msgspec import Raw

from llm_gateway.core.chat import ChatRequest, Tool
from llm_gateway.dialects.arguments import members_of
from llm_gateway.dialects.bedrock_converse.families import Family
from llm_gateway.dialects.bedrock_converse.members import member, of_tool
from llm_gateway.dialects.bedrock_converse.parts_out import PartsOut
from llm_gateway.dialects.bedrock_converse.turns import calls_in
from llm_gateway.dialects.bedrock_converse.wire import NAME
from llm_gateway.dialects.schemas.carry import Schemas
from llm_gateway.dialects.schemas.rules import ANTHROPIC_STRICT, NOVA, OBJECT

_ANYTHING = Raw(b'{"type":"object","properties":{}}')
_CHOICES: Mapping[str, str] = MappingProxyType({"auto": "auto", "required": "any", "named": "tool"})


def render_tools(request: ChatRequest, family: Family, dropped: list[str]) -> dict[str, Any] | None:
    """None: no toolConfig."""
    called = calls_in(request)
    choice = request.tool_choice
    if request.parallel_tool_calls is False and request.tools:
        dropped.append(member(request, "parallel_tool_calls"))
    if choice is not None and choice.mode == "none" and not called:
        return None
    tools = _Tools(request, family, dropped).render()
    if not tools:
        if request.tools and choice is not None:
            dropped.append("tool_choice")
        tools = [_spec(name, "Was called earlier in this conversation.", _ANYTHING) for name in called]
        return {"tools": tools} if tools else None
    chosen = _choice(request, family, sum(not isinstance(tool, dict) or "toolSpec" in tool for tool in tools))
    if chosen is None and choice is not None and choice.mode != "auto":
        dropped.append("tool_choice")
    return {"tools": tools} if chosen is None else {"tools": tools, "toolChoice": chosen}


class _Tools:
    def __init__(self, request: ChatRequest, family: Family, dropped: list[str]) -> None:
        self._request = request
        self._family = family
        self._dropped = dropped
        self._points = PartsOut(family, dropped)
        self._schemas = Schemas(request, dropped)

    def render(self) -> list[Any]:
        out: list[Any] = []
        choice = self._request.tool_choice
        allowed = choice.allowed if choice is not None else ()
        for index, tool in enumerate(self._request.tools):
            if allowed and tool.name not in allowed:
                continue
            if tool.raw is not None and tool.dialect != NAME:
                self._dropped.append(f"tools[{index}]")
                continue
            out.append(tool.raw if tool.raw is not None else self._tool(self._carried(index), index))
            point = None if tool.cache is None else self._points.point(tool.cache, "tools", f"tools[{index}]".format)
            if point is not None:
                out.append(point)
        return out

    def _carried(self, index: int) -> Tool:
        if self._family.schema:
            return self._schemas.strict_tool(index, ANTHROPIC_STRICT, OBJECT)
        return self._schemas.tool(index, NOVA if self._family.plain_schemas else OBJECT)

    def _tool(self, tool: Tool, index: int) -> dict[str, Any]:
        out = _spec(tool.name, tool.description, _schema(tool.schema))
        if tool.strict and self._family.schema:
            out["toolSpec"]["strict"] = True
        elif tool.strict:
            self._dropped.append(of_tool(self._request, index, "strict"))
        return out


def _spec(name: str, description: str | None, schema: Any) -> dict[str, Any]:
    spec: dict[str, Any] = {"name": name, "inputSchema": {"json": schema}}
    if description and description.strip():
        spec["description"] = description
    return {"toolSpec": spec}


def _schema(schema: Raw | None) -> Any:
    """`schema`, unless it lacks the type that models demand here."""
    members = None if schema is None else members_of(bytes(schema))
    if members is None:
        return _ANYTHING
    return schema if "type" in members else {"type": "object", **members}


def _choice(request: ChatRequest, family: Family, count: int) -> dict[str, Any] | None:
    """None where the API's own choice is meant, or the family has none that says it."""
    wanted = request.tool_choice
    if wanted is None or wanted.mode == "none":
        return None
    kind = _CHOICES[wanted.mode]
    if kind == "tool" and kind not in family.choices and count == 1:
        kind = "any"  # of one
    if kind not in family.choices:
        return None
    return {kind: {"name": wanted.name or ""} if kind == "tool" else {}}
