"""The request of OpenAI's Chat Completions as structs (https://platform.openai.com/docs/api-reference/chat/create), with what
compatible servers and their clients add: cache_control, reasoning_content, reasoning, reasoning_details, top_k, thinking parts.

Nested objects refuse members that they do not know; `tidy` then takes those out and gives them by their path.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec
from msgspec import Raw

NULL = Raw(b"null")

_KNOWN_ONLY = True


class CacheControl(msgspec.Struct, gc=False):
    type: str = "ephemeral"
    ttl: str | None = None


class TextPart(msgspec.Struct, tag="text", forbid_unknown_fields=_KNOWN_ONLY, gc=False):
    text: str | None = ""
    cache_control: CacheControl | None = None
    image_url: None = None  # some clients send every member a part can have


class ImageUrl(msgspec.Struct, forbid_unknown_fields=_KNOWN_ONLY, gc=False):
    url: str
    detail: str | None = None


class ImagePart(msgspec.Struct, tag="image_url", forbid_unknown_fields=_KNOWN_ONLY, gc=False):
    image_url: ImageUrl | str
    cache_control: CacheControl | None = None
    text: None = None


class InputAudio(msgspec.Struct, forbid_unknown_fields=_KNOWN_ONLY, gc=False):
    data: str
    format: str = "wav"


class AudioPart(msgspec.Struct, tag="input_audio", forbid_unknown_fields=_KNOWN_ONLY, gc=False):
    input_audio: InputAudio


class File(msgspec.Struct, forbid_unknown_fields=_KNOWN_ONLY, gc=False):
    file_data: str | None = None
    file_id: str | None = None
    filename: str | None = None


class FilePart(msgspec.Struct, tag="file", forbid_unknown_fields=_KNOWN_ONLY, gc=False):
    file: File
    cache_control: CacheControl | None = None


class RefusalPart(msgspec.Struct, tag="refusal", forbid_unknown_fields=_KNOWN_ONLY, gc=False):
    refusal: str


class ThinkingPart(msgspec.Struct, tag="thinking", forbid_unknown_fields=_KNOWN_ONLY, gc=False):
    """Mistral's reasoning inside content."""

    thinking: str | list[TextPart]
    closed: bool | None = None


class OpaquePart(msgspec.Struct, tag="\0opaque", gc=False):
    """What `tidy` makes of a part of another type, so that it keeps its place."""

    kind: str
    raw: Raw


Part = TextPart | ImagePart | AudioPart | FilePart | RefusalPart | ThinkingPart | OpaquePart


class Function(msgspec.Struct, forbid_unknown_fields=_KNOWN_ONLY, gc=False):
    name: str = ""
    arguments: str | dict[str, Any] | None = ""


class CustomCall(msgspec.Struct, forbid_unknown_fields=_KNOWN_ONLY, gc=False):
    name: str
    input: str = ""


class ToolCallWire(msgspec.Struct, forbid_unknown_fields=_KNOWN_ONLY, gc=False):
    id: str | None = None
    type: str | None = None
    function: Function | None = None
    custom: CustomCall | None = None
    index: int | None = None
    cache_control: CacheControl | None = None


class AudioRef(msgspec.Struct, forbid_unknown_fields=_KNOWN_ONLY, gc=False):
    id: str
    data: str | None = None
    transcript: str | None = None
    expires_at: int | None = None


class OpaqueBlockWire(msgspec.Struct, forbid_unknown_fields=_KNOWN_ONLY, gc=False):
    """A block of another dialect, as our own replies show it."""

    dialect: str
    kind: str
    block: Raw = NULL
    index: int | None = None


class MessageWire(msgspec.Struct, forbid_unknown_fields=_KNOWN_ONLY, gc=False):
    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | list[Part] | None = None
    name: str | None = None
    tool_calls: list[ToolCallWire] | None = None
    tool_call_id: str | None = None
    refusal: str | None = None
    audio: AudioRef | None = None
    function_call: Function | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    reasoning_details: list[dict[str, Any]] | None = None
    opaque_blocks: list[OpaqueBlockWire] | None = None
    annotations: list[Any] | None = None
    citations: list[Any] | None = None
    cache_control: CacheControl | None = None


class FunctionTool(msgspec.Struct, forbid_unknown_fields=_KNOWN_ONLY, gc=False):
    name: str
    description: str | None = None
    parameters: Raw = NULL
    strict: bool | None = None


class ToolWire(msgspec.Struct, tag="function", forbid_unknown_fields=_KNOWN_ONLY, gc=False):
    function: FunctionTool
    cache_control: CacheControl | None = None


class OpaqueTool(msgspec.Struct, tag="\0opaque", gc=False):
    kind: str
    raw: Raw


class JsonSchema(msgspec.Struct, forbid_unknown_fields=_KNOWN_ONLY, gc=False):
    name: str | None = None
    description: str | None = None
    schema: Raw = NULL
    strict: bool | None = None


class ResponseFormatWire(msgspec.Struct, forbid_unknown_fields=_KNOWN_ONLY, gc=False):
    type: Literal["text", "json_object", "json_schema"]
    json_schema: JsonSchema | None = None


class StreamOptions(msgspec.Struct, forbid_unknown_fields=_KNOWN_ONLY, gc=False):
    include_usage: bool | None = None


class Reasoning(msgspec.Struct, forbid_unknown_fields=_KNOWN_ONLY, gc=False):
    """OpenRouter's."""

    effort: str | None = None
    max_tokens: int | None = None
    enabled: bool | None = None
    exclude: bool | None = None


class RequestWire(msgspec.Struct, gc=False):
    """Members at the top that are not here go into `extra`."""

    model: str
    messages: list[MessageWire]
    tools: list[ToolWire | OpaqueTool] | None = None
    tool_choice: Raw = NULL
    parallel_tool_calls: bool | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    stop: str | list[str] | None = None
    n: int | None = None
    seed: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None
    response_format: ResponseFormatWire | None = None
    reasoning_effort: str | None = None
    reasoning: Reasoning | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    user: str | None = None
    metadata: Raw = NULL
    service_tier: str | None = None


class ClosedRequest(RequestWire, forbid_unknown_fields=_KNOWN_ONLY, gc=False):
    """A request that has no other members at the top."""
