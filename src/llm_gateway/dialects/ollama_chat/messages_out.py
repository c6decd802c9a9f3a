"""Messages, neutral to wire: one text and a list of images each.

- Texts of a user or system message become one, on lines of their own; those of an assistant's are pieces of one text.
- Results of tools are messages of their own, before what else stands in the same message.
- The server fetches nothing: images by URL or file are named in `dropped`, and so is what is no text and no image.
"""

from __future__ import annotations

from functools import partial
from types import MappingProxyType
from typing import Any

from llm_gateway.core.chat import (
    Audio,
    ChatRequest,
    Document,
    Image,
    Message,
    Opaque,
    Part,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
)
from llm_gateway.core.errors import Unsupported
from llm_gateway.core.json import decode
from llm_gateway.dialects.arguments import input_of, unread
from llm_gateway.dialects.ollama_chat.media import render_image
from llm_gateway.dialects.ollama_chat.wire import NAME
from llm_gateway.dialects.openai_chat.paths import Paths, Where, inside

_ROLES = MappingProxyType({"developer": "system", "tool": "user"})


class MessagesOut:
    """Renders the messages of one request; `dropped` is given the paths of what could not be carried."""

    def __init__(self, request: ChatRequest, dropped: list[str]) -> None:
        self._request = request
        self._dropped = dropped
        self._paths = Paths(request)
        self._names: dict[str, str] = {}  # of the tools that were called, by the id of the call
        self._out: list[dict[str, Any]] = []

    def render(self) -> list[dict[str, Any]]:
        """Raises Unsupported for a conversation of which nothing can be carried."""
        for index, message in enumerate(self._request.messages):
            if message.name is not None and message.role != "tool":
                self._dropped.append(f"{self._paths.message(index)}.name")
            self._message(message, index)
        if not self._out:
            raise Unsupported("Nothing of this conversation can be carried to the chosen provider", param="messages")
        return self._out

    def _message(self, message: Message, index: int) -> None:
        said = _Said()
        for place, part in enumerate(message.parts):
            where = partial(self._paths.part, index, place)
            if isinstance(part, ToolResult):
                self._result(part, where, message.name)
            elif isinstance(part, Opaque) and part.dialect == NAME:
                self._out.append(decode(bytes(part.raw), dict[str, Any]))
            else:
                self._part(part, where, said)
        role = _ROLES.get(message.role, message.role)
        if said.is_something():
            self._out.append(said.render(role))

    def _result(self, result: ToolResult, where: Where, name: str | None) -> None:
        said = _Said()
        for place, part in enumerate(result.parts):
            self._part(part, partial(inside, where, place), said)
        if result.error:
            self._dropped.append(f"{where()}.is_error")
        self._name_mark(result, where)
        message = said.render("tool")
        name = self._names.get(result.id, name)
        if name:
            message["tool_name"] = name
        if result.id:
            message["tool_call_id"] = result.id
        self._out.append(message)

    def _part(self, part: Part, where: Where, said: _Said) -> None:
        match part:
            case Text():
                said.texts.append(part.text)
                if part.citations:
                    self._dropped.append(f"{where()}.citations")
            case Refusal():
                said.texts.append(part.text)
            case Image():
                self._image(part, where, said)
            case Document(text=str(text)):
                said.texts.append(text)
                self._name_about(part, where)
            case Audio(transcript=str(text)):
                said.texts.append(text)
            case Reasoning(redacted=None):
                said.thoughts.append(part.text)
                if part.signature is not None:
                    self._dropped.append(f"{where()}.signature")
            case ToolCall():
                said.calls.append(self._call(part, where))
            case _:
                self._dropped.append(where())
                return
        self._name_mark(part, where)

    def _call(self, call: ToolCall, where: Where) -> dict[str, Any]:
        self._names[call.id] = call.name
        arguments = input_of(call)
        if arguments is None:
            self._dropped.append(f"{where()}.function.arguments")
        shown: dict[str, Any] = {"function": {"name": call.name, "arguments": arguments or unread(call.arguments)}}
        return {"id": call.id, **shown} if call.id else shown

    def _image(self, part: Image, where: Where, said: _Said) -> None:
        data = render_image(part)
        if data is None:
            self._dropped.append(where())
            return
        said.images.append(data)
        if part.detail not in {None, "auto"}:
            self._dropped.append(f"{where()}.image_url.detail")

    def _name_about(self, part: Document, where: Where) -> None:
        lost = {"title": part.name is not None, "context": part.context is not None, "citations": part.citations}
        self._dropped += [f"{where()}.{name}" for name, there in lost.items() if there]

    def _name_mark(self, part: Part, where: Where) -> None:
        if getattr(part, "cache", None) is not None:
            self._dropped.append(f"{where()}.cache_control")


class _Said:
    """What one message holds."""

    __slots__ = ("calls", "images", "texts", "thoughts")

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.thoughts: list[str] = []
        self.images: list[str] = []
        self.calls: list[dict[str, Any]] = []

    def is_something(self) -> bool:
        return bool(self.texts or self.thoughts or self.images or self.calls)

    def render(self, role: str) -> dict[str, Any]:
        out: dict[str, Any] = {"role": role, "content": ("" if role == "assistant" else "\n").join(self.texts)}
        if self.thoughts:
            out["thinking"] = "".join(self.thoughts)
        if self.images:
            out["images"] = self.images
        if self.calls:
            out["tool_calls"] = self.calls
        return out
