"""The gateway's look at a request that may pass through: what policy acts on, and the types of what it relies on.

Refused is only what is certainly wrong; what a provider may well accept is its own business.
"""

from __future__ import annotations

from collections.abc import Container
from typing import Any, Protocol

import msgspec

from llm_gateway.core.end_user import named
from llm_gateway.dialects.base import View
from llm_gateway.dialects.invalid import Watched, check_model, read, refuse, refuse_duplicates
from llm_gateway.dialects.openai_responses.wire import ROLES

_MESSAGE = (None, "message")

MAX_ITEMS = 10_000

WATCHED = Watched(b"model", b"input", b"stream", b"previous_response_id", b"store")
"""Members that we act on: a second one of that name is refused."""

INSTEAD = ("previous_response_id", "conversation", "prompt")
"""What may hold a conversation where `input` is not said."""


class Thing(msgspec.Struct, gc=False):
    """A JSON object, whatever is in it."""


class Part(msgspec.Struct, gc=False):
    type: str = ""


class Item(msgspec.Struct, gc=False):
    """An item of any kind. Messages alone need not say theirs."""

    type: str | None = None
    role: str | None = None
    content: str | list[Part] | None = None


class Body(msgspec.Struct, gc=False):
    model: str
    input: str | list[Item] | None = None
    stream: bool | None = None
    instructions: str | None = None
    tools: list[Part] | None = None
    tool_choice: str | Thing | None = None
    text: Thing | None = None
    reasoning: Thing | None = None
    temperature: float | None = None
    top_p: float | None = None
    max_output_tokens: int | None = None
    top_logprobs: int | None = None
    parallel_tool_calls: bool | None = None
    metadata: Thing | None = None
    store: bool | None = None
    background: bool | None = None
    previous_response_id: str | None = None
    conversation: str | Thing | None = None
    prompt: Thing | None = None
    user: Any = None
    safety_identifier: Any = None


class Limits(Protocol):
    """The members with a range, of whatever struct holds them."""

    @property
    def model(self) -> str: ...
    @property
    def temperature(self) -> float | None: ...
    @property
    def top_p(self) -> float | None: ...
    @property
    def max_output_tokens(self) -> int | None: ...
    @property
    def top_logprobs(self) -> int | None: ...


_decode = msgspec.json.Decoder(Body).decode


def view(body: bytes) -> View:
    """Raises InvalidRequest (with param) or MalformedBody."""
    try:
        if not body.isascii():
            body.decode()  # msgspec does not look at the UTF-8 of what it skips, and we pass those bytes on
        seen = _decode(body)
    except (msgspec.MsgspecError, RecursionError, UnicodeError):
        seen = read(body, Body)  # which has the words for it
    model_at = refuse_duplicates(body, WATCHED)
    check_limits(seen)
    if isinstance(seen.input, list):
        _check_items(seen.input)
    elif seen.input is None:
        wants_input({name for name in INSTEAD if getattr(seen, name) is not None})
    user = named(seen.safety_identifier, seen.user)
    return View(seen.model, seen.stream is True, model_at=model_at, user=user, most_output=seen.max_output_tokens or 0)


def check_limits(seen: Limits) -> None:
    """The ranges of requirements 1.2, as far as every provider has them. Raises InvalidRequest."""
    check_model(seen.model)
    if seen.max_output_tokens is not None and seen.max_output_tokens < 1:
        raise refuse("max_output_tokens", "it must be 1 or more", "invalid_max_tokens")
    if seen.temperature is not None and not 0 <= seen.temperature <= 2:
        raise refuse("temperature", "it must be 0 to 2")
    if seen.top_p is not None and not 0 <= seen.top_p <= 1:
        raise refuse("top_p", "it must be 0 to 1")
    if seen.top_logprobs is not None and seen.top_logprobs < 0:
        raise refuse("top_logprobs", "it must be 0 or more")


def wants_input(others: Container[str]) -> None:
    """Raises InvalidRequest unless one of `others` holds the conversation that `input` does not."""
    if not any(name in others for name in INSTEAD):
        raise refuse("input", "it is required", "missing_field")


def _check_items(items: list[Item]) -> None:
    if len(items) > MAX_ITEMS:
        raise refuse("input", f"there may be at most {MAX_ITEMS} items")
    for index, item in enumerate(items):
        if item.role == "tool":  # Chat's: the one mistake that is made
            raise refuse(f"input[{index}].role", "what a tool returned is an item of type function_call_output here")
        if item.type in _MESSAGE and item.role not in ROLES and (item.role is not None or item.content is not None):
            raise refuse(f"input[{index}].role", "it must be user, assistant, system or developer")
