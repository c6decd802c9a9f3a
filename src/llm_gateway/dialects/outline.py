"""A chat request in two pieces: its messages, which may be long, and its outline, which is the rest and short.

Whoever passes a request on has to know that no member that it acts on stands there twice. Searching a long conversation for
names takes longer than reading it; searching the outline takes next to nothing, and reading the two pieces takes as long as
reading the whole. The usual body is taken apart here; None tells the caller to read the whole one.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeVar

import msgspec

from llm_gateway.core.splice import has_escaped_name, top_level_duplicates

_Messages = TypeVar("_Messages")

OURS = b'"x_gateway_'
"""How members of the gateway's own begin."""

_NAMES = (b"model", b"stream")
_MODEL = b'"model"'
_MODEL_LENGTH = len(_MODEL)
_STREAM = b'"stream"'
_MESSAGES = b'"messages"'
_MESSAGES_KEY = b'"messages":'
_KEY_LENGTH = len(_MESSAGES_KEY)
_TOOLS = b'"tools"'
_TOOLS_END = b"}}]"  # messages hardly ever end like this
_ESCAPE = b"\\u00"
_LONGER = re.compile(r"trailing characters \(byte (\d+)\)")


def apart(body: bytes, read: Callable[[memoryview], _Messages]) -> tuple[_Messages, bytes, int] | None:
    """The messages of `body` as `read` gives them, the body with `[]` in their place, and View.model_at.

    Of `model`, `messages` and `stream` none stands twice at the top level. The body is a JSON object with just these
    messages if the outline is one with a list of messages: the quote after `messages` has no backslash before it, so it ends
    a string, the colon makes that a key, and what was cut out behind it is a whole value, as `read` says; and no other
    member, at any depth, has that name or could have it by another spelling.

    None: that could not be shown. `read` raises as msgspec does, and so does this.
    """
    start = body.find(_MESSAGES_KEY) + _KEY_LENGTH
    if start <= _KEY_LENGTH:
        return None
    end = body.rfind(b"]") + 1  # probably; a wrong guess costs time only
    if body[end - 3 : end] == _TOOLS_END:
        end = _before_tools(body, start, end)
    text = memoryview(body)
    try:
        messages = read(text[start:end])
    except msgspec.DecodeError as error:
        longer = _LONGER.search(str(error))  # another list stands behind the messages
        if longer is None:
            raise
        end = start + int(longer[1]) - 1  # it counts from 1
        messages = read(text[start:end])
    outline = body[:start] + b"[]" + body[end:]
    # find and count, never `in`: CPython takes what is looked for as a number first, and raises and drops a TypeError.
    if outline.count(_MESSAGES) != 1 or (outline.find(_ESCAPE) >= 0 and has_escaped_name(outline)):
        return None
    model_at = outline.find(_MODEL) + _MODEL_LENGTH
    if outline.find(_MODEL, model_at) >= 0 or outline.count(_STREAM) > 1:
        # Names of other members, of a tool's parameters say, are none of ours.
        try:
            return None if top_level_duplicates(outline, _NAMES) else (messages, outline, -1)
        except ValueError:  # the outline is no JSON: whoever reads all of it says where
            return None
    return messages, outline, model_at if model_at < start else model_at + end - start - 2


def _before_tools(body: bytes, start: int, end: int) -> int:
    """Where the messages probably end, if the list that ends at `end` is that of the tools."""
    tools = body.rfind(_TOOLS, start, end)
    return body.rfind(b"]", start, tools) + 1 if tools > 0 else end
