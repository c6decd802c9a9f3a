"""The gateway's look at a request that may pass through. A stream is what callers get who do not say that they want none."""

from __future__ import annotations

import msgspec
from msgspec import Raw

from llm_gateway.dialects.base import View
from llm_gateway.dialects.invalid import Watched, check_model, read, refuse, refuse_duplicates
from llm_gateway.dialects.ollama_chat.wire import NULL, MessageWire, OptionsWire

MAX_MESSAGES = 10_000

WATCHED = Watched(b"model", b"messages", b"stream")
WATCHED_GENERATE = Watched(b"model", b"prompt", b"stream")
_STRING_OBJECT_OR_NULL = b'"{n'


class Thing(msgspec.Struct, gc=False):
    """A JSON object, whatever is in it."""


class Message(MessageWire, forbid_unknown_fields=False, gc=False):
    tool_calls: list[Thing] | None = None  # type: ignore[assignment]  # looked at less closely here


class Options(OptionsWire, forbid_unknown_fields=False, gc=False):
    """With the server's own."""


class _Seen(msgspec.Struct, gc=False):
    model: str
    stream: bool | None = None
    format: Raw = NULL
    options: Options | None = None
    think: bool | str | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None


class Body(_Seen, gc=False, kw_only=True):
    messages: list[Message]
    tools: list[Thing] | None = None


class GenerateBody(_Seen, gc=False, kw_only=True):
    prompt: str | None = None
    system: str | None = None
    suffix: str | None = None
    images: list[str] | None = None


def view(body: bytes) -> View:
    """Raises InvalidRequest (with param) or MalformedBody. No messages at all are fine: that loads a model."""
    seen = read(body, Body)
    model_at = refuse_duplicates(body, WATCHED)
    if len(seen.messages) > MAX_MESSAGES:
        raise refuse("messages", f"there may be at most {MAX_MESSAGES}")
    return _told(seen, model_at)


def view_generate(body: bytes) -> View:
    """`view` for /api/generate."""
    return _told(read(body, GenerateBody), refuse_duplicates(body, WATCHED_GENERATE))


def check_format(raw: Raw) -> None:
    """Raises InvalidRequest for a format that can be none: it is "json", a JSON Schema, or nothing."""
    if memoryview(raw)[0] not in _STRING_OBJECT_OR_NULL:
        raise refuse("format", 'it must be "json" or a JSON Schema')


def _told(seen: _Seen, model_at: int) -> View:
    check_model(seen.model)
    check_format(seen.format)
    return View(seen.model, seen.stream is not False, include_usage=True, model_at=model_at)
