"""What of a conversation lies in a store: the members that name it, and how an earlier response goes before a new input.

Who keeps responses (the edge, for callers; a provider, for itself) uses these; nothing here keeps anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Raw

from llm_gateway.core.json import MalformedJson, decode_lenient, encode
from llm_gateway.core.splice import remove_top_level, set_top_level
from llm_gateway.dialects.invalid import read


class State(msgspec.Struct, gc=False):
    """`store` None: the caller said nothing, which means yes."""

    previous_response_id: str | None = None
    store: bool | None = None
    background: bool | None = None
    conversation: Any = None
    prompt: Any = None


class _Input(msgspec.Struct, gc=False):
    input: str | list[Raw] | None = None


class _Output(msgspec.Struct, gc=False):
    output: list[Raw] | None = None


def state_of(body: bytes) -> State:
    """Of a request that `view` has accepted. Raises InvalidRequest."""
    return read(body, State)


def input_items(body: bytes) -> list[Raw]:
    """The items of a request's input, to be kept with the answer; a string is a message of the user."""
    given = read(body, _Input).input
    if isinstance(given, str):
        return [Raw(encode({"type": "message", "role": "user", "content": given}))]
    return given or []


def output_items(reply: bytes) -> list[Raw]:
    """The items of a response, as it was sent to the caller; none where it holds none."""
    try:
        return decode_lenient(reply, _Output).output or []
    except (MalformedJson, msgspec.ValidationError):
        return []


def joined(body: bytes, earlier: Sequence[Raw]) -> bytes:
    """`body` with the items of an earlier response (its input and its output) before its own input.

    Nothing else of it changes: instructions are not taken over, as the API has it. Raises InvalidRequest.
    """
    items = encode([*earlier, *input_items(body)])
    return set_top_level(remove_top_level(body, "previous_response_id"), "input", items)
