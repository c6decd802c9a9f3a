"""Parts of content, neutral to wire. What the API does not have is named in `dropped`."""

from __future__ import annotations

from functools import partial
from typing import Any

from llm_gateway.core.chat import Audio, Document, Image, Opaque, Part, Refusal, Text, ToolResult
from llm_gateway.core.json import decode
from llm_gateway.dialects.openai_chat.paths import Where, inside
from llm_gateway.dialects.openai_responses.citations import render_annotations
from llm_gateway.dialects.openai_responses.wire import NAME

_KIN = frozenset({NAME, "openai_chat"})
"""Dialects whose file ids are the same provider's."""


class PartsOut:
    """Renders the parts of one request for a caller of `dialect`."""

    def __init__(self, dropped: list[str], dialect: str) -> None:
        self._dropped = dropped
        self._own = dialect == NAME
        self._kin = dialect in _KIN

    def render(self, part: Part, where: Where, role: str) -> dict[str, Any] | None:
        """None for what has no place in a message of `role`; it is named in `dropped` then."""
        rendered = self._content(part, where, role)
        if rendered is None:
            self._dropped.append(where())
        else:
            self.name_mark(part, where)
        return rendered

    def name_mark(self, part: Any, where: Where) -> None:
        """The API caches by itself; only its newest models know marks."""
        if getattr(part, "cache", None) is not None:
            self._dropped.append(f"{where()}.cache_control")

    def output(self, result: ToolResult, where: Where) -> Any:
        """What a tool returned: a text as a string, anything else as a list."""
        if result.error:
            self._dropped.append(f"{where()}.is_error")
        shown = [
            rendered
            for place, part in enumerate(result.parts)
            if (rendered := self.render(part, partial(inside, where, place), "tool")) is not None
        ]
        return plain(shown) if shown else ""

    def _content(self, part: Part, where: Where, role: str) -> dict[str, Any] | None:
        if isinstance(part, Text):
            return self._text(part, where, role)
        if isinstance(part, Opaque):
            return decode(bytes(part.raw), dict[str, Any]) if part.dialect == NAME else None
        if role == "assistant":
            return _said(part)
        if role in {"system", "developer"} and not self._own:
            return None
        match part:
            case Image():
                return self._image(part)
            case Document():
                return self._document(part, where)
            case Audio(data=data) if data:
                return {"type": "input_audio", "input_audio": {"data": data, "format": part.format}}
        return None

    def _text(self, part: Text, where: Where, role: str) -> dict[str, Any]:
        if role != "assistant":
            if part.citations:
                self._dropped.append(f"{where()}.citations")
            return {"type": "input_text", "text": part.text}
        out: dict[str, Any] = {"type": "output_text", "text": part.text}
        if part.citations:
            shown, rest = render_annotations(part.citations, 0, len(part.text))
            if shown:
                out["annotations"] = shown
            if rest:
                self._dropped.append(f"{where()}.citations")
        return out

    def _image(self, part: Image) -> dict[str, Any] | None:
        out: dict[str, Any] = {"type": "input_image"}
        if part.data is not None:
            out["image_url"] = f"data:{part.media_type or 'image/png'};base64,{part.data}"
        elif part.url is not None:
            out["image_url"] = part.url
        elif self._kin:
            out["file_id"] = part.file_id
        else:
            return None
        if part.detail is not None:
            out["detail"] = part.detail
        elif not self._own:
            out["detail"] = "auto"  # the default; the API's schema and servers that check by OpenAI's types demand it
        return out

    def _document(self, part: Document, where: Where) -> dict[str, Any] | None:
        """A text is a text: not every server takes other files than PDFs."""
        if part.citations:
            self._dropped.append(f"{where()}.citations")
        if part.context is not None:
            self._dropped.append(f"{where()}.context")
        if part.text is not None:
            if part.name is not None:
                self._dropped.append(f"{where()}.title")
            return {"type": "input_text", "text": part.text}
        out: dict[str, Any] = {"type": "input_file"}
        if part.data is not None:
            media_type = part.media_type or (None if self._own else "application/pdf")
            out["file_data"] = part.data if media_type is None else f"data:{media_type};base64,{part.data}"
        elif part.url is not None:
            out["file_url"] = part.url
        elif part.file_id is not None and self._kin:
            out["file_id"] = part.file_id
        else:
            return None
        if part.name is not None:
            out["filename"] = part.name
        elif part.data is not None and not self._own:
            out["filename"] = "document.pdf"  # which OpenAI demands
        return out


def _said(part: Part) -> dict[str, Any] | None:
    """By the assistant: a refusal, or the transcript of what it spoke."""
    if isinstance(part, Refusal):
        return {"type": "refusal", "refusal": part.text}
    if isinstance(part, Audio) and part.transcript:
        return {"type": "output_text", "text": part.transcript}
    return None


def plain(content: list[dict[str, Any]]) -> Any:
    """A single text without anything beside it as a string: the form that every server understands."""
    if len(content) == 1 and content[0].get("type") in {"input_text", "output_text"} and len(content[0]) == 2:
        return content[0]["text"]
    return content
