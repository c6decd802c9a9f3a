"""Parts of one message, neutral to wire: for requests and for answers.

Signatures of Gemini's return to the part that they sign. Those of other families go to a Gemini client in an envelope
(signatures.py); Gemini itself is never shown them, and what was thought elsewhere is named as dropped.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import msgspec
from msgspec import Raw

from llm_gateway.core.chat import Audio, Document, Image, Opaque, Part, Reasoning, Refusal, Text, ToolCall, ToolResult
from llm_gateway.dialects.arguments import input_of, unread
from llm_gateway.dialects.gemini.media import render_audio, render_document, render_image
from llm_gateway.dialects.gemini.parts_in import MADE
from llm_gateway.dialects.gemini.results import render_response
from llm_gateway.dialects.gemini.signatures import Signed, untag, wrap
from llm_gateway.dialects.gemini.wire import NAME
from llm_gateway.dialects.openai_chat.paths import Where, inside

CANDIDATE = "candidate"
"""The kind of an opaque part that holds members of a candidate, which is no part of its content."""


class Rules(msgspec.Struct, frozen=True):
    """What differs between who is rendered for."""

    own: bool = False
    """A caller of this dialect: what he wrote goes back as it was."""
    reply: bool = False
    """An answer for a client, not a request for a provider."""
    rich_results: bool = True
    """Functions may return pictures: Gemini 3 takes them inside of the response, older models beside it only."""
    names: dict[str, str] = {}
    """The function that each call was for, by its id."""


class PartsOut:
    """Renders the parts of one message."""

    def __init__(self, rules: Rules, dropped: list[str]) -> None:
        self._rules = rules
        self._dropped = dropped
        self._out: list[Any] = []
        self._calls: list[dict[str, Any]] = []
        self._signed: dict[int, str] = {}
        """Signatures of calls that are still to come, by their number."""
        self._later: Signed | None = None
        """A signature of a text that is still to come."""
        self.members: list[Raw] = []
        """Members of the candidate, which stand beside the content."""
        self.returned: list[tuple[str, dict[str, Any]]] = []
        """The parts that are results, with the id of the call."""

    @property
    def calls(self) -> list[dict[str, Any]]:
        """The parts that are calls."""
        return self._calls

    def add(self, part: Part, where: Where) -> None:
        match part:
            case Text():
                self._marked(part, where)
                self._text(part.text)
                if part.citations and not self._rules.reply:
                    self._dropped.append(f"{where()}.citations")
            case Reasoning():
                self._reasoning(part, where)
            case ToolCall():
                self._marked(part, where)
                self._call(part, where)
            case ToolResult():
                self._marked(part, where)
                self._result(part, where)
            case Refusal():
                self._text(part.text)
            case Opaque() if part.dialect == NAME:
                self._opaque(part, where)
            case Opaque():
                self._dropped.append(where())
            case Image() | Document() | Audio():
                shown = self._media(part, where)
                if shown is not None:
                    self._out.append(shown)

    def finish(self) -> list[Any]:
        """The parts; a text's signature that found no text stands alone, as it may."""
        if self._later is not None:
            self._out.append({"text": "", "thoughtSignature": self._later.signature})
            self._later = None
        return self._out

    def _text(self, text: str) -> None:
        if not text and not self._rules.own:
            return
        part: dict[str, Any] = {"text": text}
        if self._later is not None and self._later.place == "x":
            part["thoughtSignature"] = self._later.signature
            self._later = None
        self._out.append(part)

    def _reasoning(self, part: Reasoning, where: Where) -> None:
        signed = untag(part.signature) if part.redacted is None else None
        if signed is None:
            self._foreign(part, where)
        elif signed.place == "t":
            self._out.append({"text": part.text, "thought": True, "thoughtSignature": signed.signature})
        else:
            if part.text:
                self._out.append({"text": part.text, "thought": True})
            self._place(signed)

    def _place(self, signed: Signed) -> None:
        """A signature of something else than the thought that brings it."""
        if signed.place.startswith("c"):
            number = int(signed.place[1:])
            if number < len(self._calls):
                self._calls[number]["thoughtSignature"] = signed.signature
            else:
                self._signed[number] = signed.signature
            return
        last = self._out[-1] if self._out else None
        if signed.place == "e" and self._out:
            self._out.append({"text": "", "thoughtSignature": signed.signature})
        elif isinstance(last, dict) and last.get("text") and last.keys() == {"text"}:
            last["thoughtSignature"] = signed.signature
        else:
            self._later = signed

    def _foreign(self, part: Reasoning, where: Where) -> None:
        """Thinking without a signature of Gemini's."""
        signature = wrap(part)
        if self._rules.reply or (self._rules.own and signature is None):
            thought: dict[str, Any] = {"text": part.text, "thought": True}
            if signature is not None:
                thought["thoughtSignature"] = signature
            self._out.append(thought)
        else:
            self._dropped.append(where())

    def _call(self, part: ToolCall, where: Where) -> None:
        read = input_of(part)
        if read is None and not self._rules.reply:
            self._dropped.append(f"{where()}.arguments")
        call: dict[str, Any] = {"name": part.name, "args": read or unread(part.arguments)}
        if part.id and not part.id.startswith(MADE):
            call["id"] = part.id
        shown: dict[str, Any] = {"functionCall": call}
        signature = self._signed.pop(len(self._calls), None)
        if signature is not None:
            shown["thoughtSignature"] = signature
        self._calls.append(shown)
        self._out.append(shown)

    def _result(self, part: ToolResult, where: Where) -> None:
        texts: list[str] = []
        media: list[Any] = []
        for place, inner in enumerate(part.parts):
            if isinstance(inner, Text | Refusal):
                texts.append(inner.text)
            elif isinstance(inner, Opaque) and inner.dialect == NAME:
                media.append(inner.raw)
            elif isinstance(inner, Image | Document | Audio):
                held = self._media(inner, partial(inside, where, place))
                media += [] if held is None else [held]
            else:
                self._dropped.append(inside(where, place))
        name = self._rules.names.get(part.id) or part.id.removeprefix(MADE) or "unknown"
        response: dict[str, Any] = {"name": name, "response": render_response("\n".join(texts), error=part.error)}
        if part.id and not part.id.startswith(MADE):
            response["id"] = part.id
        shown = {"functionResponse": response}
        self.returned.append((part.id, shown))
        self._out.append(shown)
        if media and self._rules.rich_results:
            response["parts"] = media
        else:
            self._out += media

    def _media(self, part: Image | Document | Audio, where: Where) -> dict[str, Any] | None:
        match part:
            case Image():
                self._marked(part, where)
                if part.detail not in {None, "auto"}:
                    self._dropped.append(f"{where()}.image_url.detail")
                shown = render_image(part)
            case Document():
                shown = self._document(part, where)
            case Audio():
                shown = render_audio(part)
                if part.transcript and (shown is None or self._rules.reply):
                    self._out.append({"text": part.transcript})
        if shown is None:
            self._dropped.append(where())
        return shown

    def _document(self, part: Document, where: Where) -> dict[str, Any] | None:
        self._marked(part, where)
        shown = render_document(part)
        if shown is None:
            return None
        if part.name is not None and self._rules.own:
            next(iter(shown.values()))["displayName"] = part.name
        elif part.name is not None:
            self._dropped.append(f"{where()}.title")
        if part.context is not None:
            self._dropped.append(f"{where()}.context")
        if part.citations:
            self._dropped.append(f"{where()}.citations")
        return shown

    def _opaque(self, part: Opaque, where: Where) -> None:
        if part.kind != CANDIDATE:
            self._out.append(part.raw)
        elif self._rules.reply:
            self.members.append(part.raw)
        else:
            self._dropped.append(where())

    def _marked(self, part: Text | Image | Document | ToolCall | ToolResult, where: Where) -> None:
        """Gemini caches by itself, or by cachedContent; it has no marks."""
        if part.cache is not None:
            self._dropped.append(f"{where()}.cache_control")
