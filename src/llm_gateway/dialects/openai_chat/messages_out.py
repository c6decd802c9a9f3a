"""Messages, neutral to wire: for a provider, so only what a provider takes."""

from __future__ import annotations

from functools import partial
from typing import Any

from llm_gateway.core.chat import (
    Audio,
    ChatRequest,
    Message,
    Part,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
)
from llm_gateway.dialects.base import Target
from llm_gateway.dialects.families import is_foreign
from llm_gateway.dialects.openai_chat.parts_out import PartsOut, plain, render_call
from llm_gateway.dialects.openai_chat.paths import Paths, Where, inside
from llm_gateway.dialects.openai_chat.reasoning import NAME, is_entry, render_details


class MessagesOut:
    """Renders the messages of one request for one target; `dropped` is given the paths of what could not be carried.

    Images and files that a tool returned have no place in OpenAI's tool messages: they follow the results in a user message
    that names the call. To a caller of our own dialect, who put them there, they stay where they were.
    """

    def __init__(self, request: ChatRequest, target: Target, dropped: list[str]) -> None:
        self._target = target
        self._dropped = dropped
        self._own = request.dialect == NAME
        self._paths = Paths(request)
        self._parts = PartsOut(dropped, own=self._own)
        self._out: list[dict[str, Any]] = []
        self._returned: list[dict[str, Any]] = []

    def render(self, messages: tuple[Message, ...]) -> list[dict[str, Any]]:
        for index, message in enumerate(messages):
            if self._is_plain(message):
                continue
            if message.role != "tool" and not any(isinstance(part, ToolResult) for part in message.parts):
                self._show_returned()
            if message.role == "assistant":
                self._assistant(message, index)
            else:
                self._other(message, index)
        self._show_returned()
        return self._out

    def _is_plain(self, message: Message) -> bool:
        """Renders a message of one text and nothing else, which is what most are."""
        if len(message.parts) != 1 or message.role == "tool" or self._returned:
            return False
        part = message.parts[0]
        if type(part) is not Text or part.cache is not None or part.citations:
            return False
        self._add({"role": self._role(message.role), "content": part.text}, message.name)
        return True

    def _role(self, role: str) -> str:
        return "system" if role == "developer" and not self._target.developer_role else role

    def _other(self, message: Message, index: int) -> None:
        """system, developer, user and tool. Tool results become messages of their own, before what else there is."""
        content: list[dict[str, Any]] = []
        for place, part in enumerate(message.parts):
            path = partial(self._paths.part, index, place)
            if isinstance(part, ToolResult):
                self._result(part, path, message.name)
            elif message.role in {"system", "developer"} and not isinstance(part, Text):
                self._dropped.append(path())
            else:
                rendered = self._parts.render(part, path)
                if rendered is not None:
                    content.append(rendered)
        if content:
            self._show_returned()
            self._add({"role": self._role(message.role), "content": plain(content)}, message.name)

    def _result(self, result: ToolResult, path: Where, name: str | None) -> None:
        shown: list[dict[str, Any]] = []
        for place, part in enumerate(result.parts):
            rendered = self._parts.render(part, partial(inside, path, place))
            if rendered is None:
                continue
            if isinstance(part, Text) or self._own:
                shown.append(rendered)
            else:
                self._returned += [{"type": "text", "text": f"Returned by tool call {result.id}:"}, rendered]
        message: dict[str, Any] = {"role": "tool", "tool_call_id": result.id, "content": plain(shown) if shown else ""}
        if result.cache is not None and self._parts.keeps_mark(path):
            message["cache_control"] = self._parts.mark(result.cache)
        if result.error:
            self._dropped.append(f"{path()}.is_error")
        self._add(message, name)

    def _show_returned(self) -> None:
        if self._returned:
            self._out.append({"role": "user", "content": self._returned})
            self._returned = []

    def _assistant(self, message: Message, index: int) -> None:
        out: dict[str, Any] = {"role": "assistant"}
        content: list[dict[str, Any]] = []
        calls: list[dict[str, Any]] = []
        sources: list[Any] = []
        for place, part in enumerate(message.parts):
            path = partial(self._paths.part, index, place)
            match part:
                case Reasoning():
                    self._reasoning(part, path)
                case ToolCall():
                    calls.append(render_call(part))
                    if part.cache is not None and self._parts.keeps_mark(path):
                        calls[-1]["cache_control"] = self._parts.mark(part.cache)
                case Refusal():
                    out["refusal"] = out.get("refusal", "") + part.text
                case Audio(id=str()):
                    out["audio"] = {"id": part.id}
                case _:
                    self._said(part, path, content, sources)
        self._add_reasoning(out, message.parts)
        if not content and not calls and len(out) == 1:
            return  # all of it was dropped, by name
        out["content"] = plain(content) if content else None
        if calls:
            out["tool_calls"] = calls
        if sources:
            out["annotations"] = sources
        self._add(out, message.name)

    def _said(self, part: Part, path: Where, content: list[dict[str, Any]], sources: list[Any]) -> None:
        """Text and the like, with its sources."""
        if is_entry(part) and self._target.reasoning_field == "reasoning_details":
            return  # rendered with the reasoning
        rendered = self._parts.render(part, path)
        if rendered is not None:
            content.append(rendered)
        if isinstance(part, Text) and part.citations:
            if self._own:
                sources += part.citations
            else:
                self._dropped.append(f"{path()}.citations")

    def _reasoning(self, part: Reasoning, path: Where) -> None:
        """Names what the target's field cannot hold."""
        field = self._target.reasoning_field
        if field == "reasoning_details":
            if _of_another_family(part):
                self._dropped.append(path())
            return
        if field is None or part.redacted is not None:
            self._dropped.append(path())
        elif part.signature is not None:
            self._dropped.append(f"{path()}.signature")

    def _add_reasoning(self, out: dict[str, Any], parts: tuple[Part, ...]) -> None:
        field = self._target.reasoning_field
        if field == "reasoning_details":
            details = render_details(part for part in parts if not _of_another_family(part))
            if details:
                out[field] = details
        elif field is not None:
            text = "".join(part.text for part in parts if isinstance(part, Reasoning))
            if text:
                out[field] = text

    def _add(self, message: dict[str, Any], name: str | None) -> None:
        if name is not None:
            message["name"] = name
        self._out.append(message)


def _of_another_family(part: Part) -> bool:
    """Its entries are made for Anthropic's models; a provider that is given another family's signature refuses the request."""
    return isinstance(part, Reasoning) and is_foreign(part.redacted or part.signature or "")
