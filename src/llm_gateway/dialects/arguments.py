"""The arguments of a call, which are text as the model wrote it, as the JSON object that many dialects want."""

from __future__ import annotations

import msgspec
from msgspec import Raw

from llm_gateway.core.chat import ToolCall
from llm_gateway.core.json import encode

UNREAD = "_raw"
"""The one member of a call's input when its arguments are no JSON object: the text as the model wrote it."""

_decode_members = msgspec.json.Decoder(dict[str, Raw]).decode


def members_of(data: bytes) -> dict[str, Raw] | None:
    """The members of the JSON object `data`; None if it is none."""
    try:
        if not data.isascii():
            data.decode()  # msgspec does not look at the UTF-8 of what it skips
        return _decode_members(data)
    except (msgspec.MsgspecError, RecursionError, UnicodeError):
        return None


def input_of(call: ToolCall) -> Raw | None:
    """A call's arguments as the object that an API demands; none at all, or null, is an empty one. None: they are no object.

    On one line: models like to write arguments on several, which would end a line of NDJSON, or of an event, in its middle.
    """
    text = call.arguments.strip()
    if not text or text == "null":
        return Raw(b"{}")
    if call.custom:
        return None
    data = text.encode()
    if members_of(data) is None:
        return None
    return Raw(msgspec.json.format(data, indent=-1) if b"\n" in data or b"\r" in data else data)


def arguments_of(given: Raw) -> str:
    """What an API gives as an object, as text; nothing is an empty one."""
    data = bytes(given)
    return "{}" if data == b"null" else data.decode()


def unread(arguments: str) -> Raw:
    """The input of a call whose arguments are no JSON object."""
    return Raw(encode({UNREAD: arguments}))
