"""Content of messages, neutral to wire."""

from __future__ import annotations

from typing import Any

from llm_gateway.core.chat import Audio, CacheMark, Document, Image, Opaque, Part, Refusal, Text, ToolCall
from llm_gateway.core.json import decode
from llm_gateway.dialects.openai_chat.paths import Where


class PartsOut:
    """`own`: the caller spoke this dialect, so what OpenAI itself does not know came from there and goes back as it was."""

    def __init__(self, dropped: list[str], *, own: bool) -> None:
        self._dropped = dropped
        self._own = own

    def render(self, part: Part, path: Where) -> dict[str, Any] | None:
        """None for what has no place in this dialect; it is named in `dropped` then."""
        rendered = self._content(part, path)
        if rendered is None:
            self._dropped.append(path())
            return None
        cache = getattr(part, "cache", None)
        if cache is not None and self.keeps_mark(path):
            rendered["cache_control"] = self.mark(cache)
        return rendered

    def keeps_mark(self, path: Where) -> bool:
        """Prompt-cache marks are a convention of OpenRouter and LiteLLM; OpenAI caches by itself and refuses the member."""
        if not self._own:
            self._dropped.append(f"{path()}.cache_control")
        return self._own

    @staticmethod
    def mark(cache: CacheMark) -> dict[str, Any]:
        return {"type": "ephemeral"} if cache.ttl is None else {"type": "ephemeral", "ttl": cache.ttl}

    def _content(self, part: Part, path: Where) -> dict[str, Any] | None:
        match part:
            case Text():
                return {"type": "text", "text": part.text}
            case Image():
                return _image(part)
            case Document():
                return self._document(part, path)
            case Audio():
                return {"type": "input_audio", "input_audio": {"data": part.data, "format": part.format}} if part.data else None
            case Refusal():
                return {"type": "refusal", "refusal": part.text}
            case Opaque(dialect="openai_chat") if not part.kind.startswith("reasoning."):
                return decode(bytes(part.raw), dict[str, Any])
        return None

    def _document(self, part: Document, path: Where) -> dict[str, Any] | None:
        """A text document becomes text: OpenAI's files are PDFs. It has no documents by URL."""
        if part.citations:
            self._dropped.append(f"{path()}.citations")
        if part.context is not None:
            self._dropped.append(f"{path()}.context")
        if part.text is not None:
            if part.name is not None:
                self._dropped.append(f"{path()}.title")
            return {"type": "text", "text": part.text}
        file: dict[str, Any] = {}
        if part.file_id is not None:
            file["file_id"] = part.file_id
        elif part.data is not None:
            file["file_data"] = part.data if part.media_type is None else f"data:{part.media_type};base64,{part.data}"
        elif part.url is not None and self._own:
            file["file_data"] = part.url
        else:
            return None
        if part.name is not None:
            file["filename"] = part.name
        elif part.data is not None and not self._own:
            file["filename"] = "document.pdf"  # which OpenAI demands
        return {"type": "file", "file": file}


def render_call(call: ToolCall) -> dict[str, Any]:
    if call.custom:
        return {"id": call.id, "type": "custom", "custom": {"name": call.name, "input": call.arguments}}
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}


def plain(content: list[dict[str, Any]]) -> str | list[dict[str, Any]]:
    """A single text without anything beside it as a string: the form that every server understands."""
    if len(content) == 1 and content[0].get("type") == "text" and len(content[0]) == 2:
        text: str = content[0]["text"]
        return text
    return content


def _image(part: Image) -> dict[str, Any] | None:
    if part.data is not None:
        url = f"data:{part.media_type or 'image/png'};base64,{part.data}"
    elif part.url is not None:
        url = part.url
    else:
        return None
    return {"type": "image_url", "image_url": {"url": url} if part.detail is None else {"url": url, "detail": part.detail}}
