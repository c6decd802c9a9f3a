"""Parts of a message, neutral to wire. What the API or the target's family does not have is named in `dropped`.

- Texts of nothing but white space are refused by the API; they are left out, and nothing is lost.
- A mark of what to cache is a block behind its part. Behind a document it is refused, so a short text stands between.
- A tool's result of no content that reports an error says so in words, since the API demands some.
- What a tool returned in parts that have no place in a result (a refusal, speech) is named.
"""

from __future__ import annotations

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
from llm_gateway.dialects.arguments import input_of, unread
from llm_gateway.dialects.bedrock_converse.citations import render_citations
from llm_gateway.dialects.bedrock_converse.documents import Documents
from llm_gateway.dialects.bedrock_converse.families import Family
from llm_gateway.dialects.bedrock_converse.ids import call_id
from llm_gateway.dialects.bedrock_converse.media import render_image, render_speech
from llm_gateway.dialects.bedrock_converse.opaque import render_blob, takes_blob
from llm_gateway.dialects.families import is_foreign
from llm_gateway.dialects.openai_chat.paths import Where, inside

Block = dict[str, Any]

FILLER = "(end of document)"
"""The text that the API demands beside a document, and between it and a cachePoint."""
_FAILED = "(the tool failed without a message)"


class PartsOut:
    """Renders the parts of one request."""

    __slots__ = ("_documents", "_dropped", "_family")

    def __init__(self, family: Family, dropped: list[str]) -> None:
        self._family = family
        self._dropped = dropped
        self._documents = Documents()

    def render(self, part: Part, where: Where) -> list[Any]:
        """Its block, and the cachePoint behind it. Empty for a blank text, and for what has no place."""
        block = self._block(part, where)
        cache = getattr(part, "cache", None)
        if isinstance(part, ToolResult):
            cache = cache or next((mark for inner in part.parts if (mark := getattr(inner, "cache", None))), None)
        if block is None:
            if cache is not None:
                self._dropped.append(f"{where()}.cache_control")
            return []
        point = None if cache is None else self.point(cache, "messages", where)
        if point is None:
            return [block]
        return [block, {"text": FILLER}, point] if isinstance(part, Document) else [block, point]

    def point(self, cache: CacheMark, place: str, where: Where) -> Block | None:
        """A cachePoint, if the family takes one at `place`. Five minutes are what it has without a ttl."""
        if place not in self._family.caches:
            self._dropped.append(f"{where()}.cache_control")
            return None
        if cache.ttl in {None, "5m"}:
            return {"cachePoint": {"type": "default"}}
        if not self._family.hour:
            self._dropped.append(f"{where()}.cache_control.ttl")
            return {"cachePoint": {"type": "default"}}
        return {"cachePoint": {"type": "default", "ttl": cache.ttl}}

    def _block(self, part: Part, where: Where) -> Any:
        match part:
            case Text():
                return self._text(part, where)
            case ToolCall():
                return self._call(part, where)
            case ToolResult():
                return self._result(part, where)
            case Reasoning():
                return self._reasoning(part, where)
            case Refusal():
                return {"text": part.text} if part.text.strip() else None
            case Opaque(dialect="bedrock_converse"):
                return part.raw
            case _:
                return self._media(part, where)

    def _text(self, part: Text, where: Where) -> Block | None:
        if not part.text.strip():
            return None
        cited = render_citations(part.citations) if part.citations else []
        if len(cited) < len(part.citations):
            self._dropped.append(f"{where()}.citations")
        if cited:
            return {"citationsContent": {"content": [{"text": part.text}], "citations": cited}}
        return {"text": part.text}

    def _media(self, part: Part, where: Where) -> Block | None:
        """Images, documents, speech; and the blocks of other dialects."""
        if isinstance(part, Image):
            image = render_image(part)
            if image is not None:
                if part.detail not in {None, "auto"}:
                    self._dropped.append(f"{where()}.image_url.detail")
                return {"image": image}
        elif isinstance(part, Document):
            document = self._documents.render(part)
            if document is not None:
                return {"document": document}
        elif isinstance(part, Audio):
            speech = render_speech(part) if self._family.audio else None
            if speech is not None:
                return {"audio": speech}
            self._dropped.append(where())
            return {"text": part.transcript} if part.transcript and part.transcript.strip() else None
        self._dropped.append(where())
        return None

    def _call(self, part: ToolCall, where: Where) -> Block:
        read = input_of(part)
        if read is None:
            self._dropped.append(f"{where()}.function.arguments")
        ident = call_id(part.id, nine=self._family.nine)
        return {"toolUse": {"toolUseId": ident, "name": part.name, "input": read or unread(part.arguments)}}

    def _result(self, part: ToolResult, where: Where) -> Block:
        content: list[Any] = []
        for place, inner in enumerate(part.parts):
            path = partial(inside, where, place)
            if isinstance(inner, ToolCall | ToolResult | Reasoning | Audio):
                self._dropped.append(path())
                continue
            if isinstance(inner, Text) and inner.citations:
                self._dropped.append(f"{path()}.citations")
                inner = Text(inner.text)  # noqa: PLW2901 - the same text
            block = self._block(inner, path)
            if block is not None:
                content.append(block)
        result: Block = {"toolUseId": call_id(part.id, nine=self._family.nine), "content": content}
        if part.error and self._family.status:
            result["status"] = "error"
            result["content"] = content or [{"text": _FAILED}]
        elif part.error:
            self._dropped.append(f"{where()}.is_error")
        return {"toolResult": result}

    def _reasoning(self, part: Reasoning, where: Where) -> Block | None:
        """Only the model that thought takes it back, and only with its signature."""
        takes = self._family.thoughts
        if takes and part.redacted is not None and takes_blob(part.redacted):
            return {"reasoningContent": {"redactedContent": render_blob(part.redacted)}}
        if takes and part.redacted is None and part.signature and not is_foreign(part.signature):
            return {"reasoningContent": {"reasoningText": {"text": part.text, "signature": part.signature}}}
        self._dropped.append(where())
        return None
