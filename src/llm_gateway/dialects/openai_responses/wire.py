"""The request of OpenAI's Responses API as structs (https://platform.openai.com/docs/api-reference/responses/create).

Items and parts of content are one struct each, with the members of every kind that we know, because an item need not say its
type (messages do not). What stands where its kind has no place for it, and what is of unknown kind, is found by `fits` and taken
out by tidy.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import msgspec
from msgspec import Raw

NAME = "openai_responses"

NULL = Raw(b"null")
OPAQUE = "\0opaque"
"""What tidy.py makes the type of an item or part that we do not know; `kind` and `raw` hold it."""

MESSAGE = "message"
CALLS = MappingProxyType({"function_call": "arguments", "custom_tool_call": "input"})
"""Calls of tools that the caller runs, and the member that holds what the model wrote for the tool."""

OUTPUTS = frozenset({"function_call_output", "custom_tool_call_output"})


class InputAudio(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    data: str
    format: str = "wav"


class PartWire(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """A part of content, a part of a summary. `raw`: see OPAQUE."""

    type: str
    text: str | None = None
    refusal: str | None = None
    annotations: list[Any] | None = None
    citations: list[Any] | None = None
    logprobs: list[Any] | None = None
    image_url: str | None = None
    file_id: str | None = None
    detail: str | None = None
    file_data: str | None = None
    file_url: str | None = None
    filename: str | None = None
    input_audio: InputAudio | None = None
    kind: str | None = None
    raw: Raw = NULL


class ItemWire(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """An item of the input. None: not said."""

    type: str | None = None
    role: str | None = None
    content: str | list[PartWire] | None = None
    id: str | None = None
    status: str | None = None
    call_id: str | None = None
    name: str | None = None
    arguments: str | None = None
    input: str | None = None
    output: str | list[PartWire] | None = None
    summary: list[PartWire] | None = None
    encrypted_content: str | None = None
    kind: str | None = None
    raw: Raw = NULL


class ToolWire(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    type: str
    name: str | None = None
    description: str | None = None
    parameters: Raw = NULL
    strict: bool | None = None
    raw: Raw = NULL


class FormatWire(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    type: str
    name: str | None = None
    description: str | None = None
    schema: Raw = NULL
    strict: bool | None = None


class TextWire(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    format: FormatWire | None = None


class ReasoningWire(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    effort: str | None = None
    summary: str | None = None


class RequestWire(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """The members that have a neutral place; all others are taken out by tidy.py."""

    model: str
    input: str | list[ItemWire] | None = None
    instructions: str | None = None
    tools: list[ToolWire] | None = None
    tool_choice: Raw = NULL
    parallel_tool_calls: bool | None = None
    max_output_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_logprobs: int | None = None
    text: TextWire | None = None
    reasoning: ReasoningWire | None = None
    stream: bool | None = None
    user: str | None = None
    metadata: Raw = NULL
    service_tier: str | None = None


PARTS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "input_text": frozenset({"text"}),
        "output_text": frozenset({"text", "annotations", "citations", "logprobs"}),
        "text": frozenset({"text"}),
        "summary_text": frozenset({"text"}),
        "reasoning_text": frozenset({"text"}),
        "refusal": frozenset({"refusal"}),
        "input_image": frozenset({"image_url", "file_id", "detail"}),
        "input_file": frozenset({"file_data", "file_id", "file_url", "filename"}),
        "input_audio": frozenset({"input_audio"}),
    }
)
"""The members of each kind of part."""

ITEMS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        MESSAGE: frozenset({"role", "content", "id", "status"}),
        "function_call": frozenset({"call_id", "name", "arguments", "id", "status"}),
        "function_call_output": frozenset({"call_id", "output", "id", "status"}),
        "custom_tool_call": frozenset({"call_id", "name", "input", "id", "status"}),
        "custom_tool_call_output": frozenset({"call_id", "output", "id", "status"}),
        "reasoning": frozenset({"summary", "content", "encrypted_content", "id", "status"}),
    }
)
"""The members of each kind of item."""

_MESSAGES = (None, MESSAGE)
_TEXTS = ("input_text", "output_text")

ROLES = frozenset({"user", "assistant", "system", "developer"})

_OTHER_PARTS = MappingProxyType(
    {kind: tuple(frozenset(PartWire.__struct_fields__) - known - {"type", "raw"}) for kind, known in PARTS.items()}
)
_OTHER_ITEMS = MappingProxyType(
    {kind: tuple(frozenset(ItemWire.__struct_fields__) - known - {"type", "raw"}) for kind, known in ITEMS.items()}
)
"""What each kind has no place for. `raw` never comes without `kind`, for both are tidy.py's."""


def fits(request: RequestWire) -> bool:
    """Whether everything in it is of a kind that we know, and has that kind's members only."""
    if isinstance(request.input, list) and not all(_item_fits(item) for item in request.input):
        return False
    if any(tool.type != "function" for tool in request.tools or ()):
        return False
    return request.text is None or request.text.format is None or request.text.format.type in FORMATS


def _item_fits(item: ItemWire) -> bool:
    if item.role is not None and item == ItemWire(item.type, item.role, item.content) and item.type in _MESSAGES:
        return _parts_fit(item.content)  # as below, for the usual message
    others = _OTHER_ITEMS.get(item.type or MESSAGE)
    if others is None or (item.type is None and item.role is None):  # a reference need not say its type either
        return False
    for name in others:
        if getattr(item, name) is not None:
            return False
    return _parts_fit(item.content) and _parts_fit(item.output) and _parts_fit(item.summary)


def _parts_fit(parts: str | list[PartWire] | None) -> bool:
    if parts is None or isinstance(parts, str):
        return True
    for part in parts:
        if part.type in _TEXTS and part == PartWire(part.type, part.text):
            continue
        others = _OTHER_PARTS.get(part.type)
        if others is None:
            return False
        for name in others:
            if getattr(part, name) is not None:
                return False
    return True


FORMATS = MappingProxyType({"text": "text", "json_object": "json", "json_schema": "schema"})
"""Kinds of text.format, and ours."""
