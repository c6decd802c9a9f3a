"""The Messages API as structs: one for each JSON object that we know (https://docs.anthropic.com/en/api/messages).

A request that holds anything else does not fit, and goes through tidy.py first, which marks blocks of unknown type as
OpaqueBlock. Replies and streams are read leniently: what is unknown there is skipped or carried whole.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec
from msgspec import Raw

NAME = "anthropic_messages"

ABSENT = Raw(b"null")
OPAQUE = "~opaque"
"""A type, and a member, that tidy.py puts in. A caller who sends it himself gets through what it holds, no more."""


class CacheControl(msgspec.Struct, frozen=True, tag="ephemeral", forbid_unknown_fields=True, omit_defaults=True):
    ttl: str | None = None


class _Block(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What all structs of a request have in common."""


class Base64Source(_Block, frozen=True, tag="base64"):
    media_type: str
    data: str


class UrlSource(_Block, frozen=True, tag="url"):
    url: str


class FileSource(_Block, frozen=True, tag="file"):
    file_id: str


class TextSource(_Block, frozen=True, tag="text"):
    data: str
    media_type: str


class ContentSource(_Block, frozen=True, tag="content"):
    content: Raw


class CitationsConfig(_Block, frozen=True):
    enabled: bool | None = None


class TextBlock(_Block, frozen=True, tag="text"):
    text: str
    cache_control: CacheControl | None = None
    citations: list[Any] | None = None


class ImageBlock(_Block, frozen=True, tag="image"):
    source: Base64Source | UrlSource | FileSource
    cache_control: CacheControl | None = None


class DocumentBlock(_Block, frozen=True, tag="document"):
    source: Base64Source | UrlSource | FileSource | TextSource | ContentSource
    title: str | None = None
    context: str | None = None
    citations: CitationsConfig | None = None
    cache_control: CacheControl | None = None


class ToolUseBlock(_Block, frozen=True, tag="tool_use"):
    """`caller` says who asked for the call: the model itself ("direct"), or code that it runs at Anthropic."""

    id: str
    name: str
    input: Raw
    cache_control: CacheControl | None = None
    caller: Any = None


class ThinkingBlock(_Block, frozen=True, tag="thinking"):
    thinking: str
    signature: str


class RedactedBlock(_Block, frozen=True, tag="redacted_thinking"):
    data: str


class OpaqueBlock(_Block, frozen=True, tag=OPAQUE):
    kind: str
    raw: Raw


class ToolResultBlock(_Block, frozen=True, tag="tool_result"):
    tool_use_id: str
    content: str | list[TextBlock | ImageBlock | DocumentBlock | OpaqueBlock] | None = None
    is_error: bool | None = None
    cache_control: CacheControl | None = None


Block = TextBlock | ImageBlock | DocumentBlock | ToolUseBlock | ToolResultBlock | ThinkingBlock | RedactedBlock | OpaqueBlock


class MessageWire(_Block, frozen=True):
    role: Literal["user", "assistant", "system"]
    content: str | list[Block] | None = None


class ToolWire(_Block, frozen=True, rename={"opaque": OPAQUE}):
    """A client tool. `opaque`: the whole of a tool of another type."""

    name: str
    input_schema: Raw = ABSENT
    description: str | None = None
    strict: bool | None = None
    cache_control: CacheControl | None = None
    type: Literal["custom"] | None = None
    opaque: Raw = ABSENT


class ToolChoiceWire(_Block, frozen=True):
    type: Literal["auto", "any", "none", "tool"]
    name: str | None = None
    disable_parallel_tool_use: bool | None = None


class ThinkingWire(_Block, frozen=True):
    type: Literal["enabled", "adaptive", "disabled"]
    budget_tokens: int | None = None
    display: str | None = None


class FormatWire(_Block, frozen=True):
    type: Literal["json_schema"]
    schema: Raw


class OutputConfig(_Block, frozen=True):
    effort: str | None = None
    format: FormatWire | None = None


class Metadata(_Block, frozen=True):
    user_id: str | None = None


class RequestWire(_Block, frozen=True):
    """`output_format` is the beta's place for output_config.format."""

    model: str
    messages: list[MessageWire]
    max_tokens: int | None = None
    system: str | list[TextBlock | OpaqueBlock] | None = None
    tools: list[ToolWire] | None = None
    tool_choice: ToolChoiceWire | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    stop_sequences: list[str] | None = None
    thinking: ThinkingWire | None = None
    output_config: OutputConfig | None = None
    output_format: FormatWire | None = None
    metadata: Metadata | None = None
    service_tier: str | None = None
    stream: bool | None = None
