"""What the Converse API answers, as structs. Requests are rendered as plain objects: their blocks are unions without a tag.

Unknown members are skipped; a block that we do not know goes on whole.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Raw

NAME = "bedrock_converse"

_Count = Annotated[int, msgspec.Meta(ge=0)]


class _Object(msgspec.Struct, gc=False, rename="camel"):
    """What all of them have in common."""


class CacheDetail(_Object, gc=False):
    ttl: str = ""
    input_tokens: _Count = 0


class UsageWire(_Object, gc=False):
    input_tokens: _Count = 0
    output_tokens: _Count = 0
    cache_read_input_tokens: _Count | None = None
    cache_write_input_tokens: _Count | None = None
    cache_details: list[CacheDetail] | None = None


class ToolUse(_Object, gc=False):
    """`type` server_tool_use: the provider runs it, not the caller."""

    tool_use_id: str = ""
    name: str = ""
    input: Raw = Raw(b"{}")
    type: str | None = None


class ReasoningText(_Object, gc=False):
    text: str = ""
    signature: str | None = None


class ReasoningContent(_Object, gc=False):
    reasoning_text: ReasoningText | None = None
    redacted_content: str | None = None


class Piece(_Object, gc=False):
    text: str = ""


class CitationsContent(_Object, gc=False):
    content: list[Piece] | None = None
    citations: list[Any] | None = None


class Block(_Object, gc=False):
    """One of these; none of them: a block of another kind."""

    text: str | None = None
    tool_use: ToolUse | None = None
    reasoning_content: ReasoningContent | None = None
    citations_content: CitationsContent | None = None


class Message(_Object, gc=False):
    content: list[Raw] | None = None


class Output(_Object, gc=False):
    message: Message | None = None


class ServiceTier(_Object, gc=False):
    type: str | None = None


class PromptRouter(_Object, gc=False):
    invoked_model_id: str = ""


class Trace(_Object, gc=False):
    prompt_router: PromptRouter | None = None


class Reply(_Object, gc=False):
    output: Output | None = None
    stop_reason: str | None = None
    usage: UsageWire | None = None
    service_tier: ServiceTier | None = None
    additional_model_response_fields: Any = None
    trace: Trace | None = None


class ReasoningDelta(_Object, gc=False):
    text: str | None = None
    signature: str | None = None
    redacted_content: str | None = None


class ToolUseDelta(_Object, gc=False):
    input: str = ""


class Delta(_Object, gc=False):
    text: str | None = None
    tool_use: ToolUseDelta | None = None
    reasoning_content: ReasoningDelta | None = None
    citation: dict[str, Any] | None = None


class BlockStart(_Object, gc=False):
    content_block_index: int = 0
    start: dict[str, Any] = {}


class BlockDelta(_Object, gc=False, kw_only=True):
    content_block_index: int = 0
    delta: Delta


class BlockStop(_Object, gc=False):
    content_block_index: int = 0


class MessageStop(_Object, gc=False):
    stop_reason: str | None = None
    additional_model_response_fields: Any = None


class Metadata(_Object, gc=False):
    usage: UsageWire | None = None
