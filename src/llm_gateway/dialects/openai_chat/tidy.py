"""Takes apart a request that holds more than wire.py knows: unknown nested members by their path, parts of unknown type marked.

Only for requests that do not fit as they are; everything else never comes here.
"""

from __future__ import annotations

from typing import Any, get_args

import msgspec
from msgspec import Raw

from llm_gateway.core.json import encode
from llm_gateway.dialects.openai_chat import wire

_OPAQUE = "\0opaque"


def _names(struct: type[msgspec.Struct]) -> frozenset[str]:
    return frozenset(field.encode_name for field in msgspec.structs.fields(struct)) | {"type"}


_PARTS = {part.__struct_config__.tag: _names(part) for part in get_args(wire.Part) if part is not wire.OpaquePart}
_MESSAGE = _names(wire.MessageWire) - {"type"}
_CALL = _names(wire.ToolCallWire)
_FUNCTION = _names(wire.Function) - {"type"}
_NESTED_PARTS = {
    "image_url": _names(wire.ImageUrl) - {"type"},
    "input_audio": _names(wire.InputAudio) - {"type"},
    "file": _names(wire.File) - {"type"},
}
_FORMATS = {"text", "json_object", "json_schema"}


class Tidied:
    """`body` fits wire.py as far as names go; `extra` holds what was taken out."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.extra: dict[str, Raw] = {}
        messages = document.get("messages")
        for index, message in enumerate(messages if isinstance(messages, list) else ()):
            self._message(message, f"messages[{index}]")
        self._tools(document)
        self._members(document.get("stream_options"), _names(wire.StreamOptions), "stream_options")
        self._members(document.get("reasoning"), _names(wire.Reasoning), "reasoning")
        self._response_format(document)
        self.body = encode(document)

    def _members(self, thing: Any, known: frozenset[str], path: str) -> None:
        """Takes the members that are not `known` out of `thing`."""
        if isinstance(thing, dict):
            for name in [name for name in thing if name not in known]:
                value = thing.pop(name)
                if value is not None:
                    self.extra[f"{path}.{name}"] = Raw(encode(value))

    def _message(self, message: Any, path: str) -> None:
        if not isinstance(message, dict):
            return
        self._members(message, _MESSAGE, path)
        content = message.get("content")
        if isinstance(content, list):
            message["content"] = [self._part(part, f"{path}.content[{index}]") for index, part in enumerate(content)]
        calls = message.get("tool_calls")
        for index, call in enumerate(calls if isinstance(calls, list) else ()):
            where = f"{path}.tool_calls[{index}]"
            self._members(call, _CALL, where)
            if isinstance(call, dict):
                self._members(call.get("function"), _FUNCTION, f"{where}.function")

    def _part(self, part: Any, path: str) -> Any:
        if not isinstance(part, dict) or not isinstance(kind := part.get("type"), str):
            return part
        known = _PARTS.get(kind)
        if known is None:
            return {"type": _OPAQUE, "kind": kind, "raw": part}
        self._members(part, known, path)
        self._members(part.get(kind), _NESTED_PARTS.get(kind, frozenset()), f"{path}.{kind}")
        return part

    def _tools(self, document: dict[str, Any]) -> None:
        tools = document.get("tools")
        if not isinstance(tools, list):
            return
        for index, tool in enumerate(tools):
            if not isinstance(tool, dict):
                continue
            kind = tool.get("type", "function" if "function" in tool else None)
            if kind == "function" and isinstance(tool.get("function"), dict):
                tool["type"] = kind
                self._members(tool, _names(wire.ToolWire), f"tools[{index}]")
                self._members(tool["function"], _names(wire.FunctionTool), f"tools[{index}].function")
            elif kind != "function" or "name" in tool:
                tools[index] = {"type": _OPAQUE, "kind": kind if isinstance(kind, str) else "", "raw": tool}

    def _response_format(self, document: dict[str, Any]) -> None:
        """A format of another kind (a server's own grammar, say) is an extra as a whole."""
        wanted = document.get("response_format")
        if not isinstance(wanted, dict):
            return
        if isinstance(wanted.get("type"), str) and wanted["type"] not in _FORMATS:
            self.extra["response_format"] = Raw(encode(document.pop("response_format")))
            return
        self._members(wanted, _names(wire.ResponseFormatWire), "response_format")
        self._members(wanted.get("json_schema"), _names(wire.JsonSchema), "response_format.json_schema")
