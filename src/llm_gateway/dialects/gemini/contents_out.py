"""The messages of a request, neutral to wire: a system instruction, and contents of user and model.

- Leading system and developer messages are the system instruction. Later ones become text of the user, between <system> tags, and
  are named in `dropped` by their role: Gemini has no place for them.
- Neighbours of the same role are one content; tool messages belong to the user. Results come first there, in the order of their
  calls: Gemini wants all of them right after the calls, and finds them by order where they have no ids.
- A conversation of nothing but system messages is the user's, since the API demands a content.
- What a caller of this dialect wrote stays as it is, content by content.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from llm_gateway.core.chat import ChatRequest, Message, Text, ToolCall
from llm_gateway.core.errors import Unsupported
from llm_gateway.dialects.gemini.generation import demands_signatures, takes_rich_results
from llm_gateway.dialects.gemini.parts_out import PartsOut, Rules
from llm_gateway.dialects.gemini.signatures import UNCHECKED
from llm_gateway.dialects.gemini.wire import NAME
from llm_gateway.dialects.openai_chat.paths import Paths

_SYSTEM = frozenset({"system", "developer"})


class ContentsOut:
    """Renders the messages of one request for one model; `dropped` is given the paths of what could not be carried."""

    def __init__(self, request: ChatRequest, model: str, dropped: list[str]) -> None:
        self.system: list[Any] = []
        self.contents: list[dict[str, Any]] = []
        self._dropped = dropped
        self._own = request.dialect == NAME
        self._paths = Paths(request)
        self._places = request.places
        self._unchecked = demands_signatures(model) and not self._own
        self._order: list[str] = []
        """The ids of the calls that were made last."""
        self._returned: list[tuple[str, dict[str, Any]]] = []
        """Their results so far, by these ids."""
        names = {part.id: part.name for message in request.messages for part in message.parts if isinstance(part, ToolCall)}
        self._rules = Rules(own=self._own, rich_results=self._own or takes_rich_results(model), names=names)
        messages = request.messages
        self._shift = int(bool(messages) and messages[0].role == "system")
        only_system = all(message.role in _SYSTEM for message in messages)
        for index, message in enumerate(messages):
            if message.name is not None:
                dropped.append(f"{self._message(index)}.name")
            if message.role not in _SYSTEM:
                self._said(message, index)
            elif self.contents or (only_system and index == len(messages) - 1):
                self._aside(message, index)
            else:
                self.system += self._parts(message, index, texts_only=True)
        if not self.contents:
            raise Unsupported("Nothing of this conversation can be carried to the chosen provider", param="messages")

    def _message(self, index: int) -> str:
        if not self._own:
            return self._paths.message(index)
        return "systemInstruction" if index < self._shift else f"contents[{index - self._shift}]"

    def _part(self, index: int, place: int) -> str:
        places = self._places[index] if index < len(self._places) else ()
        return places[place] if place < len(places) else self._paths.part(index, place)

    def _said(self, message: Message, index: int) -> None:
        role = "model" if message.role == "assistant" else "user"
        parts = self._parts(message, index)
        last = self.contents[-1] if self.contents else None
        if self._own:
            self.contents.append({"role": role, "parts": parts})
        elif parts and last is not None and last["role"] == role:
            last["parts"] += parts
        elif parts:
            self.contents.append({"role": role, "parts": parts})
        if role == "model":
            self._order = [part.id for part in message.parts if isinstance(part, ToolCall)]
            self._returned = []
        elif self.contents and not self._own:
            self._sort(self.contents[-1])

    def _parts(self, message: Message, index: int, *, texts_only: bool = False) -> list[Any]:
        out = PartsOut(self._rules, self._dropped)
        for place, part in enumerate(message.parts):
            where = partial(self._part, index, place)
            if texts_only and not self._own and not isinstance(part, Text):
                self._dropped.append(where())
            else:
                out.add(part, where)
        if self._unchecked and out.calls and "thoughtSignature" not in out.calls[0]:
            out.calls[0]["thoughtSignature"] = UNCHECKED
        self._returned += out.returned
        return out.finish()

    def _sort(self, content: dict[str, Any]) -> None:
        """Results first, in the order of the calls."""
        if self._returned and len(content["parts"]) > 1:
            places = {ident: place for place, ident in enumerate(self._order)}
            results = [part for _, part in sorted(self._returned, key=lambda pair: places.get(pair[0], len(places)))]
            known = {id(part) for part in results}
            content["parts"] = results + [part for part in content["parts"] if id(part) not in known]

    def _aside(self, message: Message, index: int) -> None:
        """A system message in the middle."""
        parts = self._parts(message, index, texts_only=True)
        if parts:
            self._dropped.append(f"{self._message(index)}.role")
            said = [{"text": f"<system>\n{part['text']}\n</system>"} for part in parts if isinstance(part, dict)]
            if self.contents and self.contents[-1]["role"] == "user":
                self.contents[-1]["parts"] += said
            else:
                self.contents.append({"role": "user", "parts": said})
