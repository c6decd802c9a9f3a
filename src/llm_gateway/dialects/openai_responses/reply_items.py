"""Items of an output, neutral to wire. Their ids are made of the response's, and count."""

from __future__ import annotations

from typing import Any

from msgspec import Raw

from llm_gateway.core.chat import Audio, Choice, Opaque, Part, Reasoning, Refusal, Text, ToolCall
from llm_gateway.dialects.openai_responses.citations import render_annotations
from llm_gateway.dialects.openai_responses.items_out import render_reasoning
from llm_gateway.dialects.openai_responses.logprobs import render_logprobs
from llm_gateway.dialects.openai_responses.sealed import ReasoningItem, unseal, wrap
from llm_gateway.dialects.openai_responses.wire import CALLS, NAME

_PREFIX = "resp_"


def response_id(ident: str) -> str:
    """`ident` as this API's clients know them."""
    return ident if ident.startswith(_PREFIX) else _PREFIX + ident


class Names:
    """Ids for the items of one response."""

    __slots__ = ("_suffix",)

    def __init__(self, response: str) -> None:
        self._suffix = response.removeprefix(_PREFIX)

    def item(self, kind: str, index: int) -> str:
        return f"{kind}_{self._suffix}_{index}"


def render_output(choice: Choice, names: Names, status: str) -> list[Any]:
    """`status`: of the response. If that is incomplete, so is its last item."""
    out: list[Any] = []
    said: list[dict[str, Any]] = []
    logprobs = render_logprobs(choice.logprobs)
    for part in choice.parts:
        content = _content(part, logprobs)
        if content is not None:
            said.append(content)
            logprobs = []
            continue
        _end_message(out, said, names)
        said = []
        item = render_item(part, names, len(out))
        if item is not None:
            out.append(item)
    _end_message(out, said, names)
    if out and status == "incomplete" and isinstance(out[-1], dict) and "status" in out[-1]:
        out[-1]["status"] = "incomplete"
    return out


def message_item(ident: str, content: list[dict[str, Any]], status: str) -> dict[str, Any]:
    return {"id": ident, "type": "message", "status": status, "role": "assistant", "content": content}


def text_part(text: str, sources: Any = (), logprobs: Any = ()) -> dict[str, Any]:
    """A source that no annotation can show stands whole in `citations` beside them, as in our chat completions."""
    annotations, rest = render_annotations(sources, 0, len(text))
    out = {"type": "output_text", "text": text, "annotations": annotations, "logprobs": list(logprobs)}
    return out | {"citations": rest} if rest else out


def call_item(ident: str, call: ToolCall, status: str) -> dict[str, Any]:
    kind = "custom_tool_call" if call.custom else "function_call"
    out = {"id": ident, "type": kind, "call_id": call.id, "name": call.name, CALLS[kind]: call.arguments}
    return out if call.custom else out | {"status": status}


def thought_item(ident: str, part: Reasoning | Opaque) -> dict[str, Any]:
    """Reasoning of any family as an item that a client sends back as it is. One of this family keeps its own id."""
    item = unseal(part) if isinstance(part, Reasoning) else None
    if item is None:
        text = part.text if isinstance(part, Reasoning) else ""
        item = ReasoningItem(summary=(text,) if text else (), encrypted=wrap(part))
    return render_reasoning(item) | {"id": item.id or ident}


def render_item(part: Part, names: Names, index: int) -> dict[str, Any] | Raw | None:
    match part:
        case ToolCall():
            return call_item(names.item("ctc" if part.custom else "fc", index), part, "completed")
        case Opaque(dialect=dialect) if dialect == NAME:
            return part.raw
        case Reasoning() | Opaque():
            return thought_item(names.item("rs", index), part)
    return None


def _content(part: Part, logprobs: list[dict[str, Any]]) -> dict[str, Any] | None:
    match part:
        case Text():
            return text_part(part.text, part.citations, logprobs)
        case Refusal():
            return {"type": "refusal", "refusal": part.text}
        case Audio() if part.transcript:
            return text_part(part.transcript)
    return None


def _end_message(out: list[Any], content: list[dict[str, Any]], names: Names) -> None:
    if content:
        out.append(message_item(names.item("msg", len(out)), content, "completed"))
