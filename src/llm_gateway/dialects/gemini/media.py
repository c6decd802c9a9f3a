"""Pictures, documents and sound: Gemini's inlineData and fileData, and the neutral parts.

Gemini takes base64 in either alphabet, and its SDKs write the URL-safe one, which nobody else reads. Files of Google's own (gs:,
its file store, YouTube) and video mean nothing elsewhere and stay opaque.
"""

from __future__ import annotations

import binascii
import re
from base64 import b64decode, b64encode
from types import MappingProxyType
from typing import Any

from msgspec import Raw

from llm_gateway.core.chat import Audio, Document, Image, Opaque, Part
from llm_gateway.core.json import encode
from llm_gateway.dialects.gemini.wire import NAME, BlobWire, FileWire

_STANDARD = str.maketrans("-_", "+/")
_GOOGLE = re.compile(r"gs://|https://(?:generativelanguage\.googleapis\.com/|(?:www\.|m\.)?youtube\.com/|youtu\.be/)")
_DATA_URL = re.compile(r"data:([\w.+-]+/[\w.+-]+)?(?:;[\w=.+-]+)*?;base64,", re.IGNORECASE)
_EXTENSION = re.compile(r"\.(\w{2,5})(?:[?#]|$)")
_MAGIC = (("/9j/", "image/jpeg"), ("iVBOR", "image/png"), ("R0lGOD", "image/gif"), ("UklGR", "image/webp"))
_SOUNDS = MappingProxyType({"mpeg": "mp3", "mpga": "mp3", "x-wav": "wav", "wave": "wav", "vnd.wave": "wav", "x-flac": "flac"})
_TYPES = MappingProxyType(
    {
        "png": "image/png",
        "jpg": "image/jpeg",
        "jpeg": "image/jpeg",
        "webp": "image/webp",
        "gif": "image/gif",
        "heic": "image/heic",
        "heif": "image/heif",
        "pdf": "application/pdf",
        "txt": "text/plain",
        "md": "text/markdown",
        "html": "text/html",
        "csv": "text/csv",
    }
)


def parse_blob(blob: BlobWire) -> Part:
    """InlineData."""
    media_type = (blob.mime_type or "").partition(";")[0].strip().lower()
    kind, _, subtype = media_type.partition("/")
    data = standard(blob.data)
    if kind == "image":
        return Image(data=data, media_type=blob.mime_type)
    if kind == "audio" and ";" not in (blob.mime_type or ""):
        return Audio(data, _SOUNDS.get(subtype, subtype))
    if kind == "text":
        text = _decoded(data)
        if text is not None:
            return Document(text=text, media_type=blob.mime_type, name=blob.display_name)
    if kind in {"application", "text"}:
        return Document(data=data, media_type=blob.mime_type, name=blob.display_name)
    return Opaque(NAME, "inlineData", Raw(encode({"inlineData": blob})))


def parse_file(file: FileWire) -> Part:
    """fileData: a URL, which only Google can read unless it is a public one."""
    media_type = (file.mime_type or "").lower()
    if file.file_uri.startswith("https://") and not _GOOGLE.match(file.file_uri):
        if media_type.startswith("image/"):
            return Image(url=file.file_uri, media_type=file.mime_type)
        if media_type == "application/pdf" or media_type.startswith("text/"):
            return Document(url=file.file_uri, media_type=file.mime_type, name=file.display_name)
    return Opaque(NAME, "fileData", Raw(encode({"fileData": file})))


def render_image(part: Image) -> dict[str, Any] | None:
    """None for a file that another provider keeps."""
    return _source(part.data, part.url, part.file_id, part.media_type, "image/")


def render_document(part: Document) -> dict[str, Any] | None:
    """As `render_image`."""
    if part.text is not None:
        data = b64encode(part.text.encode()).decode()
        return {"inlineData": {"mimeType": part.media_type or "text/plain", "data": data}}
    return _source(part.data, part.url, part.file_id, part.media_type, "application/pdf")


def render_audio(part: Audio) -> dict[str, Any] | None:
    return {"inlineData": {"mimeType": f"audio/{part.format or 'wav'}", "data": part.data}} if part.data else None


def standard(data: str) -> str:
    """Base64 in the alphabet that everyone reads, with its padding."""
    data = data.translate(_STANDARD)
    return data if data.endswith("=") or len(data) % 4 == 0 else data + "=" * (-len(data) % 4)


def _source(
    data: str | None, url: str | None, file_id: str | None, media_type: str | None, otherwise: str
) -> dict[str, Any] | None:
    """`otherwise`: the media type where none is told; `image/`: by the picture's first bytes."""
    found = _DATA_URL.match(url) if data is None and url is not None else None
    if found and url is not None:
        data, media_type = url[found.end() :], media_type or found[1]
    if data is not None:
        return {"inlineData": {"mimeType": media_type or (_sniff(data) if otherwise == "image/" else otherwise), "data": data}}
    uri = url or (file_id if file_id is not None and _GOOGLE.match(file_id) else None)
    if uri is None:
        return None
    media_type = media_type or _guess(uri, otherwise)
    return {"fileData": {"fileUri": uri} if media_type is None else {"mimeType": media_type, "fileUri": uri}}


def _guess(uri: str, otherwise: str) -> str | None:
    """By the name's end. A picture whose kind nobody told is left for Google to find out."""
    found = _EXTENSION.search(uri)
    return _TYPES.get(found[1].lower() if found else "", None if otherwise == "image/" else otherwise)


def _sniff(data: str) -> str:
    return next((media_type for start, media_type in _MAGIC if data.startswith(start)), "image/png")


def _decoded(data: str) -> str | None:
    try:
        return b64decode(data, validate=True).decode()
    except (binascii.Error, ValueError):
        return None
