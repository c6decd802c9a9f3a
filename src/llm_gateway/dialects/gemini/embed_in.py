"""Requests of embedContent and batchEmbedContents, wire to neutral (https://ai.google.dev/api/embeddings).

What is wanted of the vectors stands beside each content, or in embedContentConfig. One neutral request wants the same of all its
inputs: a batch that does not, and contents that are neither texts nor pictures, are for a Gemini provider only (`own_only`).
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

import msgspec
from msgspec import Raw

from llm_gateway.core.chat import Image, Text
from llm_gateway.core.embeddings import EmbeddingsRequest, Input, Mixed
from llm_gateway.dialects.embeddings.tasks import task_of
from llm_gateway.dialects.gemini.media import parse_blob, parse_file
from llm_gateway.dialects.gemini.tidy import camel
from llm_gateway.dialects.gemini.wire import NULL, BlobWire, FileWire
from llm_gateway.dialects.invalid import read, read_member, refuse

ONE = "gemini_embed"
BATCH = "gemini_batch_embed"

Object = dict[str, Raw]

_CONFIG = "embedContentConfig"
_WANTED = MappingProxyType(
    {"taskType": "task", "title": "title", "outputDimensionality": "dimensions", "autoTruncate": "truncate"}
)
_CONTENT = frozenset({"content", "model"})
_UNSPECIFIED = "TASK_TYPE_UNSPECIFIED"


class Requests(msgspec.Struct, gc=False):
    requests: list[Object]


class _Wanted(msgspec.Struct, rename="camel", gc=False):
    task_type: str | None = None
    title: str | None = None
    output_dimensionality: int | None = None
    auto_truncate: bool | None = None


class _Part(msgspec.Struct, rename="camel", gc=False):
    text: str | None = None
    inline_data: Raw = NULL
    file_data: Raw = NULL


def parse_one(body: bytes, model: str) -> EmbeddingsRequest:
    """Raises InvalidRequest or MalformedBody."""
    return _request([_Item(read(body, Object), "")], body, model, ONE)


def parse_batch(body: bytes, model: str) -> EmbeddingsRequest:
    """As `parse_one`."""
    items = [_Item(item, f"requests[{index}]") for index, item in enumerate(read(body, Requests).requests)]
    if not items:
        raise refuse("requests", "there must be at least one")
    return _request(items, body, model, BATCH)


class _Item:
    """One thing to embed, and what is wanted of its vector."""

    def __init__(self, given: Object, path: str) -> None:
        self.path = path
        self.own_only = ""
        thing = _plain(given, path)
        if "content" not in thing:
            raise refuse(self.at("content"), "it is required", "missing_field")
        self.input = self._content(thing["content"])
        config = _Wanted()
        self.extra: Object = {}
        beside = {name: value for name, value in thing.items() if name not in _CONTENT and name != _CONFIG}
        if _CONFIG in thing:
            inner = _plain(read_member(thing[_CONFIG], Object, self.at(_CONFIG)), self.at(_CONFIG))
            config = self._wanted(inner, f"{_CONFIG}.")
        wanted = self._wanted(beside, "")
        self.places = {neutral: self._place(name, beside) for name, neutral in _WANTED.items()}
        self.dimensions = _first(wanted.output_dimensionality, config.output_dimensionality)
        if self.dimensions is not None and self.dimensions < 1:
            raise refuse(self.places["dimensions"], "it must be 1 or more")
        self.title = _first(wanted.title, config.title)
        cut = _first(wanted.auto_truncate, config.auto_truncate)
        self.truncate: Any = None if cut is None else "end" if cut else "none"
        word = _first(wanted.task_type, config.task_type)
        self.task = task_of(word) if word else None
        if word and self.task is None and word != _UNSPECIFIED:
            self.extra[self.places["task"]] = Raw(msgspec.json.encode(word))

    def at(self, name: str) -> str:
        return f"{self.path}.{name}" if self.path else name

    def _place(self, name: str, beside: Object) -> str:
        return self.at(name if name in beside else f"{_CONFIG}.{name}")

    def _wanted(self, given: Object, prefix: str) -> _Wanted:
        self.extra |= {self.at(prefix + name): value for name, value in given.items() if name not in _WANTED}
        known = {name: value for name, value in given.items() if name in _WANTED}
        found: _Wanted = read_member(Raw(msgspec.json.encode(known)), _Wanted, self.at(prefix).removesuffix("."))
        return found

    def _content(self, raw: Raw) -> Input:
        path = self.at("content")
        given = _plain(read_member(raw, Object, path), path).get("parts", NULL)
        parts = read_member(given, list[Object] | Object | None, f"{path}.parts")
        listed = parts if isinstance(parts, list) else [parts] if parts else []
        if not listed:
            raise refuse(f"{path}.parts", "there must be at least one")
        found = [self._part(part, f"{path}.parts[{place}]") for place, part in enumerate(listed)]
        if len(found) == 1 and isinstance(found[0], Text):
            return found[0].text
        return Mixed(tuple(part for part in found if part is not None))

    def _part(self, given: Object, path: str) -> Text | Image | None:
        """None for what is no text and no picture."""
        plain = _plain(given, path)
        part = read_member(Raw(msgspec.json.encode(plain)), _Part, path)
        if part.text is not None:
            return Text(part.text)
        found: Any = None
        if part.inline_data != NULL:
            found = parse_blob(_inner(part.inline_data, BlobWire, f"{path}.inlineData"))
        elif part.file_data != NULL:
            found = parse_file(_inner(part.file_data, FileWire, f"{path}.fileData"))
        if isinstance(found, Image):
            return found
        self.own_only = self.own_only or path
        return None


def _request(items: list[_Item], body: bytes, model: str, dialect: str) -> EmbeddingsRequest:
    first = items[0]
    own_only = next((item.own_only for item in items if item.own_only), "")
    for item in items[1:]:
        for name in _WANTED.values():
            if getattr(item, name) != getattr(first, name):
                own_only = own_only or item.places[name]
    return EmbeddingsRequest(
        model=model,
        inputs=tuple(item.input for item in items),
        dimensions=first.dimensions,
        task=first.task,
        title=first.title,
        truncate=first.truncate,
        extra={name: value for item in items for name, value in item.extra.items()},
        dialect=dialect,
        own=Raw(body),
        own_only=own_only,
        places=first.places | {"input": "content" if dialect == ONE else "requests[{}].content"},
    )


def _plain(thing: Object, path: str) -> Object:
    """By their camelCase names, without those that say nothing."""
    out: Object = {}
    for name, value in thing.items():
        if value != NULL:
            if (plain := camel(name)) in out:
                raise refuse(f"{path}.{plain}" if path else plain, "it stands in the request more than once")
            out[plain] = value
    return out


def _inner(raw: Raw, shape: Any, path: str) -> Any:
    known = {field.encode_name for field in msgspec.structs.fields(shape)}
    plain = _plain(read_member(raw, Object, path), path)
    return read_member(Raw(msgspec.json.encode({name: value for name, value in plain.items() if name in known})), shape, path)


def _first(beside: Any, config: Any) -> Any:
    return config if beside is None else beside
