"""Images and speech of a request. The API takes bytes and S3 objects; it fetches nothing else."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from llm_gateway.core.chat import Audio, Image

_DATA_URL = re.compile(r"data:([\w.+-]+/[\w.+-]+)?(?:;[\w=.+-]+)*?;base64,", re.IGNORECASE)
_MAGIC = (("/9j/", "jpeg"), ("iVBOR", "png"), ("R0lGOD", "gif"), ("UklGR", "webp"))
_IMAGES: Mapping[str, str] = MappingProxyType(
    {"image/png": "png", "image/jpeg": "jpeg", "image/jpg": "jpeg", "image/gif": "gif", "image/webp": "webp"}
)
_SPEECH = frozenset({"mp3", "opus", "wav", "aac", "flac", "mp4", "ogg", "mkv", "m4a", "mpeg", "pcm", "webm"})


def split_data_url(data: str | None, media_type: str | None, url: str | None) -> tuple[str | None, str | None, str | None]:
    """data, media_type and url, with a data: URL (RFC 2397) taken apart."""
    found = _DATA_URL.match(url) if data is None and url is not None else None
    if found is None or url is None:
        return data, media_type, url
    return url[found.end() :], media_type or found[1], None


def render_image(part: Image) -> dict[str, Any] | None:
    """None for an image that only its URL or id says, or of a type that the API does not have."""
    data, media_type, url = split_data_url(part.data, part.media_type, part.url)
    if data is not None:
        form = _IMAGES.get(media_type.lower()) if media_type is not None else _sniff(data)
        return None if form is None else {"format": form, "source": {"bytes": data}}
    if url is not None and url.startswith("s3://"):
        ending = url.rpartition(".")[2].lower()
        form = _IMAGES.get((media_type or f"image/{ending}").lower(), "png")
        return {"format": form, "source": {"s3Location": {"uri": url}}}
    return None


def render_speech(part: Audio) -> dict[str, Any] | None:
    if not part.data or part.format not in _SPEECH:
        return None
    return {"format": part.format, "source": {"bytes": part.data}}


def _sniff(data: str) -> str:
    """The format of an image by the first bytes of its base64."""
    return next((form for start, form in _MAGIC if data.startswith(start)), "png")
