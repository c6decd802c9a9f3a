"""A generateContent request as structs: one for each JSON object that we know (https://ai.google.dev/api/generate-content).

They have Google's camelCase names only. A request that holds anything else (snake_case, which the API takes as well, single
objects where a list belongs, members that we do not know) does not fit and goes through tidy.py first.
"""

from __future__ import annotations

import msgspec
from msgspec import Raw

NAME = "gemini"

NULL = Raw(b"null")
OPAQUE = "~opaque"
"""A member that tidy.py puts in."""


class _Wire(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, rename="camel", gc=False):
    """What all structs of a request have in common."""


class BlobWire(_Wire, frozen=True):
    data: str = ""
    mime_type: str | None = None
    display_name: str | None = None


class FileWire(_Wire, frozen=True):
    file_uri: str = ""
    mime_type: str | None = None
    display_name: str | None = None


class CallWire(_Wire, frozen=True):
    name: str
    id: str | None = None
    args: Raw = NULL


class OpaqueWire(_Wire, frozen=True):
    """A part, or a tool, of a kind that we do not know."""

    kind: str
    raw: Raw


class ReturnedWire(_Wire, frozen=True):
    """What a function may return beside its response."""

    inline_data: BlobWire | None = None
    file_data: FileWire | None = None
    opaque: OpaqueWire | None = msgspec.field(default=None, name=OPAQUE)


class ResponseWire(_Wire, frozen=True):
    name: str
    id: str | None = None
    response: Raw = NULL
    parts: list[ReturnedWire] | None = None


class PartWire(_Wire, frozen=True):
    """One of its data members is set; `thought` and `thoughtSignature` stand beside it."""

    text: str | None = None
    thought: bool | None = None
    thought_signature: str | None = None
    inline_data: BlobWire | None = None
    file_data: FileWire | None = None
    function_call: CallWire | None = None
    function_response: ResponseWire | None = None
    opaque: OpaqueWire | None = msgspec.field(default=None, name=OPAQUE)


class ContentWire(_Wire, frozen=True):
    parts: list[PartWire] | None = None
    role: str | None = None


class DeclarationWire(_Wire, frozen=True):
    name: str
    description: str | None = None
    parameters: Raw = NULL
    parameters_json_schema: Raw = NULL


class ToolWire(_Wire, frozen=True):
    function_declarations: list[DeclarationWire] | None = None
    opaque: OpaqueWire | None = msgspec.field(default=None, name=OPAQUE)


class CallingWire(_Wire, frozen=True):
    mode: str | int | None = None
    allowed_function_names: list[str] | None = None


class ToolConfigWire(_Wire, frozen=True):
    function_calling_config: CallingWire | None = None


class ThinkingWire(_Wire, frozen=True):
    thinking_budget: int | None = None
    thinking_level: str | None = None
    include_thoughts: bool | None = None


class ConfigWire(_Wire, frozen=True):
    """generationConfig. Whole numbers may come as floats: so the SDKs send topK."""

    temperature: float | None = None
    top_p: float | None = None
    top_k: float | None = None
    max_output_tokens: float | None = None
    candidate_count: float | None = None
    seed: float | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    stop_sequences: list[str] | None = None
    response_mime_type: str | None = None
    response_schema: Raw = NULL
    response_json_schema: Raw = NULL
    response_logprobs: bool | None = None
    logprobs: float | None = None
    thinking_config: ThinkingWire | None = None


class RequestWire(_Wire, frozen=True):
    contents: list[ContentWire]
    system_instruction: ContentWire | None = None
    tools: list[ToolWire] | None = None
    tool_config: ToolConfigWire | None = None
    generation_config: ConfigWire | None = None
