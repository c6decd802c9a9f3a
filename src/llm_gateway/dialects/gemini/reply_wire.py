"""An answer, or a piece of one: both are a GenerateContentResponse (https://ai.google.dev/api/generate-content).

Read leniently: what is unknown is skipped, or carried whole where it is content.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Raw

from llm_gateway.core.errors import UpstreamMalformed
from llm_gateway.dialects.gemini.errors import parse_fault
from llm_gateway.dialects.gemini.wire import NULL, CallWire, OpaqueWire, PartWire
from llm_gateway.dialects.received import answered_with_error, receive

MEMBERS = ("groundingMetadata", "citationMetadata", "urlContextMetadata", "safetyRatings")
"""Members of a candidate that go along whole."""
_DATA = ("text", "function_call")


class _Call(msgspec.Struct, rename="camel", gc=False):
    name: str = ""
    id: str | None = None
    args: Raw = NULL


class PartIn(msgspec.Struct, rename="camel", gc=False):
    """What other dialects have as well."""

    text: str | None = None
    thought: bool | None = None
    thought_signature: str | None = None
    function_call: _Call | None = None


class ContentIn(msgspec.Struct, gc=False):
    parts: list[Raw] | None = None


class Candidate(msgspec.Struct, rename="camel", gc=False):
    content: ContentIn | None = None
    finish_reason: str | int | None = None
    finish_message: str | None = None
    index: int | None = None
    logprobs_result: Raw = NULL
    grounding_metadata: Raw = NULL
    citation_metadata: Raw = NULL
    url_context_metadata: Raw = NULL
    safety_ratings: Raw = NULL

    @property
    def members(self) -> dict[str, Raw]:
        """Those of MEMBERS that are there."""
        told = (self.grounding_metadata, self.citation_metadata, self.url_context_metadata, self.safety_ratings)
        return {name: compact(value) for name, value in zip(MEMBERS, told, strict=True) if value != NULL}


class Feedback(msgspec.Struct, rename="camel", gc=False):
    """Why a prompt has no answer."""

    block_reason: str | int | None = None
    block_reason_message: str | None = None

    @property
    def is_block(self) -> bool:
        return self.block_reason not in {None, "", 0, "BLOCKED_REASON_UNSPECIFIED", "BLOCK_REASON_UNSPECIFIED"}


class Piece(msgspec.Struct, rename="camel", gc=False):
    candidates: list[Candidate] | None = None
    prompt_feedback: Feedback | None = None
    usage_metadata: Raw = NULL
    model_version: str | None = None
    response_id: str | None = None
    create_time: str | None = None
    error: Any = None

    @property
    def blocked(self) -> Feedback | None:
        """Why there is no answer, where the provider says so instead of giving one."""
        feedback = self.prompt_feedback
        return feedback if feedback is not None and feedback.is_block and not self.candidates else None


def compact(raw: Raw) -> Raw:
    """`raw` without the blanks and line ends that Google writes, which mean nothing and break lines of SSE."""
    return Raw(msgspec.json.format(bytes(raw), indent=-1))


def read_pieces(body: bytes) -> list[Piece]:
    """A whole answer; one piece, or several where the provider answered with a stream's array.

    Raises UpstreamMalformed for what is no answer, and for an error under a status of success.
    """
    listed = body.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"[")
    pieces = receive(body, list[Piece]) if listed else [receive(body, Piece)]
    for piece in pieces:
        if piece.error:
            raise answered_with_error(parse_fault({"error": piece.error}).message)
    if not any(piece.candidates or piece.blocked for piece in pieces):
        raise UpstreamMalformed("The provider's answer has no candidates")
    return pieces


def read_part(raw: Raw) -> PartWire:
    """A part of an answer. Pictures and sound that a model made, and what we do not know, is opaque. Raises UpstreamMalformed."""
    part = receive(bytes(raw), PartIn, "part of an answer")
    if all(getattr(part, name) is None for name in _DATA):
        members = receive(bytes(raw), dict[str, Raw], "part of an answer")
        kind = next((name for name in members if name not in {"thought", "thoughtSignature"}), None)
        if kind is not None:
            return PartWire(opaque=OpaqueWire(kind, compact(raw)))
    call = part.function_call
    return PartWire(
        text=part.text,
        thought=part.thought,
        thought_signature=part.thought_signature,
        function_call=CallWire(call.name, call.id, compact(call.args)) if call is not None else None,
    )
