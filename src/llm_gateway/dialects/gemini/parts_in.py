"""Parts of contents, wire to neutral: those of requests and those of answers.

A signature becomes a Reasoning beside the part that carried it (signatures.py): before a call, so that thinking leads to it, and
behind a text, which clients read first.
"""

from __future__ import annotations

import msgspec
from msgspec import Raw

from llm_gateway.core.chat import Opaque, Part, Reasoning, Text, ToolCall
from llm_gateway.core.json import encode
from llm_gateway.dialects.gemini.media import parse_blob, parse_file
from llm_gateway.dialects.gemini.signatures import tag, unwrap
from llm_gateway.dialects.gemini.wire import NAME, NULL, CallWire, PartWire

MADE = "call_g_"
"""How ids begin that Gemini did not give: calls need one everywhere else. Gemini and its clients do without."""


class CallsIn:
    """The calls of one content, counted."""

    __slots__ = ("_made", "count")

    def __init__(self, made: str) -> None:
        """`made`: what tells the ids that are made here from those of other contents."""
        self._made = made
        self.count = 0

    def parse(self, call: CallWire, signature: str | None) -> list[Part]:
        given = bytes(call.args).decode() if call.args != NULL else "{}"
        out: list[Part] = []
        if signature:
            out.append(unwrap(signature, "") or Reasoning("", tag(f"c{self.count}", signature)))
        out.append(ToolCall(call.id or f"{MADE}{self._made}_{self.count}", call.name, given))
        self.count += 1
        return out


def parse_said(part: PartWire, calls: CallsIn) -> list[Part] | None:
    """What either side may say; None for a function's response, which only a request has."""
    signature = part.thought_signature
    if part.function_response is not None:
        return None
    if part.opaque is not None:
        return [Opaque(NAME, part.opaque.kind, part.opaque.raw)]
    if part.function_call is not None:
        return calls.parse(part.function_call, signature)
    if part.inline_data is not None or part.file_data is not None:
        if signature or part.thought:
            kind = "inlineData" if part.inline_data is not None else "fileData"
            return [Opaque(NAME, kind, Raw(encode(part)))]
        return [parse_blob(part.inline_data) if part.inline_data is not None else parse_file(part.file_data)]  # type: ignore[arg-type]
    return _text(part.text or "", signature, thought=part.thought is True)


def join_thoughts(parts: list[Part]) -> None:
    """Thinking that came in pieces, put together with another family's signature, which stands for all of it."""
    last = parts.pop()
    texts: list[str] = []
    while parts and isinstance(before := parts[-1], Reasoning) and before.signature is None and before.redacted is None:
        parts.pop()
        texts.append(before.text)
    if isinstance(last, Reasoning):
        last = msgspec.structs.replace(last, text="".join([*reversed(texts), last.text]))
    parts.append(last)


def _text(text: str, signature: str | None, *, thought: bool) -> list[Part]:
    if not signature:
        return [Reasoning(text) if thought else Text(text)]
    foreign = unwrap(signature, text if thought else "")
    if thought:
        return [foreign or Reasoning(text, tag("t", signature))]
    state = foreign or Reasoning("", tag("x" if text else "e", signature))
    return [Text(text), state] if text else [state]
