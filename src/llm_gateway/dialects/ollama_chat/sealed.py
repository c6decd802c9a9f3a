"""What other makers signed or encrypted, on its way through Ollama's clients: in the ids of calls.

This API has no place for it, but a client that knows ids of calls sends them back as they were, and the turn of a call is where
makers insist on their own state. A call's id becomes `ID.sealed.STATE`: the thoughts before it, since the call before, as
base64url of JSON. Their text is in the message's `thinking`, of which STATE tells the lengths.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable
from typing import NamedTuple

from llm_gateway.core.chat import Part, Reasoning, Text, ToolCall
from llm_gateway.core.json import MalformedJson, decode, encode

_MARK = ".sealed."
_SEALED = re.compile(r"(.*)\.sealed\.([A-Za-z0-9_-]+)", re.DOTALL)


class Thought(NamedTuple):
    """`length` characters of `thinking`, and what came with them. `late`: text of the answer, or a call, stood before it."""

    length: int
    signature: str | None
    redacted: str | None
    late: bool


class Seals:
    """The thoughts of an answer, in its order, until a call takes them along."""

    __slots__ = ("_late", "_length", "_thoughts")

    def __init__(self) -> None:
        self._thoughts: list[Thought] = []
        self._length = 0
        self._late = False

    def speak(self) -> None:
        self._late = True

    def think(self, text: str) -> None:
        self._length += len(text)

    def sign(self, signature: str) -> None:
        self._thoughts.append(Thought(self._length, signature, None, self._late))
        self._length = 0

    def redact(self, data: str) -> None:
        self._thoughts.append(Thought(self._length, None, data, self._late))
        self._length = 0

    def ident(self, ident: str) -> str:
        """The id of the call that comes now."""
        self._late = True
        if not self._thoughts:
            return ident
        state = base64.urlsafe_b64encode(encode(self._thoughts)).decode().rstrip("=")
        self._thoughts = []
        return f"{ident}{_MARK}{state}"


def seal(parts: Iterable[Part]) -> list[ToolCall]:
    """The calls of a whole answer, with such ids."""
    seals, calls = Seals(), []
    for part in parts:
        match part:
            case Reasoning(redacted=str(data)):
                seals.redact(data)
            case Reasoning():
                seals.think(part.text)
                if part.signature:
                    seals.sign(part.signature)
            case ToolCall():
                calls.append(ToolCall(seals.ident(part.id), part.name, part.arguments, custom=part.custom))
            case Text(text=text) if text:
                seals.speak()
            case _:
                pass
    return calls


def unseal(ident: str) -> tuple[str, list[Thought]]:
    """The id as the maker gave it, and the thoughts that it carries; an id of any other kind is itself."""
    found = _SEALED.fullmatch(ident) if _MARK in ident else None
    if found is None:
        return ident, []
    try:
        data = base64.b64decode(found[2] + "=" * (-len(found[2]) % 4), altchars=b"-_", validate=True)
        thoughts = decode(data, list[Thought])
    except (binascii.Error, MalformedJson, ValueError):
        return ident, []
    return (found[1], thoughts) if all(thought.length >= 0 for thought in thoughts) else (ident, [])


def open_thoughts(thoughts: list[Thought], thinking: str) -> tuple[list[list[Reasoning]], str]:
    """Each thought with its text, from the front of `thinking`, and the rest of that; none if the texts are not all there."""
    if sum(thought.length for thought in thoughts) > len(thinking):
        return [], thinking
    out: list[list[Reasoning]] = []
    for thought in thoughts:
        text, thinking = thinking[: thought.length], thinking[thought.length :]
        if thought.redacted is None:
            out.append([Reasoning(text, thought.signature)])
        else:
            out.append([*([Reasoning(text)] if text else []), Reasoning(redacted=thought.redacted)])
    return out, thinking


def holds_sealed(body: bytes) -> bool:
    """Whether a request holds such an id: it must not pass to a provider as it is."""
    return body.find(b".sealed.") >= 0
