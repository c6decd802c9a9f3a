"""Opaque state that must come back byte for byte, where the dialects have different places for it.

Gemini signs any part of an answer: a thought, a text, a function call. Everyone else signs thinking only. So in neutral form a
signature of Gemini's is that of a Reasoning, tagged with its family and with what it signs:

    gemini/t:SIG    the thought that carries it
    gemini/c0:SIG   the first call of its message (c1: the second one ...)
    gemini/x:SIG    the text before it
    gemini/e:SIG    an empty text of its own, as streams end

An Anthropic client sees thinking with that signature and sends it back, an OpenAI client an entry of reasoning_details; tool
call ids stay what they are, and no provider is shown anything that is not its own. The tag is as long as this table says; the
rest is the provider's, within the bounds of an event.

The other way round a Gemini client has one place, thoughtSignature, in base64, which SDKs decode and encode again: signatures and
redacted thinking of other families stand there inside of an envelope that is base64 itself.
"""

from __future__ import annotations

import binascii
import re
from base64 import b64encode, urlsafe_b64decode
from typing import NamedTuple

from llm_gateway.core.chat import Reasoning

_TAG = re.compile(r"gemini/([txe]|c\d{1,4}):(.+)", re.DOTALL)
_ENVELOPE = b"llm-gateway:"  # 12 bytes, so that its base64 is a prefix of the whole's
_PREFIX = b64encode(_ENVELOPE).decode()
_WRAPPED = _PREFIX.encode()
_SIGNED, _REDACTED = b"s:", b"r:"

UNCHECKED = "skip_thought_signature_validator"
"""What Google tells to send with calls that Gemini did not make, to models that demand a signature
(https://ai.google.dev/gemini-api/docs/thought-signatures, FAQ).
"""


def holds_wrapped(body: bytes) -> bool:
    """Whether a request holds state of another family: Gemini itself must not be shown it."""
    return body.find(_WRAPPED) >= 0


class Signed(NamedTuple):
    place: str
    """t, x, e, or c and a number."""
    signature: str


def tag(place: str, signature: str) -> str:
    return f"gemini/{place}:{signature}"


def untag(signature: str | None) -> Signed | None:
    """None for a signature of another family."""
    found = _TAG.fullmatch(signature) if signature else None
    return Signed(found[1], found[2]) if found else None


def wrap(thought: Reasoning) -> str | None:
    """The thoughtSignature that brings another family's state back; None where there is none."""
    if thought.redacted is not None:
        return b64encode(_ENVELOPE + _REDACTED + thought.redacted.encode()).decode()
    if thought.signature:
        return b64encode(_ENVELOPE + _SIGNED + thought.signature.encode()).decode()
    return None


def unwrap(signature: str, text: str) -> Reasoning | None:
    """What `wrap` put there, with the thought's `text`; None for a signature of Gemini's own."""
    if not signature.startswith(_PREFIX):
        return None
    try:
        state = urlsafe_b64decode(signature.replace("+", "-").replace("/", "_") + "=" * (-len(signature) % 4))
        kind, told = state[len(_ENVELOPE) :][:2], state[len(_ENVELOPE) + 2 :].decode()
    except (binascii.Error, ValueError):
        return None
    if kind == _SIGNED:
        return Reasoning(text, told)
    return Reasoning(redacted=told) if kind == _REDACTED else None
