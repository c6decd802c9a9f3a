"""What a chunk of a stream says about the stream itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import msgspec
from msgspec import Raw

from llm_gateway.core.errors import UpstreamMalformed
from llm_gateway.core.json import MalformedJson, decode_lenient
from llm_gateway.core.usage import Usage
from llm_gateway.dialects.base import ProviderFault
from llm_gateway.dialects.openai_chat.errors import fault_of
from llm_gateway.dialects.openai_chat.usage import read_usage
from llm_gateway.http.framing.sse import SseEvent

_NULL = Raw(b"null")


class Delta(msgspec.Struct, gc=False):
    """Anything that counts as content, whatever its type."""

    content: Any = None
    reasoning: Any = None
    reasoning_content: Any = None
    reasoning_details: Any = None
    tool_calls: Any = None
    function_call: Any = None
    refusal: Any = None
    audio: Any = None


class AnyChoice(msgspec.Struct, gc=False):
    index: int | None = None
    finish_reason: str | None = None


class Choice(AnyChoice, gc=False):
    delta: Delta | None = None
    message: Delta | None = None
    text: str | None = None


class Groq(msgspec.Struct, gc=False):
    usage: Raw = _NULL


class AnyChunk(msgspec.Struct, gc=False):
    usage: Raw = _NULL
    error: Any = None
    x_groq: Groq | None = None


class Chunk(AnyChunk, gc=False):
    choices: list[Choice] | None = None


_Shape = TypeVar("_Shape", bound=AnyChunk)


def read_chunk(event: SseEvent, shape: type[_Shape]) -> _Shape | None:
    """None for an event of a kind that is not ours, which a client would skip too. Raises UpstreamMalformed."""
    try:
        return decode_lenient(event.data, shape)
    except (MalformedJson, msgspec.ValidationError):
        if event.event:
            return None
        raise UpstreamMalformed("The provider's stream holds something that is not a chunk of an answer") from None


def is_null(raw: Raw) -> bool:
    """Or not there."""
    return bytes(raw) == b"null"


def usage_in(chunk: AnyChunk) -> Usage | None:
    return read_usage(chunk.usage) or (read_usage(chunk.x_groq.usage) if chunk.x_groq else None)


def fault_in(event: SseEvent, chunk: AnyChunk | None, choices: Sequence[AnyChoice] | None) -> ProviderFault | None:
    """The error that the event is, if it is one: a member `error`, an event named so, or a document like vLLM's."""
    named = event.event == b"error"
    if not named and chunk is not None and not chunk.error and (choices or b'"error"' not in event.data):
        return None
    try:
        document = decode_lenient(event.data, Any)
    except (MalformedJson, msgspec.ValidationError):
        return ProviderFault(event.data.decode(errors="replace")[:1000]) if named else None
    if named or (isinstance(document, dict) and (document.get("error") or _calls_itself_error(document))):
        return fault_of(document)
    return None


def has_content(choice: Choice) -> bool:
    """More than a role: something of an answer."""
    delta = choice.delta or choice.message
    if delta is None:
        return bool(choice.text)
    return bool(
        delta.content
        or delta.reasoning_content
        or delta.reasoning
        or delta.tool_calls
        or delta.refusal
        or delta.reasoning_details
        or delta.function_call
        or delta.audio
        or choice.text
    )


def _calls_itself_error(document: dict[str, Any]) -> bool:
    return document.get("object") == "error" or document.get("type") == "error"
