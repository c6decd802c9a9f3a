"""Tools and how to use them, neutral to wire."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

from llm_gateway.core.chat import ChatRequest, Tool
from llm_gateway.dialects.gemini.wire import NAME
from llm_gateway.dialects.schemas.carry import Schemas
from llm_gateway.dialects.schemas.rules import GEMINI

_MODES = MappingProxyType({"auto": "AUTO", "required": "ANY", "none": "NONE", "named": "ANY"})


def render_tools(request: ChatRequest, dropped: list[str]) -> dict[str, Any]:
    """`tools` and `toolConfig`. Neighbouring functions share an entry; schemas are JSON Schema."""
    entries: list[Any] = []
    declared: list[dict[str, Any]] | None = None
    functions = 0
    schemas = Schemas(request, dropped)
    for index, tool in enumerate(request.tools):
        if tool.raw is not None:
            declared = None
            if tool.dialect == NAME:
                entries.append(tool.raw)
            else:
                dropped.append(f"tools[{index}]")
            continue
        if declared is None:
            declared = []
            entries.append({"functionDeclarations": declared})
        declared.append(_declare(tool if request.dialect == NAME else schemas.tool(index, GEMINI)))
        functions += 1
        if tool.strict is not None:
            dropped.append(f"tools[{index}].strict")
        if tool.cache is not None:
            dropped.append(f"tools[{index}].cache_control")
    out: dict[str, Any] = {"tools": entries} if entries else {}
    _add_choice(out, request, functions, dropped)
    return out


def _declare(tool: Tool) -> dict[str, Any]:
    out: dict[str, Any] = {"name": tool.name}
    if tool.description is not None:
        out["description"] = tool.description
    if tool.schema is not None:
        out["parametersJsonSchema"] = tool.schema
    return out


def _add_choice(out: dict[str, Any], request: ChatRequest, functions: int, dropped: list[str]) -> None:
    """Gemini's choice is among functions, and is sent for them only."""
    wanted = request.tool_choice
    own = request.dialect == NAME
    if wanted is not None and (functions or own):
        calling: dict[str, Any] = {"mode": _MODES[wanted.mode]}
        if wanted.mode == "named":
            calling["allowedFunctionNames"] = [wanted.name or ""]
        elif wanted.allowed:
            calling = {"mode": "ANY" if wanted.mode == "required" else "VALIDATED", "allowedFunctionNames": list(wanted.allowed)}
        out["toolConfig"] = {"functionCallingConfig": calling}
    elif wanted is not None and wanted.mode != "none":
        dropped.append("tool_choice")
    if request.parallel_tool_calls is False:
        dropped.append(
            "parallel_tool_calls" if request.dialect != "anthropic_messages" else "tool_choice.disable_parallel_tool_use"
        )
