"""The gateway's look at a request that may pass through: what policy acts on, and the types of what it relies on.

Contents are left undecoded. Refused is only what is certainly wrong; what a provider may well accept is its own business.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, Raw, UnsetType

from llm_gateway.core.end_user import named
from llm_gateway.core.json import decode
from llm_gateway.dialects.base import View
from llm_gateway.dialects.invalid import Watched, check_model, invalid, read, refuse, refuse_duplicates
from llm_gateway.dialects.outline import OURS, apart

MAX_MESSAGES = 10_000
MAX_CHOICES = 128

WATCHED = Watched(b"model", b"messages", b"stream")
"""Members that we act on: a second one of that name is refused."""

_NULL = Raw(b"null")
_NOTHING = Raw(b"")
_STRING_OR_NULL = b'"n'
_LIST = ord("[")
_AFTER_STRINGS = b"#"
"""Of all JSON values only strings sort before it, by their quote."""


class Thing(msgspec.Struct, gc=False):
    """A JSON object, whatever is in it."""


class Part(msgspec.Struct, gc=False):
    type: str = ""


class Message(msgspec.Struct, gc=False):
    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: Raw = _NULL
    tool_calls: list[Thing] | None = None
    reasoning_details: Raw = _NOTHING
    """Where signatures of other families are carried (reasoning.py)."""


class StreamOptions(msgspec.Struct, gc=False):
    include_usage: bool | None = None


class Sampling(msgspec.Struct, gc=False):
    """The members that chat and text completions share."""

    model: str
    stream: bool | None = None
    stream_options: StreamOptions | UnsetType | None = UNSET
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    n: int | None = None
    stop: str | list[str] | None = None
    seed: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    logit_bias: Thing | None = None
    user: str | None = None
    safety_identifier: Any = None


class Body(Sampling, gc=False, kw_only=True):
    messages: list[Message]
    max_completion_tokens: int | None = None
    tools: list[Thing] | None = None
    tool_choice: str | Thing | None = None
    response_format: Thing | None = None
    reasoning_effort: str | None = None
    parallel_tool_calls: bool | None = None
    metadata: Thing | None = None


_Positive = Annotated[int, Meta(ge=1)] | None
_Stop = Annotated[str, Meta(min_length=1)]


class UsualBody(Body, gc=False, kw_only=True):
    """A Body in the ranges of check_sampling, which says what is wrong with one that is not."""

    model: Annotated[str, Meta(min_length=1, max_length=256)]
    max_tokens: _Positive = None
    max_completion_tokens: _Positive = None
    n: Annotated[int, Meta(ge=1, le=MAX_CHOICES)] | None = None
    temperature: Annotated[float, Meta(ge=0, le=2)] | None = None
    top_p: Annotated[float, Meta(ge=0, le=1)] | None = None
    stop: _Stop | list[_Stop] | None = None


_decode_outline = msgspec.json.Decoder(UsualBody).decode
_decode_messages = msgspec.json.Decoder(Annotated[list[Message], Meta(min_length=1, max_length=MAX_MESSAGES)]).decode
_decode_parts = msgspec.json.Decoder(list[Part] | None).decode


def view(body: bytes) -> View:
    """Raises InvalidRequest (with param) or MalformedBody."""
    try:
        if not body.isascii():
            body.decode()  # msgspec does not look at the UTF-8 of what it skips, and we pass those bytes on
        pieces = apart(body, _decode_messages)
        if pieces is not None:
            messages, outline, model_at = pieces
            seen = _decode_outline(outline)
            bound = bytearray(_AFTER_STRINGS)  # compares itself with any buffer, twice as fast as a first byte is looked at
            plain = True
            for message in messages:
                if not bound > message.content:
                    _decode_parts(message.content)
                    plain = False
                elif message.reasoning_details:
                    plain = False
            if seen.model.isprintable():
                most = seen.max_completion_tokens or seen.max_tokens or 0
                return summary(seen, most, model_at, plain, outline.find(OURS) >= 0)
    except (msgspec.MsgspecError, RecursionError, UnicodeError):
        pass  # below are the words for it
    return _view_closely(body)


def _view_closely(body: bytes) -> View:
    """What is unusual: one check after the other, each with words for what is wrong."""
    seen = read(body, Body)
    model_at = refuse_duplicates(body, WATCHED)
    check_sampling(seen)
    if seen.max_completion_tokens is not None and seen.max_completion_tokens < 1:
        raise refuse("max_completion_tokens", "it must be 1 or more")
    messages = seen.messages
    if not messages:
        raise refuse("messages", "there must be at least one", "empty_messages")
    if len(messages) > MAX_MESSAGES:
        raise refuse("messages", f"there may be at most {MAX_MESSAGES}")
    for message in messages:
        if memoryview(message.content)[0] not in _STRING_OR_NULL:
            _check_content(messages, message)
    return summary(seen, seen.max_completion_tokens or seen.max_tokens or 0, model_at)


def check_sampling(seen: Sampling) -> None:
    """The ranges of requirements 1.2, as far as every provider has them. Raises InvalidRequest."""
    check_model(seen.model)
    if seen.max_tokens is not None and seen.max_tokens < 1:
        raise refuse("max_tokens", "it must be 1 or more")
    if seen.n is not None and not 1 <= seen.n <= MAX_CHOICES:
        raise refuse("n", f"it must be 1 to {MAX_CHOICES}")
    if seen.temperature is not None and not 0 <= seen.temperature <= 2:
        raise refuse("temperature", "it must be 0 to 2")
    if seen.top_p is not None and not 0 <= seen.top_p <= 1:
        raise refuse("top_p", "it must be 0 to 1")
    if seen.stop == "" or (isinstance(seen.stop, list) and "" in seen.stop):
        raise refuse("stop", "a stop sequence must not be empty", "empty_stop_sequence")


def summary(seen: Sampling, most: int, model_at: int = -1, plain: bool = False, ours: bool = True) -> View:
    """What policy is told. `most`: tokens that an answer may have at most."""
    options = seen.stream_options
    user = seen.user or "" if seen.safety_identifier is None else named(seen.safety_identifier, seen.user)
    return View(
        seen.model,
        seen.stream is True,
        isinstance(options, StreamOptions) and options.include_usage is True,
        model_at,
        user,
        most,
        seen.n or 1,
        options is not UNSET,
        plain,
        ours,
    )


def _check_content(messages: list[Message], message: Message) -> None:
    index = next(place for place, other in enumerate(messages) if other is message)
    path = f"messages[{index}].content"
    if memoryview(message.content)[0] != _LIST:
        raise refuse(path, "Expected str, array or null")
    try:
        decode(bytes(message.content), list[Part])
    except msgspec.ValidationError as error:
        raise invalid(error, path) from None
