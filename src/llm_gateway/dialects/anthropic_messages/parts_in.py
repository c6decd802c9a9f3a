"""Blocks of content, wire to neutral."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Raw

from llm_gateway.core.chat import CacheMark, Document, Image, Opaque, Part, Reasoning, Text, ToolCall, ToolResult
from llm_gateway.core.json import encode
from llm_gateway.dialects.anthropic_messages.wire import (
    NAME,
    Base64Source,
    Block,
    CacheControl,
    ContentSource,
    DocumentBlock,
    FileSource,
    ImageBlock,
    OpaqueBlock,
    RedactedBlock,
    TextBlock,
    TextSource,
    ThinkingBlock,
    ToolResultBlock,
    ToolUseBlock,
    UrlSource,
)


def parse_content(content: str | Iterable[Block] | None) -> tuple[Part, ...]:
    """What stands as `content` in a message, in a tool's result and as the system prompt."""
    if content is None:
        return ()
    if isinstance(content, str):
        return (Text(content),)
    return tuple([parse_block(block) for block in content])


def parse_block(block: Block) -> Part:
    match block:
        case TextBlock():
            return Text(block.text, parse_mark(block.cache_control), tuple(block.citations or ()))
        case ToolUseBlock():
            return ToolCall(block.id, block.name, bytes(block.input).decode(), parse_mark(block.cache_control))
        case ToolResultBlock():
            parts = parse_content(block.content)
            return ToolResult(block.tool_use_id, parts, block.is_error is True, parse_mark(block.cache_control))
        case ThinkingBlock():
            return Reasoning(block.thinking, block.signature or None)
        case RedactedBlock():
            return Reasoning(redacted=block.data)
        case ImageBlock():
            return _image(block)
        case DocumentBlock():
            return _document(block)
        case OpaqueBlock():
            return Opaque(NAME, block.kind, block.raw)


def parse_mark(control: CacheControl | None) -> CacheMark | None:
    return None if control is None else CacheMark(control.ttl)


def _image(block: ImageBlock) -> Image:
    cache = parse_mark(block.cache_control)
    match block.source:
        case Base64Source(media_type=media_type, data=data):
            return Image(data=data, media_type=media_type, cache=cache)
        case UrlSource(url=url):
            return Image(url=url, cache=cache)
        case FileSource(file_id=file_id):
            return Image(file_id=file_id, cache=cache)


def _document(block: DocumentBlock) -> Document | Opaque:
    source = block.source
    if isinstance(source, ContentSource):  # a document made of blocks, which no other dialect has
        return Opaque(NAME, "document", Raw(encode(block)))
    return Document(
        url=source.url if isinstance(source, UrlSource) else None,
        data=source.data if isinstance(source, Base64Source) else None,
        text=source.data if isinstance(source, TextSource) else None,
        file_id=source.file_id if isinstance(source, FileSource) else None,
        media_type=source.media_type if isinstance(source, Base64Source | TextSource) else None,
        name=block.title,
        context=block.context,
        citations=block.citations is not None and block.citations.enabled is True,
        cache=parse_mark(block.cache_control),
    )
