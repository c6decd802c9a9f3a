"""Where a neutral message or part stood in the caller's own document: what `dropped` names."""

from __future__ import annotations

from collections.abc import Callable

from llm_gateway.core.chat import Audio, ChatRequest, Opaque, Part, Reasoning, ToolCall, ToolResult
from llm_gateway.dialects.openai_chat.reasoning import NAME, is_entry

_ANTHROPIC = "anthropic_messages"

Where = Callable[[], str]
"""Gives the path of a part, which is only wanted when something of it is dropped."""


def inside(where: Where, place: int) -> str:
    """Of the part at `place` in a tool's result."""
    return f"{where()}.content[{place}]"


class Paths:
    """Looks at the request only when it is asked: mostly nothing is dropped."""

    __slots__ = ("_request",)

    def __init__(self, request: ChatRequest) -> None:
        self._request = request

    def message(self, index: int) -> str:
        if self._has_system():
            return "system" if index == 0 else f"messages[{index - 1}]"
        return f"messages[{index}]"

    def _has_system(self) -> bool:
        """Whether the first message is Anthropic's system prompt, which stands outside of that dialect's messages."""
        request = self._request
        return request.dialect == _ANTHROPIC and bool(request.messages) and request.messages[0].role == "system"

    def part(self, index: int, place: int) -> str:
        """The part at `place` of the message at `index`."""
        places = self._request.places
        if index < len(places) and place < len(places[index]):
            return places[index][place]
        message = self.message(index)
        if self._request.dialect != NAME:
            return f"{message}[{place}]" if message == "system" else f"{message}.content[{place}]"
        return self._own_part(message, self._request.messages[index].parts, place)

    def _own_part(self, message: str, parts: tuple[Part, ...], place: int) -> str:
        part = parts[place]
        if isinstance(part, Reasoning) or is_entry(part):
            return (
                f"{message}.{'reasoning_content' if isinstance(part, Reasoning) and not part.redacted else 'reasoning_details'}"
            )
        if isinstance(part, ToolResult):
            return message
        if isinstance(part, ToolCall):
            return f"{message}.tool_calls[{sum(isinstance(other, ToolCall) for other in parts[:place])}]"
        if isinstance(part, Opaque) and part.dialect != NAME:
            return f"{message}.opaque_blocks[{sum(isinstance(other, Opaque) for other in parts[:place])}]"
        if isinstance(part, Audio) and part.id is not None:
            return f"{message}.audio"
        aside = sum(
            isinstance(other, Reasoning | ToolCall) or (isinstance(other, Opaque) and other.dialect != NAME)
            for other in parts[:place]
        )
        return f"{message}.content[{place - aside}]"
