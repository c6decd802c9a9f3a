"""Parts of a message, neutral to wire. What the API does not have is named in `dropped`."""

from __future__ import annotations

import re
from typing import Any

import msgspec
from msgspec import Raw

from llm_gateway.core.chat import (
    Audio,
    CacheMark,
    Document,
    Image,
    Opaque,
    Part,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
)
from llm_gateway.core.json import MalformedJson, decode, encode
from llm_gateway.dialects.anthropic_messages import wire
from llm_gateway.dialects.anthropic_messages.citations import is_citation

_FOREIGN_ID = re.compile(r"[^a-zA-Z0-9_-]")
_DATA_URL = re.compile(r"data:([\w.+-]+/[\w.+-]+)?(?:;[\w=.+-]+)*?;base64,", re.IGNORECASE)
_MAGIC = (("/9j/", "image/jpeg"), ("iVBOR", "image/png"), ("R0lGOD", "image/gif"), ("UklGR", "image/webp"))

UNREAD = "_raw"
"""The one member of a call's input when its arguments are no JSON object: the text as the model wrote it."""


class PartsOut:
    """Renders the parts of one request."""

    def __init__(self, dropped: list[str]) -> None:
        self._dropped = dropped

    def render(self, part: Part, path: str) -> Any:
        """A block, as struct or Raw; None for an empty text, and for what has no place, which is named in `dropped`."""
        match part:
            case Text():
                return self._text(part, path)
            case Image():
                return self._image(part, path)
            case Document():
                return _document(part)
            case ToolCall():
                return self._call(part, path)
            case ToolResult():
                return self._result(part, path)
            case Reasoning():
                return self._reasoning(part, path)
            case Refusal():
                return wire.TextBlock(part.text) if part.text else None
            case Audio():
                self._dropped.append(path)
                return wire.TextBlock(part.transcript) if part.transcript else None
            case Opaque(dialect=wire.NAME):
                return part.raw
            case Opaque():
                self._dropped.append(path)
                return None

    def _text(self, part: Text, path: str) -> wire.TextBlock | None:
        """The API refuses empty texts; nothing is lost with one."""
        if not part.text:
            return None
        cited = [source for source in part.citations if is_citation(source)]
        if len(cited) < len(part.citations):
            self._dropped.append(f"{path}.citations")
        return wire.TextBlock(part.text, mark(part.cache), cited or None)

    def _image(self, part: Image, path: str) -> wire.ImageBlock:
        if part.detail not in {None, "auto"}:
            self._dropped.append(f"{path}.image_url.detail")
        cache = mark(part.cache)
        if part.file_id is not None:
            return wire.ImageBlock(wire.FileSource(part.file_id), cache)
        data, media_type, url = _inline(part.data, part.media_type, part.url)
        if data is None:
            return wire.ImageBlock(wire.UrlSource(url or ""), cache)
        return wire.ImageBlock(wire.Base64Source(media_type or _sniff(data), data), cache)

    def _call(self, part: ToolCall, path: str) -> wire.ToolUseBlock:
        read = input_of(part)
        if read is None:
            self._dropped.append(f"{path}.function.arguments")
        return wire.ToolUseBlock(call_id(part.id), part.name, read or unread(part.arguments), mark(part.cache))

    def _result(self, part: ToolResult, path: str) -> wire.ToolResultBlock:
        blocks = [
            block
            for place, inner in enumerate(part.parts)
            if (block := self._returned(inner, f"{path}.content[{place}]")) is not None
        ]
        return wire.ToolResultBlock(call_id(part.id), plain(blocks) if blocks else None, part.error or None, mark(part.cache))

    def _returned(self, part: Part, path: str) -> Any:
        if isinstance(part, ToolCall | ToolResult | Reasoning):
            self._dropped.append(path)
            return None
        return self.render(part, path)

    def _reasoning(self, part: Reasoning, path: str) -> Any:
        """Without its signature the API takes no thinking back."""
        if part.redacted is not None:
            return wire.RedactedBlock(part.redacted)
        if part.signature:
            return wire.ThinkingBlock(part.text, part.signature)
        self._dropped.append(path)
        return None


def mark(cache: CacheMark | None) -> wire.CacheControl | None:
    return None if cache is None else wire.CacheControl(cache.ttl)


def plain(blocks: list[Any]) -> Any:
    """A single text without trimmings as a string, which says the same in fewer bytes."""
    match blocks:
        case [wire.TextBlock(text=text, cache_control=None, citations=None)]:
            return text
    return blocks


def input_of(call: ToolCall) -> Raw | None:
    """A call's arguments as the object that the API demands; none at all is an empty one. None: they are no object."""
    text = call.arguments.strip()
    if not text:
        return Raw(b"{}")
    if call.custom:
        return None
    data = text.encode()
    try:
        decode(data, dict[str, Raw])
    except (MalformedJson, msgspec.ValidationError):
        return None
    return Raw(data)


def unread(arguments: str) -> Raw:
    """The input of a call whose arguments are no JSON object."""
    return Raw(encode({UNREAD: arguments}))


def call_id(ident: str) -> str:
    """`ident` with the characters that the API takes, the same for a call and its result; others become their code point."""
    return _FOREIGN_ID.sub(lambda found: f"_x{ord(found[0]):x}_", ident)


def _document(part: Document) -> wire.DocumentBlock:
    source: wire.Base64Source | wire.UrlSource | wire.FileSource | wire.TextSource
    if part.file_id is not None:
        source = wire.FileSource(part.file_id)
    elif part.text is not None:
        source = wire.TextSource(part.text, part.media_type or "text/plain")
    else:
        data, media_type, url = _inline(part.data, part.media_type, part.url)
        source = wire.UrlSource(url or "") if data is None else wire.Base64Source(media_type or "application/pdf", data)
    citations = wire.CitationsConfig(enabled=True) if part.citations else None
    return wire.DocumentBlock(source, part.name, part.context, citations, mark(part.cache))


def _inline(data: str | None, media_type: str | None, url: str | None) -> tuple[str | None, str | None, str | None]:
    """data, media_type and url, with a data: URL (RFC 2397) taken apart."""
    found = _DATA_URL.match(url) if data is None and url is not None else None
    if found is None or url is None:
        return data, media_type, url
    return url[found.end() :], media_type or found[1], None


def _sniff(data: str) -> str:
    """The type of an image by the first bytes of its base64."""
    return next((media_type for start, media_type in _MAGIC if data.startswith(start)), "image/png")
