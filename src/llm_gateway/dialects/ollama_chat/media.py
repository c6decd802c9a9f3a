"""Images, which Ollama takes as bare base64, without their type."""

from __future__ import annotations

from llm_gateway.core.chat import Image
from llm_gateway.dialects.openai_chat.parts_in import split_data_uri

_MAGIC = (("/9j/", "image/jpeg"), ("iVBOR", "image/png"), ("R0lGOD", "image/gif"), ("UklGR", "image/webp"))


def parse_image(text: str) -> Image:
    """The type is read off the first bytes. Some clients send a data URI, as other APIs want it."""
    inline = split_data_uri(text)
    if inline is not None:
        return Image(data=inline[1], media_type=inline[0])
    return Image(data=text, media_type=next((kind for start, kind in _MAGIC if text.startswith(start)), None))


def render_image(image: Image) -> str | None:
    """None for one that stands elsewhere: the server fetches nothing."""
    if image.data is not None:
        return image.data
    inline = split_data_uri(image.url) if image.url is not None else None
    return None if inline is None else inline[1]
