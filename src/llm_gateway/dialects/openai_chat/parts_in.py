"""Content of messages, wire to neutral."""

from __future__ import annotations

import re

from llm_gateway.core.chat import Audio, CacheMark, Document, Image, Opaque, Part, Reasoning, Refusal, Text
from llm_gateway.dialects.invalid import refuse
from llm_gateway.dialects.openai_chat import wire
from llm_gateway.dialects.openai_chat.reasoning import NAME

_DATA_URI = re.compile(r"data:([^;,]*);base64,")


def parse_part(part: wire.Part, index: int, place: int) -> Part:
    """The part at `place` of the message at `index`. Raises InvalidRequest for a file that is none."""
    match part:
        case wire.TextPart():
            return Text(part.text or "", mark(part.cache_control))
        case wire.ImagePart():
            return _image(part)
        case wire.FilePart():
            return _file(part, index, place)
        case wire.AudioPart():
            return Audio(part.input_audio.data, part.input_audio.format)
        case wire.RefusalPart():
            return Refusal(part.refusal)
        case wire.ThinkingPart():
            return Reasoning(
                part.thinking if isinstance(part.thinking, str) else "".join(piece.text or "" for piece in part.thinking)
            )
    return Opaque(NAME, part.kind, part.raw)


def mark(cache: wire.CacheControl | None) -> CacheMark | None:
    return None if cache is None else CacheMark(cache.ttl)


def split_data_uri(uri: str) -> tuple[str | None, str] | None:
    """Media type and base64 data of a data URI (RFC 2397); None for anything else. What follows the comma is not looked at."""
    found = _DATA_URI.match(uri)
    return (found[1] or None, uri[found.end() :]) if found else None


def _image(part: wire.ImagePart) -> Image:
    source = part.image_url
    url, detail = (source, None) if isinstance(source, str) else (source.url, source.detail)
    inline = split_data_uri(url)
    if inline is None:
        return Image(url=url, detail=detail, cache=mark(part.cache_control))
    return Image(data=inline[1], media_type=inline[0], detail=detail, cache=mark(part.cache_control))


def _file(part: wire.FilePart, index: int, place: int) -> Document:
    file, cache = part.file, mark(part.cache_control)
    if file.file_id is not None:
        return Document(file_id=file.file_id, name=file.filename, cache=cache)
    if file.file_data is None:
        raise refuse(f"messages[{index}].content[{place}].file", "file_data or file_id is needed")
    inline = split_data_uri(file.file_data)
    if inline is not None:
        return Document(data=inline[1], media_type=inline[0], name=file.filename, cache=cache)
    if file.file_data.startswith(("https://", "http://")):
        return Document(url=file.file_data, name=file.filename, cache=cache)
    return Document(data=file.file_data, name=file.filename, cache=cache)
