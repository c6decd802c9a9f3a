"""Ollama's embeddings: /api/embed (https://docs.ollama.com/api/embed) as front and as back, and the older /api/embeddings as
front, and as a back that passes through.

What its conventions and ours do not share:

- A text that is too long is cut unless `truncate` is false.
- What a server does with its memory (`options`, `keep_alive`) means nothing to others, and is named.
- The older operation embeds one `prompt`, and its vectors are not of length 1: a server that has it is asked for it.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Raw

from llm_gateway.core.embeddings import EmbeddingsReply, EmbeddingsRequest
from llm_gateway.core.errors import GatewayError, UpstreamMalformed
from llm_gateway.core.json import encode
from llm_gateway.core.usage import Usage
from llm_gateway.dialects.base import Operation, Rendered, ReplyFacts, Target, View
from llm_gateway.dialects.embeddings.ends import WholeBack, WholeFront
from llm_gateway.dialects.embeddings.numbers import Vector
from llm_gateway.dialects.embeddings.rendering import check_number_type, dropped, texts
from llm_gateway.dialects.invalid import Watched, check_model, read, refuse, refuse_duplicates
from llm_gateway.dialects.ollama_chat import errors
from llm_gateway.dialects.openai_chat.reply_in import Envelope, read_reply
from llm_gateway.dialects.openai_chat.request_in import others

NAME = "ollama_embed"
LEGACY = "ollama_embeddings"

_WATCHED = Watched(b"model", b"input")
_WATCHED_LEGACY = Watched(b"model", b"prompt")


class _Body(msgspec.Struct, gc=False):
    model: str
    input: str | list[str]
    truncate: bool | None = None
    dimensions: int | None = None


class _LegacyBody(msgspec.Struct, gc=False):
    model: str
    prompt: str


_KNOWN = frozenset(_Body.__struct_fields__)
_KNOWN_LEGACY = frozenset(_LegacyBody.__struct_fields__)


class _ReplyWire(Envelope, gc=False):
    embeddings: list[Vector] | None = None
    prompt_eval_count: int | None = None


class _Checked(Envelope, gc=False):
    """The numbers are left alone."""

    embeddings: list[Raw] | None = None
    embedding: list[Raw] | None = None
    prompt_eval_count: int | None = None


class _Ollama(WholeFront, WholeBack):
    operation = Operation.EMBEDDING

    def render_error(self, error: GatewayError, request_id: str) -> bytes:  # noqa: ARG002 - the shape has no place for it
        return errors.render_error(error)

    def frame_error(self, error: GatewayError, request_id: str) -> bytes:  # noqa: ARG002 - as above
        return errors.frame_error(error)

    def check_reply(self, body: bytes) -> ReplyFacts:
        """Nothing is embedded where nothing was asked, which loads a model. Raises UpstreamMalformed."""
        reply = read_reply(body, _Checked)
        if reply.embeddings is None and reply.embedding is None:
            raise UpstreamMalformed("The provider's answer has no embeddings")
        return ReplyFacts(_usage(reply.prompt_eval_count), reply.model or "")


class OllamaEmbed(_Ollama):
    """POST /api/embed. A Front and a TypedBack."""

    name = NAME

    def view(self, body: bytes) -> View:
        return View(_read(body).model)

    def parse_request(self, body: bytes) -> EmbeddingsRequest:
        """Raises InvalidRequest or MalformedBody."""
        seen = _read(body)
        if not seen.input:
            raise refuse("input", "it is required: the chosen provider has no models to load", "missing_field")
        return EmbeddingsRequest(
            model=seen.model,
            inputs=(seen.input,) if isinstance(seen.input, str) else tuple(seen.input),
            dimensions=seen.dimensions,
            truncate=None if seen.truncate is None else "end" if seen.truncate else "none",
            extra=others(body, _KNOWN),
            dialect=NAME,
        )

    def render_request(self, request: EmbeddingsRequest, target: Target) -> Rendered:
        """Raises Unsupported."""
        check_number_type(request, "Ollama")
        inputs = texts(request, "Ollama")
        out: dict[str, Any] = {"model": target.model, "input": inputs[0] if len(inputs) == 1 else inputs}
        taken = ["dimensions"]
        if request.dimensions is not None:
            out["dimensions"] = request.dimensions
        if request.truncate in ("none", "end"):
            out["truncate"] = request.truncate == "end"
            taken.append("truncate")
        related = request.dialect in (NAME, LEGACY)
        return Rendered(encode(out | request.extra if related else out), dropped(request, taken, extra=not related))

    def parse_reply(self, body: bytes) -> EmbeddingsReply:
        """Raises UpstreamMalformed."""
        reply = read_reply(body, _ReplyWire)
        if not reply.embeddings:
            raise UpstreamMalformed("The provider's answer has no embeddings")
        vectors = tuple(tuple(vector) for vector in reply.embeddings)
        return EmbeddingsReply(reply.model or "", vectors, _usage(reply.prompt_eval_count))

    def render_reply(self, reply: EmbeddingsReply, request: EmbeddingsRequest) -> bytes:  # noqa: ARG002 - all numbers are floats
        out: dict[str, Any] = {"model": reply.model, "embeddings": reply.vectors}
        if reply.usage is not None:
            out["prompt_eval_count"] = reply.usage.prompt
        return encode(out)


class OllamaEmbeddings(_Ollama):
    """POST /api/embeddings. A Front, and a Back that passes through."""

    name = LEGACY

    def view(self, body: bytes) -> View:
        return View(_read_legacy(body).model)

    def parse_request(self, body: bytes) -> EmbeddingsRequest:
        """Raises InvalidRequest or MalformedBody."""
        seen = _read_legacy(body)
        if not seen.prompt:
            raise refuse("prompt", "it is required: the chosen provider has no models to load", "missing_field")
        extra = others(body, _KNOWN_LEGACY)
        return EmbeddingsRequest(seen.model, (seen.prompt,), extra=extra, dialect=LEGACY, places={"input": "prompt"})

    def render_reply(self, reply: EmbeddingsReply, request: EmbeddingsRequest) -> bytes:  # noqa: ARG002 - as above
        return encode({"embedding": reply.vectors[0]})


def _read(body: bytes) -> _Body:
    seen = read(body, _Body)
    refuse_duplicates(body, _WATCHED)
    check_model(seen.model)
    if seen.dimensions is not None and seen.dimensions < 1:
        raise refuse("dimensions", "it must be 1 or more")
    return seen


def _read_legacy(body: bytes) -> _LegacyBody:
    seen = read(body, _LegacyBody)
    refuse_duplicates(body, _WATCHED_LEGACY)
    check_model(seen.model)
    return seen


def _usage(count: int | None) -> Usage | None:
    return Usage(input=count) if count is not None and count >= 0 else None


OLLAMA_EMBED = OllamaEmbed()
OLLAMA_EMBEDDINGS = OllamaEmbeddings()
