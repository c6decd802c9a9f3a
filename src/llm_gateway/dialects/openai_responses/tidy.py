"""Takes apart a request that holds more than wire.py knows: unknown members by their JSON path, unknown items marked.

Only for requests that do not fit as they are. Values that stay are not decoded, so their bytes survive. Whatever is of the
wrong type is left in place: the typed decoding that follows says so, with its path.
"""

from __future__ import annotations

from msgspec import Raw

from llm_gateway.core.json import decode, encode
from llm_gateway.dialects.openai_responses import wire
from llm_gateway.dialects.tidying import NULL, Object, Tidying, as_shape, raw_text

_FUNCTION = frozenset({"type", "name", "description", "parameters", "strict"})
_REQUEST = frozenset(wire.RequestWire.__struct_fields__)
_LISTS = ("content", "output", "summary")
"""Members of an item that may be lists of parts."""


class Tidied(Tidying):
    """`body` fits wire.py as far as names go; `extra` holds what was taken out, by its path."""

    def __init__(self, body: bytes) -> None:
        """`body` is a JSON object. Raises msgspec.ValidationError if it is none."""
        super().__init__()
        document = decode(body, Object)
        self._keep(document, _REQUEST, "")
        self._list(document, "input", "input", self._item)
        self._list(document, "tools", "tools", self._tool)
        self._object(document, "reasoning", frozenset(wire.ReasoningWire.__struct_fields__), "reasoning")
        text = as_shape(document.get("text"), Object)
        if text is not None:
            self._text(text)
            document["text"] = Raw(encode(text))
        self.body = encode(document)

    def _text(self, text: Object) -> None:
        self._keep(text, frozenset({"format"}), "text")
        wanted = as_shape(text.get("format"), Object)
        if wanted is None:
            return
        kind = as_shape(wanted.get("type"), str)
        if kind is not None and kind not in wire.FORMATS:
            self.extra["text.format"] = text.pop("format")
            return
        self._keep(wanted, frozenset(wire.FormatWire.__struct_fields__), "text.format")
        text["format"] = Raw(encode(wanted))

    def _item(self, item: Object, path: str) -> Object:
        kind = as_shape(item.get("type"), str)
        if kind is None and "type" in item and bytes(item["type"]) != NULL:
            return item
        if kind is None and "role" not in item and "id" in item:
            kind = "item_reference"
        kind = kind or wire.MESSAGE
        known = wire.ITEMS.get(kind)
        if known is None:
            return _opaque(kind, item)
        self._keep(item, known | {"type"}, path)
        for name in _LISTS:
            self._list(item, name, f"{path}.{name}", self._part)
        return item

    def _part(self, part: Object, path: str) -> Object:
        kind = as_shape(part.get("type"), str)
        if kind is None:
            return part
        known = wire.PARTS.get(kind)
        if known is None:
            return _opaque(kind, part)
        self._keep(part, known | {"type"}, path)
        self._object(part, "input_audio", frozenset({"data", "format"}), f"{path}.input_audio")
        return part

    def _tool(self, tool: Object, path: str) -> Object:
        kind = as_shape(tool.get("type"), str)
        if kind is None:
            return tool
        if kind != "function":
            return {"type": tool["type"], "name": raw_text(as_shape(tool.get("name"), str) or kind), "raw": Raw(encode(tool))}
        self._keep(tool, _FUNCTION, path)
        return tool


def _opaque(kind: str, thing: Object) -> Object:
    return {"type": raw_text(wire.OPAQUE), "kind": raw_text(kind), "raw": Raw(encode(thing))}
