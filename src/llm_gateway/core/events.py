"""An answer as it arrives: the tagged union every streaming dialect reads into and writes from.

Order within a choice is the order of arrival. A reader gives Start first, Finish once per choice, Done when the provider's own
terminal marker was seen (or is implied). Failure may come at any time and ends the stream.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Raw

from llm_gateway.core.chat import Finish as FinishReason
from llm_gateway.core.usage import Usage


class Start(msgspec.Struct, frozen=True, gc=False):
    id: str
    model: str
    created: int | None = None
    service_tier: str | None = None
    fingerprint: str | None = None


class TextDelta(msgspec.Struct, frozen=True, gc=False):
    text: str
    choice: int = 0
    logprobs: Raw | None = None


class ReasoningDelta(msgspec.Struct, frozen=True, gc=False):
    text: str
    choice: int = 0


class ReasoningSignature(msgspec.Struct, frozen=True, gc=False):
    """Closes the reasoning block that is open."""

    signature: str
    choice: int = 0


class RedactedReasoning(msgspec.Struct, frozen=True, gc=False):
    """A whole block."""

    data: str
    choice: int = 0


class RefusalDelta(msgspec.Struct, frozen=True, gc=False):
    text: str
    choice: int = 0


class CitationDelta(msgspec.Struct, frozen=True):
    """A source for the text that is open, in the provider's shape."""

    citation: Any
    choice: int = 0


class ToolCallStart(msgspec.Struct, frozen=True, gc=False):
    """`index` counts the tool calls of a choice from 0. Arguments follow in ToolCallDelta; there may be none."""

    index: int
    id: str
    name: str
    choice: int = 0
    custom: bool = False


class ToolCallDelta(msgspec.Struct, frozen=True, gc=False):
    index: int
    arguments: str
    choice: int = 0


class AudioDelta(msgspec.Struct, frozen=True, gc=False):
    """A piece of a spoken answer: base64 data, its transcript, or both."""

    data: str = ""
    transcript: str = ""
    id: str | None = None
    expires_at: int | None = None
    choice: int = 0


class OpaqueBlock(msgspec.Struct, frozen=True):
    """A block only one dialect has, whole."""

    dialect: str
    kind: str
    raw: Raw
    choice: int = 0


class UsageUpdate(msgspec.Struct, frozen=True, gc=False):
    """Cumulative: the last one holds."""

    usage: Usage


class Finish(msgspec.Struct, frozen=True, gc=False):
    reason: FinishReason
    choice: int = 0
    stop_sequence: str | None = None


class Failure(msgspec.Struct, frozen=True, gc=False):
    """An error inside a stream that began well: the provider's type, code and message."""

    message: str
    type: str | None = None
    code: str | None = None
    status: int | None = None


class Done(msgspec.Struct, frozen=True, gc=False):
    """The provider's terminal marker."""


Event = (
    Start
    | TextDelta
    | ReasoningDelta
    | ReasoningSignature
    | RedactedReasoning
    | RefusalDelta
    | CitationDelta
    | ToolCallStart
    | ToolCallDelta
    | AudioDelta
    | OpaqueBlock
    | UsageUpdate
    | Finish
    | Failure
    | Done
)
