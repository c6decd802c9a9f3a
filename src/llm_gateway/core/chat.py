"""A conversation in no provider's shape: what every chat dialect parses into and renders from.

The types hold what we act on or translate. Whatever a dialect meets beyond them goes into `extra`, by its own name, and is
carried only to the same dialect; a renderer names everything that it had to leave out.

Nothing here can hold itself: the values are frozen and come from JSON, so the collector need not look at them (gc=False).
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec
from msgspec import Raw

from llm_gateway.core.usage import Usage


class CacheMark(msgspec.Struct, frozen=True, gc=False):
    """A prompt-cache breakpoint after the part that carries it (Anthropic's cache_control)."""

    ttl: str | None = None


class Text(msgspec.Struct, frozen=True, tag="text", gc=False):
    text: str
    cache: CacheMark | None = None
    citations: tuple[Any, ...] = ()
    """Sources the provider gave for this text, in the provider's own shape."""


class Image(msgspec.Struct, frozen=True, tag="image", gc=False):
    """Exactly one of url, data (base64) and file_id is set."""

    url: str | None = None
    data: str | None = None
    file_id: str | None = None
    media_type: str | None = None
    detail: str | None = None
    cache: CacheMark | None = None


class Document(msgspec.Struct, frozen=True, tag="document", gc=False):
    """A PDF, a text file and the like. Exactly one of url, data (base64), text and file_id is set."""

    url: str | None = None
    data: str | None = None
    text: str | None = None
    file_id: str | None = None
    media_type: str | None = None
    name: str | None = None
    context: str | None = None
    citations: bool = False
    cache: CacheMark | None = None


class Audio(msgspec.Struct, frozen=True, tag="audio", gc=False):
    """Speech in: base64 data and its format (wav, mp3). Speech out: an id and a transcript too."""

    data: str = ""
    format: str = "wav"
    id: str | None = None
    transcript: str | None = None
    expires_at: int | None = None


class ToolCall(msgspec.Struct, frozen=True, tag="tool_call", gc=False):
    """A call the model wants made. `arguments` is JSON text exactly as the model wrote it."""

    id: str
    name: str
    arguments: str
    cache: CacheMark | None = None
    custom: bool = False
    """OpenAI's custom tools: `arguments` is free text, not JSON."""


class ToolResult(msgspec.Struct, frozen=True, tag="tool_result", gc=False):
    """What a call returned. Parts are Text, Image or Document."""

    id: str
    parts: tuple[Part, ...] = ()
    error: bool = False
    cache: CacheMark | None = None


class Reasoning(msgspec.Struct, frozen=True, tag="reasoning", gc=False):
    """The model's thinking. `signature` and `redacted` are opaque, byte-exact and only good for the family that made them."""

    text: str = ""
    signature: str | None = None
    redacted: str | None = None


class Refusal(msgspec.Struct, frozen=True, tag="refusal", gc=False):
    text: str


class Opaque(msgspec.Struct, frozen=True, tag="opaque", gc=False):
    """A block of one dialect that no other one has (server tool calls and their results, containers ...)."""

    dialect: str
    kind: str
    raw: Raw


Part = Text | Image | Document | Audio | ToolCall | ToolResult | Reasoning | Refusal | Opaque
Role = Literal["system", "developer", "user", "assistant", "tool"]


class Message(msgspec.Struct, frozen=True, gc=False):
    """`tool` messages hold ToolResult parts only; results of one turn may stand in one message or in several."""

    role: Role
    parts: tuple[Part, ...]
    name: str | None = None


class Tool(msgspec.Struct, frozen=True, gc=False):
    """A function the model may call. `schema` is JSON Schema, untouched. `raw` is set for tools only one dialect has."""

    name: str
    description: str | None = None
    schema: Raw | None = None
    strict: bool | None = None
    cache: CacheMark | None = None
    dialect: str | None = None
    raw: Raw | None = None


class ToolChoice(msgspec.Struct, frozen=True, gc=False):
    """auto: the model decides; required: some tool; none: no tool; named: the tool `name`."""

    mode: Literal["auto", "required", "none", "named"]
    name: str | None = None
    allowed: tuple[str, ...] = ()
    """Only these tools may be called; empty: any. Where a dialect cannot say that, the others are not sent."""


class ResponseFormat(msgspec.Struct, frozen=True, gc=False):
    """json: any JSON object; schema: JSON that fits `schema`."""

    kind: Literal["text", "json", "schema"]
    name: str | None = None
    description: str | None = None
    schema: Raw | None = None
    strict: bool | None = None


class ReasoningRequest(msgspec.Struct, frozen=True, gc=False):
    """How much thinking is wanted. None: the dialect did not say; enabled False: none at all.

    `effort` is minimal, low, medium, high and so on; `budget` is in tokens; `adaptive` leaves the amount to the model;
    `display` says whether the thinking text comes back.
    """

    enabled: bool | None = None
    effort: str | None = None
    budget: int | None = None
    adaptive: bool = False
    display: str | None = None


class ChatRequest(msgspec.Struct, frozen=True, gc=False):
    """A chat request in neutral form. None means that the caller said nothing: the provider's default holds."""

    model: str
    messages: tuple[Message, ...]
    tools: tuple[Tool, ...] = ()
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    stop: tuple[str, ...] = ()
    n: int | None = None
    seed: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None
    response_format: ResponseFormat | None = None
    reasoning: ReasoningRequest | None = None
    stream: bool = False
    include_usage: bool = False
    """OpenAI's stream_options.include_usage: whether the caller wants a usage chunk."""
    user: str | None = None
    metadata: Raw | None = None
    service_tier: str | None = None
    extra: dict[str, Raw] = {}
    """Members without a place above, as the caller's dialect has them: by their own name, or by their JSON path when they are
    nested (`messages[2].prefix`).
    """
    dialect: str = ""
    """The dialect whose names `extra` uses: only its own renderer carries them, every other one lists them as dropped."""
    places: tuple[tuple[str, ...], ...] = ()
    """For each message the JSON path of each of its parts in the caller's document, where that is not messages[i].content[j]."""


Finish = Literal["stop", "length", "tool_calls", "content_filter", "refusal", "pause", "context_window", "error"]
"""Why an answer ended. refusal, pause and context_window are Anthropic's; renderers map them to what they have."""


class Choice(msgspec.Struct, frozen=True, gc=False):
    index: int
    parts: tuple[Part, ...]
    finish: Finish | None = None
    stop_sequence: str | None = None
    logprobs: Raw | None = None


class ChatReply(msgspec.Struct, frozen=True, gc=False):
    """A whole answer in neutral form."""

    id: str
    model: str
    choices: tuple[Choice, ...]
    usage: Usage | None = None
    created: int | None = None
    service_tier: str | None = None
    fingerprint: str | None = None
