"""A caller's request on its way to a provider of another API: what is refused, and what says nothing there."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

from msgspec import Raw, structs

from llm_gateway.core.chat import ChatRequest, Opaque, Reasoning
from llm_gateway.core.errors import Unsupported
from llm_gateway.core.json import encode
from llm_gateway.dialects.openai_responses.request_in import LOGPROBS, included
from llm_gateway.dialects.openai_responses.sealed import without_reference
from llm_gateway.dialects.openai_responses.wire import NAME

_STORED = ("previous_response_id", "conversation", "prompt")
_ELSEWHERE = frozenset({"reasoning.encrypted_content", LOGPROBS})
"""Of `include`: opaque reasoning always comes, log probabilities are neutral."""
_EMPTY = MappingProxyType(
    {
        "background": b"false",
        "truncation": b'"disabled"',
        "store": None,
        "stream_options": None,
        "max_tool_calls": None,
        "reasoning.summary": None,
    }
)
"""What needs nothing of another API: with this value, or (None) with any. The gateway itself stores answers; there are no calls
of built-in tools to count; a summary's length stays behind, the wish for one is neutral.
"""


def portable(request: ChatRequest) -> ChatRequest:
    """`request`, parsed by this dialect, as the back of another one may be given it.

    Raises Unsupported for what only a provider of this API can do: built-in tools, background, what its store holds.
    """
    extra = request.extra
    for name in _STORED:
        if name in extra:
            raise Unsupported(f"{name} needs a provider of the Responses API", param=name)
    if bytes(extra.get("background", b"")) == b"true":
        raise Unsupported("background needs a provider of the Responses API", param="background")
    for index, tool in enumerate(request.tools):
        if tool.dialect == NAME:
            raise Unsupported(f"The tool {tool.name} needs a provider of the Responses API", param=f"tools[{index}]")
    _refuse_references(request)
    return structs.replace(request, extra=_without_empty(extra), messages=tuple(_without_references(request)))


def _refuse_references(request: ChatRequest) -> None:
    for message, places in zip(request.messages, request.places, strict=True):
        for part, place in zip(message.parts, places, strict=True):
            if isinstance(part, Opaque) and part.dialect == NAME and part.kind == "item_reference":
                raise Unsupported("A reference to a stored item needs a provider of the Responses API", param=place)


def _without_references(request: ChatRequest) -> list[Any]:
    return [
        structs.replace(
            message, parts=tuple([without_reference(part) if isinstance(part, Reasoning) else part for part in message.parts])
        )
        if message.role == "assistant"
        else message
        for message in request.messages
    ]


def _without_empty(extra: dict[str, Raw]) -> dict[str, Raw]:
    kept = {name: value for name, value in extra.items() if name not in _EMPTY or _EMPTY[name] not in {None, bytes(value)}}
    if "include" in kept:
        wanted = [name for name in included(extra) if name not in _ELSEWHERE]
        if wanted:
            kept["include"] = Raw(encode(wanted))
        else:
            del kept["include"]
    return kept
