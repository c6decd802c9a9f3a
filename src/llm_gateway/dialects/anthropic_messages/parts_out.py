"""Parts of a message, neutral to wire. What the API does not have is named in `dropped`."""

from __future__ import annotations

import re
from base64 import b64decode
from functools import partial
from typing import Any

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
from llm_gateway.dialects.anthropic_messages import wire
from llm_gateway.dialects.anthropic_messages.citations import is_citation
from llm_gateway.dialects.arguments import input_of, unread
from llm_gateway.dialects.families import is_foreign
from llm_gateway.dialects.openai_chat.paths import Where, inside

_FOREIGN_ID = re.compile(r"[^a-zA-Z0-9_-]")
_DATA_URL = re.compile(r"data:([\w.+-]+/[\w.+-]+)?(?:;[\w=.+-]+)*?;base64,", re.IGNORECASE)
_PLAIN = "text/plain"  # the only type that the API takes for a text, whatever it is
_TEXTS = ("text/", "application/json", "application/xml")
_MAGIC = (("/9j/", "image/jpeg"), ("iVBOR", "image/png"), ("R0lGOD", "image/gif"), ("UklGR", "image/webp"))


class PartsOut:
    """Renders the parts of one request."""

    __slots__ = ("_dropped",)

    def __init__(self, dropped: list[str]) -> None:
        self._dropped = dropped

    def render(self, part: Part, where: Where) -> Any:
        """A block, as struct or Raw; None for an empty text, and for what has no place, which is named in `dropped`."""
        match part:
            case Text():
                return self._text(part, where)
            case ToolCall():
                return self._call(part, where)
            case ToolResult():
                return self._result(part, where)
            case Image():
                return self._image(part, where)
            case Document():
                return _document(part)
            case Reasoning():
                return self._reasoning(part, where)
            case Refusal():
                return wire.TextBlock(part.text) if part.text else None
            case Audio():
                self._dropped.append(where())
                return wire.TextBlock(part.transcript) if part.transcript else None
            case Opaque(dialect=wire.NAME):
                return part.raw
            case Opaque():
                self._dropped.append(where())
                return None

    def _text(self, part: Text, where: Where) -> wire.TextBlock | None:
        """The API refuses empty texts; nothing is lost with one."""
        if not part.text:
            return None
        if not part.citations:
            return wire.TextBlock(part.text, mark(part.cache))
        cited = [source for source in part.citations if is_citation(source)]
        if len(cited) < len(part.citations):
            self._dropped.append(f"{where()}.citations")
        return wire.TextBlock(part.text, mark(part.cache), cited or None)

    def _image(self, part: Image, where: Where) -> wire.ImageBlock:
        if part.detail not in {None, "auto"}:
            self._dropped.append(f"{where()}.image_url.detail")
        cache = mark(part.cache)
        if part.file_id is not None:
            return wire.ImageBlock(wire.FileSource(part.file_id), cache)
        data, media_type, url = _inline(part.data, part.media_type, part.url)
        if data is None:
            return wire.ImageBlock(wire.UrlSource(url or ""), cache)
        return wire.ImageBlock(wire.Base64Source(media_type or _sniff(data), data), cache)

    def _call(self, part: ToolCall, where: Where) -> wire.ToolUseBlock:
        read = input_of(part)
        if read is None:
            self._dropped.append(f"{where()}.function.arguments")
        return wire.ToolUseBlock(call_id(part.id), part.name, read or unread(part.arguments), mark(part.cache))

    def _result(self, part: ToolResult, where: Where) -> wire.ToolResultBlock:
        content: Any = only_text(part.parts)
        if content is None:
            blocks = [
                block
                for place, inner in enumerate(part.parts)
                if (block := self._returned(inner, partial(inside, where, place))) is not None
            ]
            content = plain(blocks)
        return wire.ToolResultBlock(call_id(part.id), content or None, part.error or None, mark(part.cache))

    def _returned(self, part: Part, where: Where) -> Any:
        if isinstance(part, ToolCall | ToolResult | Reasoning):
            self._dropped.append(where())
            return None
        return self.render(part, where)

    def _reasoning(self, part: Reasoning, where: Where) -> Any:
        """Without its signature the API takes no thinking back, nor with another family's."""
        if part.redacted is not None and not is_foreign(part.redacted):
            return wire.RedactedBlock(part.redacted)
        if part.redacted is None and part.signature and not is_foreign(part.signature):
            return wire.ThinkingBlock(part.text, part.signature)
        self._dropped.append(where())
        return None


def mark(cache: CacheMark | None) -> wire.CacheControl | None:
    return None if cache is None else wire.CacheControl(cache.ttl)


def only_text(parts: tuple[Part, ...]) -> str | None:
    """The text of `parts` if it has no trimmings and they are nothing else, as is usual: `plain` of its block, without the block.

    It may be empty, which is no block.
    """
    if len(parts) == 1:
        part = parts[0]
        if type(part) is Text and part.cache is None and not part.citations:
            return part.text
    return None


def plain(blocks: list[Any]) -> Any:
    """A single text without trimmings as a string, which says the same in fewer bytes."""
    if len(blocks) == 1:
        block = blocks[0]
        if type(block) is wire.TextBlock and block.cache_control is None and block.citations is None:
            return block.text
    return blocks


def call_id(ident: str) -> str:
    """`ident` with the characters that the API takes, the same for a call and its result; others become their code point."""
    return _FOREIGN_ID.sub(_code_point, ident)


def _code_point(found: re.Match[str]) -> str:
    return f"_x{ord(found[0]):x}_"


def _document(part: Document) -> wire.DocumentBlock:
    source: wire.Base64Source | wire.UrlSource | wire.FileSource | wire.TextSource
    if part.file_id is not None:
        source = wire.FileSource(part.file_id)
    elif part.text is not None:
        source = wire.TextSource(part.text, _PLAIN)
    else:
        data, media_type, url = _inline(part.data, part.media_type, part.url)
        text = None if data is None else _text_in(data, media_type)
        if text is not None:
            source = wire.TextSource(text, _PLAIN)
        else:
            source = wire.UrlSource(url or "") if data is None else wire.Base64Source(media_type or "application/pdf", data)
    citations = wire.CitationsConfig(enabled=True) if part.citations else None
    return wire.DocumentBlock(source, part.name, part.context, citations, mark(part.cache))


def _text_in(data: str, media_type: str | None) -> str | None:
    """What a file of some text holds: in base64 the API takes PDFs alone."""
    if media_type is None or not media_type.startswith(_TEXTS):
        return None
    try:
        return b64decode(data, validate=True).decode()
    except ValueError:  # not base64, or not UTF-8: the API may say so
        return None


def _inline(data: str | None, media_type: str | None, url: str | None) -> tuple[str | None, str | None, str | None]:
    """data, media_type and url, with a data: URL (RFC 2397) taken apart."""
    found = _DATA_URL.match(url) if data is None and url is not None else None
    if found is None or url is None:
        return data, media_type, url
    return url[found.end() :], media_type or found[1], None


def _sniff(data: str) -> str:
    """The type of an image by the first bytes of its base64."""
    return next((media_type for start, media_type in _MAGIC if data.startswith(start)), "image/png")
