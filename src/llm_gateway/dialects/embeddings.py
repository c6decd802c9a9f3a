"""OpenAI's embeddings (https://platform.openai.com/docs/api-reference/embeddings): passed through, and in typed form both ways.

encoding_format base64 is little-endian 32-bit floats, which OpenAI's SDKs ask for unless told otherwise.
"""

from __future__ import annotations

import binascii
import struct
from typing import Any

import msgspec
from msgspec import Raw

from llm_gateway.core.embeddings import EmbeddingsReply, EmbeddingsRequest
from llm_gateway.core.errors import GatewayError, UpstreamMalformed
from llm_gateway.core.json import encode
from llm_gateway.dialects.base import Operation, ProviderFault, Relay, Rendered, ReplyFacts, SseBack, SseFront, Target, View
from llm_gateway.dialects.invalid import Watched, check_model, read, refuse, refuse_duplicates
from llm_gateway.dialects.openai_chat import errors
from llm_gateway.dialects.openai_chat.reply_in import Envelope, read_reply
from llm_gateway.dialects.openai_chat.request_in import others
from llm_gateway.dialects.openai_chat.usage import read_usage

NAME = "embeddings"

_NULL = Raw(b"null")
_STRING_OR_LIST = b'"['
_WATCHED = Watched(b"model", b"input")
_KNOWN = frozenset({"model", "input", "encoding_format", "dimensions", "user"})
_ENCODINGS: dict[str, Any] = {"float": "float", "base64": "base64"}


class Body(msgspec.Struct, gc=False):
    model: str
    input: Raw = _NULL
    encoding_format: str | None = None
    dimensions: int | None = None
    user: str | None = None


class VectorWire(msgspec.Struct, gc=False):
    embedding: list[float] | str
    index: int | None = None


class ReplyWire(Envelope, gc=False):
    id: Any = None
    data: list[VectorWire] | None = None


class CheckedVector(msgspec.Struct, gc=False):
    """The numbers are left alone."""

    embedding: Raw


class Checked(Envelope, gc=False):
    data: list[CheckedVector] | None = None


class Embeddings(SseFront, SseBack):
    """A Front and a Back, and the typed translation beside them."""

    name = NAME
    operation = Operation.EMBEDDING

    def view(self, body: bytes) -> View:
        return View(_read(body).model)

    def parse_request(self, body: bytes) -> EmbeddingsRequest:
        """Raises InvalidRequest or MalformedBody."""
        seen = _read(body)
        return EmbeddingsRequest(
            model=seen.model,
            inputs=_inputs(seen.input),
            dimensions=seen.dimensions,
            encoding=None if seen.encoding_format is None else _encoding(seen.encoding_format),
            user=seen.user,
            extra=others(body, _KNOWN),
            dialect=NAME,
        )

    def render_request(self, request: EmbeddingsRequest, target: Target) -> Rendered:
        single = len(request.inputs) == 1
        out: dict[str, Any] = {"model": target.model, "input": request.inputs[0] if single else request.inputs}
        members = {"encoding_format": request.encoding, "dimensions": request.dimensions, "user": request.user}
        out |= {name: value for name, value in members.items() if value is not None}
        if request.dialect == NAME:
            return Rendered(encode(out | request.extra), [])
        return Rendered(encode(out), list(request.extra))

    def check_reply(self, body: bytes) -> ReplyFacts:
        """Raises UpstreamMalformed."""
        reply = read_reply(body, Checked)
        if not reply.data:
            raise UpstreamMalformed("The provider's answer has no embeddings")
        return ReplyFacts(read_usage(reply.usage), reply.model or "")

    def parse_reply(self, body: bytes) -> EmbeddingsReply:
        """Raises UpstreamMalformed."""
        reply = read_reply(body, ReplyWire)
        if not reply.data:
            raise UpstreamMalformed("The provider's answer has no embeddings")
        places = [place if item.index is None else item.index for place, item in enumerate(reply.data)]
        if sorted(places) != list(range(len(places))):
            raise UpstreamMalformed("The provider's embeddings are not numbered from 0 without gaps")
        vectors = dict(zip(places, (_floats(item.embedding) for item in reply.data), strict=True))
        return EmbeddingsReply(
            model=reply.model or "",
            vectors=tuple(vectors[place] for place in range(len(vectors))),
            usage=read_usage(reply.usage),
            id=reply.id if isinstance(reply.id, str) else None,
        )

    def render_reply(self, reply: EmbeddingsReply, request: EmbeddingsRequest) -> bytes:
        """In the encoding that `request` asked for."""
        packed = request.encoding == "base64"
        prompt = reply.usage.prompt if reply.usage is not None else 0
        out: dict[str, Any] = {
            "object": "list",
            "data": [
                {"object": "embedding", "index": place, "embedding": _packed(vector) if packed else vector}
                for place, vector in enumerate(reply.vectors)
            ],
            "model": reply.model,
            "usage": {"prompt_tokens": prompt, "total_tokens": prompt},
        }
        return encode(out if reply.id is None else out | {"id": reply.id})

    def status_of(self, error: GatewayError) -> int:
        return error.status

    def render_error(self, error: GatewayError, request_id: str) -> bytes:
        return errors.render_error(error, request_id)

    def frame_error(self, error: GatewayError, request_id: str) -> bytes:
        return errors.frame_error(error, request_id)

    def parse_error(self, status: int, body: bytes) -> ProviderFault:
        return errors.parse_error(status, body)

    def relay(self) -> Relay:
        """Raises UpstreamMalformed: embeddings are no stream."""
        raise UpstreamMalformed("The provider streams where no stream was asked for")


def _read(body: bytes) -> Body:
    seen = read(body, Body)
    refuse_duplicates(body, _WATCHED)
    check_model(seen.model)
    if memoryview(seen.input)[0] not in _STRING_OR_LIST:
        if seen.input == _NULL:
            raise refuse("input", "it is required", "missing_field")
        raise refuse("input", "Expected str or array")
    if seen.dimensions is not None and seen.dimensions < 1:
        raise refuse("dimensions", "it must be 1 or more")
    return seen


def _inputs(raw: Raw) -> tuple[str | tuple[int, ...], ...]:
    """A text, texts, the tokens of one text, or the tokens of several."""
    value = read(b'{"input":%b}' % bytes(raw), _Inputs).input
    if isinstance(value, str):
        return (value,)
    if not value:
        raise refuse("input", "there must be at least one")
    if isinstance(value[0], int):
        return (tuple(_tokens(value)),)
    texts = [item if isinstance(item, str) else tuple(item) for item in value if not isinstance(item, int)]
    if len(texts) != len(value):
        raise refuse("input", "texts and tokens must not be mixed")
    return tuple(texts)


class _Inputs(msgspec.Struct, gc=False):
    input: str | list[int | str | list[int]]


def _tokens(value: list[int | str | list[int]]) -> list[int]:
    tokens = [item for item in value if isinstance(item, int)]
    if len(tokens) != len(value):
        raise refuse("input", "texts and tokens must not be mixed")
    return tokens


def _encoding(name: str) -> Any:
    encoding = _ENCODINGS.get(name)
    if encoding is None:
        raise refuse("encoding_format", "it must be float or base64")
    return encoding


def _floats(embedding: list[float] | str) -> tuple[float, ...]:
    if not isinstance(embedding, str):
        return tuple(embedding)
    try:
        data = binascii.a2b_base64(embedding, strict_mode=True)
        return struct.unpack(f"<{len(data) // 4}f", data)
    except (binascii.Error, struct.error):
        raise UpstreamMalformed("The provider's embeddings are not base64 of floats") from None


def _packed(vector: tuple[float, ...]) -> str:
    try:
        return binascii.b2a_base64(struct.pack(f"<{len(vector)}f", *vector), newline=False).decode()
    except OverflowError:
        raise UpstreamMalformed("The provider's embeddings do not fit 32-bit floats") from None


EMBEDDINGS = Embeddings()
