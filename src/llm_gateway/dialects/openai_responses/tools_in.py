"""Tools and how to use them, wire to neutral.

A custom tool becomes what it is in Chat Completions, the other API that has them; its own renderer turns it back.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal

import msgspec
from msgspec import Raw

from llm_gateway.core.chat import Tool, ToolChoice
from llm_gateway.core.json import decode, encode
from llm_gateway.dialects.invalid import refuse
from llm_gateway.dialects.openai_responses.parts_in import present
from llm_gateway.dialects.openai_responses.wire import NAME, NULL, ToolWire

CHAT = "openai_chat"

_MODES: Mapping[str, Literal["auto", "none", "required"]] = MappingProxyType(
    {"auto": "auto", "none": "none", "required": "required"}
)


def parse_tool(tool: ToolWire, path: str) -> Tool:
    if tool.raw is not NULL:
        if tool.type == "custom":
            return Tool(tool.name or "", dialect=CHAT, raw=_as_chat(tool.raw))
        return Tool(tool.name or tool.type, dialect=NAME, raw=tool.raw)
    if tool.name is None:
        raise refuse(f"{path}.name", "it is required", "missing_field")
    return Tool(tool.name, tool.description, present(tool.parameters), tool.strict)


def parse_choice(raw: Raw, extra: dict[str, Raw]) -> ToolChoice | None:
    """`extra` is given a choice of another kind: a built-in tool, an MCP server."""
    if raw == NULL:
        return None
    value = decode(bytes(raw), Any)
    if isinstance(value, str) and value in _MODES:
        return ToolChoice(_MODES[value])
    if not isinstance(value, dict):
        raise refuse("tool_choice", "it must be auto, none, required or an object")
    if value.get("type") in ("function", "custom") and isinstance(value.get("name"), str):
        return ToolChoice("named", value["name"])
    if value.get("type") == "allowed_tools" and value.get("mode") in ("auto", "required"):
        allowed = _names(value.get("tools"))
        if allowed:
            return ToolChoice(_MODES[value["mode"]], allowed=allowed)
    extra["tool_choice"] = raw
    return None


def _names(tools: Any) -> tuple[str, ...]:
    """The names of functions and custom tools; none if there is any other tool among them."""
    names: list[str] = []
    for tool in tools if isinstance(tools, list) else ():
        if not isinstance(tool, dict) or tool.get("type") not in ("function", "custom") or not isinstance(tool.get("name"), str):
            return ()
        names.append(tool["name"])
    return tuple(names)


def _as_chat(raw: Raw) -> Raw:
    inner = decode(bytes(raw), dict[str, Any])
    inner.pop("type", None)
    wanted = inner.get("format")
    if isinstance(wanted, dict) and wanted.get("type") == "grammar":
        inner["format"] = {"type": "grammar", "grammar": {name: wanted[name] for name in wanted if name != "type"}}
    return Raw(encode({"type": "custom", "custom": inner}))


def custom_from_chat(raw: Raw) -> dict[str, Any] | None:
    """The other way; None for what is no custom tool of Chat Completions."""
    try:
        tool = decode(bytes(raw), dict[str, Any])
    except msgspec.ValidationError:
        return None
    inner = tool.get("custom")
    if tool.get("type") != "custom" or not isinstance(inner, dict):
        return None
    wanted = inner.get("format")
    if isinstance(wanted, dict) and isinstance(wanted.get("grammar"), dict):
        inner = inner | {"format": {"type": "grammar", **wanted["grammar"]}}
    return {"type": "custom", **inner}
