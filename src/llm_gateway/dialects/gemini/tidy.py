"""Takes apart a request that is not written as wire.py has it, though Google would read it.

snake_case becomes camelCase, a single object where a list belongs becomes a list of it, parts and tools of unknown kinds are
marked, and members that we do not know are laid aside by their JSON path. Values that stay are not decoded, so their bytes
survive. Whatever is of the wrong type is left in place: the typed decoding that follows says so, with its path.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from types import MappingProxyType

import msgspec
from msgspec import Raw

from llm_gateway.core.json import decode, encode
from llm_gateway.dialects.gemini import wire
from llm_gateway.dialects.invalid import refuse
from llm_gateway.dialects.tidying import NULL, Object, as_shape

_Tidy = Callable[[Object, str], Object]

_UNDERSCORE = re.compile(r"(?<=[a-z0-9])_([a-z0-9])")


def camel(name: str) -> str:
    """`functionCall` for `function_call`; what is camelCase already stays."""
    return _UNDERSCORE.sub(lambda found: found[1].upper(), name) if "_" in name else name


def _names(struct: type[msgspec.Struct]) -> frozenset[str]:
    return frozenset(field.encode_name for field in msgspec.structs.fields(struct)) - {wire.OPAQUE}


_REQUEST = _names(wire.RequestWire)
_CONTENT = _names(wire.ContentWire)
_PART = _names(wire.PartWire)
_BESIDE = frozenset({"thought", "thoughtSignature"})
_DATA = _PART - _BESIDE
_RETURNED = _names(wire.ReturnedWire)
_INNER = MappingProxyType(
    {
        "inlineData": _names(wire.BlobWire),
        "fileData": _names(wire.FileWire),
        "functionCall": _names(wire.CallWire),
        "functionResponse": _names(wire.ResponseWire),
    }
)


class Tidied:
    """`body` fits wire.py as far as names go; `extra` holds what was taken out, by its path."""

    def __init__(self, body: bytes) -> None:
        """`body` is a JSON object. Raises msgspec.ValidationError if it is none, InvalidRequest for a member there twice."""
        self.extra: Object = {}
        document = self._sort(_REQUEST, decode(body, Object), "")
        self._list(document, "contents", "contents", self._content)
        self._one(document, "systemInstruction", "systemInstruction", self._content)
        self._list(document, "tools", "tools", self._tool)
        self._one(document, "toolConfig", "toolConfig", self._tool_config)
        self._one(document, "generationConfig", "generationConfig", self._config)
        self.body = encode(document)

    def _sort(self, known: frozenset[str], thing: Object, path: str) -> Object:
        """The members that are `known`, by the names that wire.py has; the others go to `extra`. null says nothing."""
        out: Object = {}
        for name, value in thing.items():
            plain = camel(name)
            if bytes(value) == NULL:
                continue
            if plain not in known:
                self.extra[f"{path}.{name}" if path else name] = value
            elif plain in out:
                raise refuse(f"{path}.{plain}" if path else plain, "it stands in the request more than once")
            else:
                out[plain] = value
        return out

    def _by(self, known: frozenset[str]) -> _Tidy:
        return partial(self._sort, known)

    def _one(self, holder: Object, name: str, path: str, tidy: _Tidy) -> None:
        """Runs `tidy` on the object at `name` of `holder`, if there is one."""
        thing = as_shape(holder.get(name), Object)
        if thing is not None:
            holder[name] = Raw(encode(tidy(thing, path)))

    def _list(self, holder: Object, name: str, path: str, tidy: _Tidy) -> None:
        """Runs `tidy` on each object of the list at `name`, or on the only one, which is a list then."""
        items = as_shape(holder.get(name), list[Object])
        only = as_shape(holder.get(name), Object) if items is None else None
        if only is not None:
            items = [only]
        if items is not None:
            holder[name] = Raw(encode([tidy(item, f"{path}[{index}]") for index, item in enumerate(items)]))

    def _content(self, content: Object, path: str) -> Object:
        out = self._sort(_CONTENT, content, path)
        self._list(out, "parts", f"{path}.parts", self._part)
        return out

    def _part(self, part: Object, path: str) -> Object:
        names = {camel(name) for name in part}
        if not names & _DATA and names - _BESIDE:
            return _opaque(part)
        out = self._sort(_PART, part, path)
        for name, known in _INNER.items():
            self._one(out, name, f"{path}.{name}", self._by(known))
        self._one(out, "functionResponse", f"{path}.functionResponse", self._response)
        return out

    def _response(self, response: Object, path: str) -> Object:
        self._list(response, "parts", f"{path}.parts", self._returned)
        return response

    def _returned(self, part: Object, path: str) -> Object:
        names = {camel(name) for name in part}
        if not names & _RETURNED:
            return _opaque(part)
        out = self._sort(_RETURNED, part, path)
        for name in sorted(_RETURNED):
            known = _INNER[name]
            self._one(out, name, f"{path}.{name}", self._by(known))
        return out

    def _tool(self, tool: Object, path: str) -> Object:
        """Function declarations may share their entry with tools of Google's own: those go on as an entry beside it."""
        declared = [name for name in tool if camel(name) == "functionDeclarations"]
        out: Object = {}
        if declared:
            out["functionDeclarations"] = tool.pop(declared[0])
            known = _names(wire.DeclarationWire)
            declarations = f"{path}.functionDeclarations"
            self._list(out, "functionDeclarations", declarations, self._by(known))
        if tool or not declared:
            out |= _opaque(tool)
        return out

    def _tool_config(self, config: Object, path: str) -> Object:
        out = self._sort(_names(wire.ToolConfigWire), config, path)
        known = _names(wire.CallingWire)
        self._one(out, "functionCallingConfig", f"{path}.functionCallingConfig", self._by(known))
        return out

    def _config(self, config: Object, path: str) -> Object:
        out = self._sort(_names(wire.ConfigWire), config, path)
        known = _names(wire.ThinkingWire)
        self._one(out, "thinkingConfig", f"{path}.thinkingConfig", self._by(known))
        return out


def _opaque(thing: Object) -> Object:
    kind = next((name for name in map(camel, thing) if name not in _BESIDE), "")
    return {wire.OPAQUE: Raw(encode({"kind": kind, "raw": thing}))}
