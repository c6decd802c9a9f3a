"""Takes apart a request that holds more than wire.py knows: unknown members by their JSON path, unknown items marked.

Only for requests that do not fit as they are. Values that stay are not decoded, so their bytes survive. Whatever is of the
wrong type is left in place: the typed decoding that follows says so, with its path.
"""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec
from msgspec import Raw

from llm_gateway.core.json import decode, encode
from llm_gateway.dialects.openai_responses import wire

Object = dict[str, Raw]
_Shape = TypeVar("_Shape")

_NULL = b"null"
_FUNCTION = frozenset({"type", "name", "description", "parameters", "strict"})
_REQUEST = frozenset(wire.RequestWire.__struct_fields__)
_LISTS = ("content", "output", "summary")
"""Members of an item that may be lists of parts."""


class Tidied:
    """`body` fits wire.py as far as names go; `extra` holds what was taken out, by its path."""

    def __init__(self, body: bytes) -> None:
        """`body` is a JSON object. Raises msgspec.ValidationError if it is none."""
        self.extra: Object = {}
        document = decode(body, Object)
        self._keep(document, _REQUEST, "")
        self._list(document, "input", "input", self._item)
        self._list(document, "tools", "tools", self._tool)
        self._object(document, "reasoning", frozenset(wire.ReasoningWire.__struct_fields__), "reasoning")
        text = _as(document.get("text"), Object)
        if text is not None:
            self._text(text)
            document["text"] = Raw(encode(text))
        self.body = encode(document)

    def _text(self, text: Object) -> None:
        self._keep(text, frozenset({"format"}), "text")
        wanted = _as(text.get("format"), Object)
        if wanted is None:
            return
        kind = _as(wanted.get("type"), str)
        if kind is not None and kind not in wire.FORMATS:
            self.extra["text.format"] = text.pop("format")
            return
        self._keep(wanted, frozenset(wire.FormatWire.__struct_fields__), "text.format")
        text["format"] = Raw(encode(wanted))

    def _keep(self, thing: Object, known: frozenset[str], path: str) -> None:
        """Moves the members that are not `known` to `extra`; null says nothing."""
        for name in [name for name in thing if name not in known]:
            value = thing.pop(name)
            if bytes(value) != _NULL:
                self.extra[f"{path}.{name}" if path else name] = value

    def _object(self, holder: Object, name: str, known: frozenset[str], path: str) -> None:
        thing = _as(holder.get(name), Object)
        if thing is not None:
            self._keep(thing, known, path)
            holder[name] = Raw(encode(thing))

    def _list(self, holder: Object, name: str, path: str, tidy: Any) -> None:
        """Runs `tidy` on each object of the list at `name`, if it is a list of objects."""
        items = _as(holder.get(name), list[Object])
        if items is not None:
            holder[name] = Raw(encode([tidy(item, f"{path}[{index}]") for index, item in enumerate(items)]))

    def _item(self, item: Object, path: str) -> Object:
        kind = _as(item.get("type"), str)
        if kind is None and "type" in item and bytes(item["type"]) != _NULL:
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
        kind = _as(part.get("type"), str)
        if kind is None:
            return part
        known = wire.PARTS.get(kind)
        if known is None:
            return _opaque(kind, part)
        self._keep(part, known | {"type"}, path)
        self._object(part, "input_audio", frozenset({"data", "format"}), f"{path}.input_audio")
        return part

    def _tool(self, tool: Object, path: str) -> Object:
        kind = _as(tool.get("type"), str)
        if kind is None:
            return tool
        if kind != "function":
            return {"type": tool["type"], "name": _raw(_as(tool.get("name"), str) or kind), "raw": Raw(encode(tool))}
        self._keep(tool, _FUNCTION, path)
        return tool


def _opaque(kind: str, thing: Object) -> Object:
    return {"type": _raw(wire.OPAQUE), "kind": _raw(kind), "raw": Raw(encode(thing))}


def _raw(text: str) -> Raw:
    return Raw(encode(text))


def _as(value: Raw | None, type: type[_Shape]) -> _Shape | None:  # noqa: A002 - msgspec's word
    """`value` as `type`; None if it is none."""
    if value is None:
        return None
    try:
        return decode(bytes(value), type)
    except msgspec.ValidationError:
        return None
