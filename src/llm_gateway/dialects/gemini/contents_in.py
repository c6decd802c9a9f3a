"""The contents of a request, wire to neutral. One content stays one message, so that paths in `extra` keep their meaning."""

from __future__ import annotations

from msgspec import Raw

from llm_gateway.core.chat import Message, Opaque, Part, Reasoning, Role, Text, ToolCall, ToolResult
from llm_gateway.dialects.gemini.media import parse_blob, parse_file
from llm_gateway.dialects.gemini.parts_in import MADE, CallsIn, join_thoughts, parse_said
from llm_gateway.dialects.gemini.results import parse_response
from llm_gateway.dialects.gemini.signatures import untag
from llm_gateway.dialects.gemini.wire import NAME, NULL, ContentWire, PartWire, ResponseWire, ReturnedWire
from llm_gateway.dialects.invalid import refuse

ROLES = frozenset({"user", "model", "function", "", None})
"""`function` is an older word for who returns results; none at all is the user."""

_BRACE = b"{"[0]


class Contents:
    """Parses the contents of one request. Results find the call that they belong to: by its id, else by name and order."""

    def __init__(self) -> None:
        self._open: list[ToolCall] = []
        self.places: list[tuple[str, ...]] = []
        """The path of each part of each message."""

    def parse(self, content: ContentWire, index: int) -> Message:
        path = f"contents[{index}]"
        if content.role not in ROLES:
            raise refuse(f"{path}.role", "it must be user or model", "invalid_messages")
        calls = CallsIn(str(index))
        parts: list[Part] = []
        places: list[str] = []
        for place, part in enumerate(content.parts or ()):
            where = f"{path}.parts[{place}]"
            self._part(part, where, calls, parts)
            del places[len(parts) :]
            places += [where] * (len(parts) - len(places))
        self.places.append(tuple(places))
        if content.role == "model":
            self._open = [part for part in parts if isinstance(part, ToolCall)]
            return Message("assistant", tuple(parts))
        role: Role = "tool" if parts and all(isinstance(part, ToolResult) for part in parts) else "user"
        return Message(role, tuple(parts))

    def _part(self, part: PartWire, path: str, calls: CallsIn, parts: list[Part]) -> None:
        call = part.function_call
        if sum(data is not None for data in (part.text, call, part.function_response, part.inline_data, part.file_data)) > 1:
            raise refuse(path, "it must hold one kind of data")
        if call is not None and call.args != NULL and bytes(call.args)[0] != _BRACE:
            raise refuse(f"{path}.functionCall.args", "it must be an object")
        said = parse_said(part, calls)
        if said is None:
            if part.function_response is not None:
                parts.append(self._result(part.function_response, path))
            return
        parts += said
        last = said[-1]
        if isinstance(last, Reasoning) and last.signature is not None and untag(last.signature) is None:
            join_thoughts(parts)

    def _result(self, response: ResponseWire, path: str) -> ToolResult:
        text, error = "", False
        if response.response != NULL:
            if bytes(response.response)[0] != _BRACE:
                raise refuse(f"{path}.functionResponse.response", "it must be an object")
            text, error = parse_response(response.response)
        parts = (Text(text), *[_returned(part) for part in response.parts or ()])
        return ToolResult(self._call_of(response), parts, error)

    def _call_of(self, response: ResponseWire) -> str:
        found = next(
            (call for call in self._open if response.id and call.id == response.id),
            next((call for call in self._open if not response.id and call.name == response.name), None),
        )
        if found is None and self._open and not response.id:
            found = self._open[0]
        if found is None:
            return response.id or MADE + response.name
        self._open.remove(found)
        return found.id


def parse_system(content: ContentWire) -> tuple[tuple[Part, ...], tuple[str, ...]]:
    """systemInstruction, whose role says nothing; and the path of each part."""
    calls = CallsIn("system")
    parts = [(part, place) for place, wire in enumerate(content.parts or ()) for part in parse_said(wire, calls) or ()]
    return tuple([part for part, _ in parts]), tuple([f"systemInstruction.parts[{place}]" for _, place in parts])


def _returned(part: ReturnedWire) -> Part:
    if part.inline_data is not None:
        return parse_blob(part.inline_data)
    if part.file_data is not None:
        return parse_file(part.file_data)
    opaque = part.opaque
    return Opaque(NAME, opaque.kind, opaque.raw) if opaque is not None else Opaque(NAME, "", Raw(b"{}"))
