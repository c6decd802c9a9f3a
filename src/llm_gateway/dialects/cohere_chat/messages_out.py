"""Messages, neutral to wire.

- Thinking goes back as blocks of content to models that think. To older ones it is the plan of the calls it led to (`tool_plan`),
  and is named in `dropped` where it led to none.
- A tool's result holds texts and documents. Images that a tool returned follow the results in a message of the user, which names
  the call.
- A text document is a document of the request if the caller wants it cited, else a text. There are no other documents.
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
    Part,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
)
from llm_gateway.core.errors import Unsupported
from llm_gateway.dialects.arguments import input_of, unread
from llm_gateway.dialects.cohere_chat.models import thinks
from llm_gateway.dialects.openai_chat.paths import Paths, Where, inside

_ROLES = MappingProxyType({"developer": "system", "tool": "user"})
_SYSTEM = frozenset({"system", "developer"})


class MessagesOut:
    """Renders the messages of one request for one model; `dropped` is given the paths of what could not be carried."""

    def __init__(self, request: ChatRequest, model: str, dropped: list[str]) -> None:
        self.documents: list[dict[str, Any]] = []
        self._request = request
        self._thinks = thinks(model)
        self._dropped = dropped
        self._paths = Paths(request)
        self._out: list[dict[str, Any]] = []
        self._returned: list[dict[str, Any]] = []

    def render(self) -> list[dict[str, Any]]:
        """Raises Unsupported for a conversation of which nothing can be carried."""
        for index, message in enumerate(self._request.messages):
            if message.name is not None:
                self._dropped.append(f"{self._paths.message(index)}.name")
            if message.role == "assistant":
                self._show_returned()
                self._assistant(message, index)
            else:
                self._other(message, index)
        self._show_returned()
        if not self._out:
            raise Unsupported("Nothing of this conversation can be carried to the chosen provider", param="messages")
        return self._out

    def _other(self, message: Message, index: int) -> None:
        content: list[dict[str, Any]] = []
        for place, part in enumerate(message.parts):
            where = partial(self._paths.part, index, place)
            if isinstance(part, ToolResult):
                self._result(part, where)
            elif message.role in _SYSTEM and not isinstance(part, Text):
                self._dropped.append(where())
            else:
                content += self._content(part, where)
        if content:
            self._show_returned()
            self._out.append({"role": _ROLES.get(message.role, message.role), "content": plain(content)})

    def _content(self, part: Part, where: Where) -> list[dict[str, Any]]:
        """A block of a user's message; none for what has no place, which is named."""
        self._name_mark(part, where)
        match part:
            case Text(text=text) | Refusal(text=text) | Audio(transcript=str(text)):
                return [{"type": "text", "text": text}]
            case Image():
                image = _image(part)
                if image is not None:
                    return [image]
            case Document(text=str(text)):
                if part.citations:
                    self.documents.append(_document(part, text))
                    return []
                self._name_about(part, where)
                return [{"type": "text", "text": text}]
        self._dropped.append(where())
        return []

    def _result(self, result: ToolResult, where: Where) -> None:
        shown: list[dict[str, Any]] = []
        for place, part in enumerate(result.parts):
            inner = partial(inside, where, place)
            if isinstance(part, Document) and part.text is not None:
                shown.append({"type": "document", "document": _document(part, part.text)})
                self._name_mark(part, inner)
                continue
            blocks = self._content(part, inner)
            if isinstance(part, Image) and blocks:
                self._returned += [{"type": "text", "text": f"Returned by tool call {result.id}:"}, *blocks]
            else:
                shown += blocks
        if result.error:
            self._dropped.append(f"{where()}.is_error")
        self._name_mark(result, where)
        self._out.append({"role": "tool", "tool_call_id": result.id, "content": plain(shown) if shown else ""})

    def _show_returned(self) -> None:
        if self._returned:
            self._out.append({"role": "user", "content": self._returned})
            self._returned = []

    def _assistant(self, message: Message, index: int) -> None:
        content: list[dict[str, Any]] = []
        plan: list[str] = []
        calls: list[dict[str, Any]] = []
        citations: list[Any] = []
        plans = not self._thinks and any(isinstance(part, ToolCall) for part in message.parts)
        for place, part in enumerate(message.parts):
            where = partial(self._paths.part, index, place)
            match part:
                case Reasoning():
                    self._reasoning(part, where, plan if plans else None, content)
                case ToolCall():
                    calls.append(self._call(part, where))
                case Text() | Refusal() | Audio(transcript=str()):
                    content += self._content(part, where)
                    if isinstance(part, Text):
                        self._cite(part, where, citations)
                case _:
                    self._dropped.append(where())
        said = {"content": plain(content), "tool_plan": "".join(plan), "tool_calls": calls, "citations": citations}
        filled = {name: value for name, value in said.items() if value}
        if filled:
            self._out.append({"role": "assistant", **filled})

    def _reasoning(self, part: Reasoning, where: Where, plan: list[str] | None, content: list[dict[str, Any]]) -> None:
        if part.redacted is not None or (plan is None and not self._thinks):
            self._dropped.append(where())
            return
        if part.signature is not None:
            self._dropped.append(f"{where()}.signature")
        if plan is not None:
            plan.append(part.text)
        else:
            content.append({"type": "thinking", "thinking": part.text})

    def _call(self, call: ToolCall, where: Where) -> dict[str, Any]:
        """Arguments to the byte, if they are the JSON object that the API demands."""
        self._name_mark(call, where)
        arguments = call.arguments or "{}"
        if input_of(call) is None:
            self._dropped.append(f"{where()}.function.arguments")
            arguments = bytes(unread(call.arguments)).decode()
        return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": arguments}}

    def _cite(self, part: Text, where: Where, citations: list[Any]) -> None:
        """Only the API's own sources go back to it."""
        own = [source for source in part.citations if isinstance(source, dict) and isinstance(source.get("sources"), list)]
        citations += own
        if len(own) < len(part.citations):
            self._dropped.append(f"{where()}.citations")

    def _name_about(self, part: Document, where: Where) -> None:
        self._dropped += [f"{where()}.{name}" for name, value in (("title", part.name), ("context", part.context)) if value]

    def _name_mark(self, part: Part, where: Where) -> None:
        if getattr(part, "cache", None) is not None:
            self._dropped.append(f"{where()}.cache_control")


def plain(content: list[dict[str, Any]]) -> Any:
    """A single text as a string, which says the same in fewer bytes."""
    return content[0]["text"] if len(content) == 1 and content[0]["type"] == "text" else content


def _image(part: Image) -> dict[str, Any] | None:
    url = part.url
    if part.data is not None:
        url = f"data:{part.media_type or 'image/png'};base64,{part.data}"
    if url is None:
        return None
    return {"type": "image_url", "image_url": {"url": url} if part.detail is None else {"url": url, "detail": part.detail}}


def _document(part: Document, text: str) -> dict[str, Any]:
    about = {"title": part.name, "context": part.context}
    return {"data": {"text": text, **{name: value for name, value in about.items() if value is not None}}}
