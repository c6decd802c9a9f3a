"""Opaque state inside of neutral reasoning, and inside of this API's reasoning items: byte-exact, and named after its family.

Two directions, two wrappings:

- A reasoning item of a provider of this API becomes Reasoning with the signature `openai_responses/ID#SHAPE#ENCRYPTED_CONTENT`
  (without the last part if there is none). Callers of any dialect carry a signature back unread, so the item is whole again
  when it returns. No other family's signature begins so; backs of other families leave such a one out (families.py). SHAPE
  says how the text was divided: `s12,c5` is a summary of 12 characters and a content of 5.
- What others made becomes a reasoning item whose encrypted_content is `~signature:...`, `~redacted:...` or `~opaque:...`:
  callers of this API send reasoning items back as they are. Providers' own contents are base64 and have no tilde.
"""

from __future__ import annotations

import re

import msgspec
from msgspec import Raw

from llm_gateway.core.chat import Opaque, Reasoning
from llm_gateway.core.json import MalformedJson, decode, encode
from llm_gateway.dialects.openai_responses.wire import NAME

_MARK = f"{NAME}/"
_BETWEEN = "\n\n"
_WRAPPED = re.compile(rb'"encrypted_content"\s*:\s*"~')
_SIGNATURE, _REDACTED, _OPAQUE = "~signature:", "~redacted:", "~opaque:"


class ReasoningItem(msgspec.Struct, gc=False):
    """What an item of type reasoning holds. `encrypted` None: the provider gave none."""

    id: str = ""
    summary: tuple[str, ...] = ()
    content: tuple[str, ...] = ()
    encrypted: str | None = None


class _Block(msgspec.Struct, gc=False):
    dialect: str
    kind: str
    block: Raw


def holds_foreign(body: bytes) -> bool:
    """Whether a request holds what `wrap` made: it must not pass to a provider as it is. Parsed and rendered it may, since what
    is not the provider's is left out, and named.
    """
    return _WRAPPED.search(body) is not None


def seal(item: ReasoningItem) -> Reasoning:
    """A provider's item as neutral reasoning."""
    texts = (*item.summary, *item.content)
    shape = ""
    if item.content or len(item.summary) > 1 or item.summary == ("",):
        shape = ",".join([*(f"s{len(text)}" for text in item.summary), *(f"c{len(text)}" for text in item.content)])
    ident = item.id.replace("%", "%25").replace("#", "%23")
    tail = "" if item.encrypted is None else f"#{item.encrypted}"
    return Reasoning(_BETWEEN.join(texts), f"{_MARK}{ident}#{shape}{tail}")


def unseal(part: Reasoning) -> ReasoningItem | None:
    """The item that `part` was made from; None if it was made by another family."""
    if part.signature is None or not part.signature.startswith(_MARK):
        return None
    ident, _, rest = part.signature[len(_MARK) :].partition("#")
    shape, some, encrypted = rest.partition("#")
    summary, content = _divided(part.text, shape)
    ident = ident.replace("%23", "#").replace("%25", "%")
    return ReasoningItem(ident, summary, content, encrypted if some else None)


def without_reference(part: Reasoning) -> Reasoning:
    """`part` without a signature that only names an item in some provider's store."""
    item = unseal(part)
    return part if item is None or item.encrypted is not None else Reasoning(part.text)


def wrap(part: Reasoning | Opaque) -> str | None:
    """encrypted_content for what another family made; None where text is all there is."""
    if isinstance(part, Opaque):
        return _OPAQUE + encode(_Block(part.dialect, part.kind, part.raw)).decode()
    if part.redacted is not None:
        return _REDACTED + part.redacted
    return None if part.signature is None else _SIGNATURE + part.signature


def unwrap(item: ReasoningItem) -> Reasoning | Opaque:
    """The part that an item of a caller stands for."""
    held = item.encrypted or ""
    text = _BETWEEN.join((*item.summary, *item.content))
    if held.startswith(_SIGNATURE):
        return Reasoning(text, held.removeprefix(_SIGNATURE))
    if held.startswith(_REDACTED):
        return Reasoning(redacted=held.removeprefix(_REDACTED))
    if held.startswith(_OPAQUE):
        try:
            block = decode(held.removeprefix(_OPAQUE).encode(), _Block)
        except (MalformedJson, msgspec.ValidationError):
            return seal(item)
        return Opaque(block.dialect, block.kind, block.block)
    return seal(item)


def _divided(text: str, shape: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Summary and content. A shape that does not measure `text` (the caller changed it) is none."""
    whole: tuple[str, ...] = (text,) if text else ()
    pieces: dict[str, list[str]] = {"s": [], "c": []}
    at = 0
    for step in shape.split(",") if shape else ():
        kind, length = step[:1], step[1:]
        if kind not in pieces or not length.isdecimal() or len(length) > 9:
            return whole, ()
        pieces[kind].append(text[at : at + int(length)])
        at += int(length) + len(_BETWEEN)
    if not shape or at - len(_BETWEEN) != len(text):
        return whole, ()
    return tuple(pieces["s"]), tuple(pieces["c"])
