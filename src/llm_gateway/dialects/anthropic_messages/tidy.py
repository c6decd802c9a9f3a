"""Takes apart a request that holds more than wire.py knows: unknown members by their JSON path, unknown blocks marked.

Only for requests that do not fit as they are. Values that stay are not decoded, so their bytes survive. Whatever is of the
wrong type is left in place: the typed decoding that follows says so, with its path.
"""

from __future__ import annotations

from typing import get_args

import msgspec
from msgspec import Raw

from llm_gateway.core.json import decode, encode
from llm_gateway.dialects.anthropic_messages import wire
from llm_gateway.dialects.tidying import Object, Tidying, as_shape, raw_text


def _names(struct: type[msgspec.Struct]) -> frozenset[str]:
    tagged = {"type"} if struct.__struct_config__.tag is not None else set[str]()
    return frozenset(field.encode_name for field in msgspec.structs.fields(struct)) | tagged


_BLOCKS = {block.__struct_config__.tag: _names(block) for block in get_args(wire.Block)}
_SOURCES = {
    source.__struct_config__.tag: _names(source)
    for source in (wire.Base64Source, wire.UrlSource, wire.FileSource, wire.TextSource, wire.ContentSource)
}
_KINDS: dict[str, tuple[type[msgspec.Struct], frozenset[str]]] = {
    "tool_choice": (wire.ToolChoiceWire, frozenset({"auto", "any", "none", "tool"})),
    "thinking": (wire.ThinkingWire, frozenset({"enabled", "adaptive", "disabled"})),
    "output_format": (wire.FormatWire, frozenset({"json_schema"})),
}


class Tidied(Tidying):
    """`body` fits wire.py as far as names go; `extra` holds what was taken out, by its path."""

    def __init__(self, body: bytes) -> None:
        """`body` is a JSON object. Raises msgspec.ValidationError if it is none."""
        super().__init__()
        document = decode(body, Object)
        self._keep(document, _names(wire.RequestWire), "")
        self._list(document, "messages", "messages", self._message)
        self._list(document, "system", "system", self._block)
        self._list(document, "tools", "tools", self._tool)
        for name, (struct, kinds) in _KINDS.items():
            self._kind(document, name, struct, kinds)
        self._object(document, "metadata", _names(wire.Metadata), "metadata")
        config = self._object(document, "output_config", _names(wire.OutputConfig), "output_config")
        if config is not None:
            self._object(config, "format", _names(wire.FormatWire), "output_config.format")
            document["output_config"] = Raw(encode(config))
        self.body = encode(document)

    def _kind(self, document: Object, name: str, struct: type[msgspec.Struct], kinds: frozenset[str]) -> None:
        """A choice of a type that we do not know goes to `extra` as a whole."""
        thing = self._object(document, name, _names(struct), name)
        kind = as_shape(thing.get("type"), str) if thing is not None else None
        if kind is not None and kind not in kinds:
            self.extra[name] = document.pop(name)

    def _message(self, message: Object, path: str) -> Object:
        self._keep(message, _names(wire.MessageWire), path)
        self._list(message, "content", f"{path}.content", self._block)
        return message

    def _block(self, block: Object, path: str) -> Object:
        kind = as_shape(block.get("type"), str)
        if kind is None:
            return block
        known = _BLOCKS.get(kind)
        if known is None or kind == wire.OPAQUE:
            return _opaque(kind, block)
        if kind in {"image", "document"}:
            source = as_shape(block.get("source"), Object) or {}
            place = as_shape(source.get("type"), str)
            if place is not None and (place not in _SOURCES or (kind == "image" and place in {"text", "content"})):
                return _opaque(kind, block)
            if place is not None:
                self._object(block, "source", _SOURCES[place], f"{path}.source")
            self._object(block, "citations", _names(wire.CitationsConfig), f"{path}.citations")
        self._object(block, "cache_control", _names(wire.CacheControl), f"{path}.cache_control")
        if kind == "tool_result":
            self._list(block, "content", f"{path}.content", self._returned)
        self._keep(block, known, path)
        return block

    def _returned(self, block: Object, path: str) -> Object:
        """A block inside of a tool's result, where few kinds may stand."""
        kind = as_shape(block.get("type"), str)
        if kind in {"tool_use", "tool_result", "thinking", "redacted_thinking"}:
            return _opaque(kind, block)
        return self._block(block, path)

    def _tool(self, tool: Object, path: str) -> Object:
        kind = as_shape(tool.get("type"), str)
        if kind is not None and kind != "custom":
            name = as_shape(tool.get("name"), str) or kind
            return {"name": raw_text(name), wire.OPAQUE: Raw(encode(tool))}
        self._object(tool, "cache_control", _names(wire.CacheControl), f"{path}.cache_control")
        self._keep(tool, _names(wire.ToolWire) - {wire.OPAQUE}, path)
        return tool


def _opaque(kind: str, block: Object) -> Object:
    return {"type": raw_text(wire.OPAQUE), "kind": raw_text(kind), "raw": Raw(encode(block))}
