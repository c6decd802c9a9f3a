"""Cohere's embeddings, POST /v2/embed (https://docs.cohere.com/reference/embed), as front and as back; as back on Bedrock too.

What its conventions and ours do not share:

- What the vectors are for (`input_type`) must be said: search_document where the caller did not say it.
- Pictures alone are `images`; texts and pictures in one thing are `inputs`. Either way they are data URLs.
- Vectors come by type, of several if so asked; to another provider only one type crosses.
- A caller who asks for one type gets it; base64 is of floats.

On Bedrock (https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-embed.html) the model stands in the URL, an
answer counts no tokens, and vectors of the older models are a bare list.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

import msgspec
from msgspec import Raw

from llm_gateway.core.chat import Image, Text
from llm_gateway.core.embeddings import EmbeddingsReply, EmbeddingsRequest, Input, Mixed, NumberType
from llm_gateway.core.errors import GatewayError, Unsupported, UpstreamMalformed
from llm_gateway.core.json import encode
from llm_gateway.dialects.base import Operation, Rendered, ReplyFacts, Target, View
from llm_gateway.dialects.cohere_chat.usage import read_usage
from llm_gateway.dialects.embeddings.ends import WholeBack, WholeFront
from llm_gateway.dialects.embeddings.numbers import Vector, shown, unpacked
from llm_gateway.dialects.embeddings.rendering import check_number_type, data_url, dropped, texts
from llm_gateway.dialects.embeddings.tasks import COHERE, task_of
from llm_gateway.dialects.invalid import Watched, check_model, read, refuse, refuse_duplicates
from llm_gateway.dialects.openai_chat.reply_in import Envelope, read_reply
from llm_gateway.dialects.openai_chat.request_in import others

NAME = "cohere_embed"
BEDROCK = "bedrock_cohere_embed"

_NULL = Raw(b"null")
_WATCHED = Watched(b"model", b"texts", b"images", b"inputs")
_NUMBER_TYPES: tuple[NumberType, ...] = ("int8", "uint8", "binary", "ubinary")
_TYPES = ("float", "base64", *_NUMBER_TYPES)
_TRUNCATE: MappingProxyType[str, Any] = MappingProxyType({"none": "none", "start": "start", "end": "end"})


class _Url(msgspec.Struct, gc=False):
    url: str


class _Part(msgspec.Struct, gc=False):
    type: str
    text: str | None = None
    image_url: _Url | None = None


class _Content(msgspec.Struct, gc=False):
    content: list[_Part]


class _Body(msgspec.Struct, gc=False):
    model: str
    texts: list[str] | None = None
    images: list[str] | None = None
    inputs: list[_Content] | None = None
    input_type: str | None = None
    embedding_types: list[str] | None = None
    output_dimension: int | None = None
    truncate: str | None = None


_KNOWN = frozenset(_Body.__struct_fields__)


class _ReplyWire(Envelope, gc=False):
    embeddings: dict[str, list[Vector | str] | None] | list[Vector | str] | None = None
    id: Any = None
    meta: Raw = _NULL


class _Checked(Envelope, gc=False):
    """The numbers are left alone."""

    embeddings: dict[str, list[Raw] | None] | list[Raw] | None = None
    meta: Raw = _NULL


class CohereEmbed(WholeFront, WholeBack):
    """A Front and a TypedBack."""

    operation = Operation.EMBEDDING

    def __init__(self, name: str, *, model_in_url: bool = False) -> None:
        self.name = name
        self._model_in_url = model_in_url

    def view(self, body: bytes) -> View:
        return View(_read(body).model)

    def parse_request(self, body: bytes) -> EmbeddingsRequest:
        """Raises InvalidRequest, MalformedBody, and Unsupported for vectors of several types."""
        seen = _read(body)
        extra = others(body, _KNOWN)
        kinds = seen.embedding_types or ["float"]
        if len(kinds) > 1:
            raise Unsupported("The chosen provider makes embeddings of one type at a time.", param="embedding_types")
        if kinds[0] not in _TYPES:
            raise refuse("embedding_types", f"it must be one of {', '.join(_TYPES)}")
        task = task_of(seen.input_type) if seen.input_type else None
        if seen.input_type and task is None and seen.input_type != "image":
            extra["input_type"] = Raw(encode(seen.input_type))
        inputs, place = _inputs(seen)
        cut = (seen.truncate or "").lower()
        if cut and cut not in _TRUNCATE:
            raise refuse("truncate", "it must be NONE, START or END")
        return EmbeddingsRequest(
            model=seen.model,
            inputs=inputs,
            dimensions=seen.output_dimension,
            encoding="base64" if kinds[0] == "base64" else None,
            number_type=kinds[0] if kinds[0] in _NUMBER_TYPES else None,
            task=task,
            truncate=_TRUNCATE.get(cut),
            extra=extra,
            dialect=NAME,
            places={
                "input": place,
                "task": "input_type",
                "dimensions": "output_dimension",
                "number_type": "embedding_types",
            },
        )

    def render_request(self, request: EmbeddingsRequest, target: Target) -> Rendered:
        """Raises Unsupported."""
        check_number_type(request, "Cohere", _NUMBER_TYPES)
        out: dict[str, Any] = {} if self._model_in_url else {"model": target.model}
        pictures = [_picture(item) for item in request.inputs]
        if all(pictures):
            images = enumerate(pictures)
            out |= {"input_type": "image", "images": [data_url(one, request.input_place(at)) for at, one in images if one]}
        else:
            out["input_type"] = COHERE.get(request.task or "search_document", "search_document")
            if any(isinstance(item, Mixed) and item.text is None for item in request.inputs):
                out["inputs"] = [_content(request, index, item) for index, item in enumerate(request.inputs)]
            else:
                out["texts"] = texts(request, "Cohere")
        out["embedding_types"] = [request.number_type or "float"]
        if request.dimensions is not None:
            out["output_dimension"] = request.dimensions
        if request.truncate is not None:
            out["truncate"] = request.truncate.upper()
        taken = ["dimensions", "truncate", *(["task"] if request.task in COHERE else [])]
        related = request.dialect == NAME
        if related:
            out = {name: value for name, value in request.extra.items() if name not in out} | out
        return Rendered(encode(out), dropped(request, taken, extra=not related))

    def check_reply(self, body: bytes) -> ReplyFacts:
        """Raises UpstreamMalformed."""
        reply = read_reply(body, _Checked)
        found = reply.embeddings
        if not found or (isinstance(found, dict) and not any(found.values())):
            raise UpstreamMalformed("The provider's answer has no embeddings")
        return ReplyFacts(read_usage(reply.meta))

    def parse_reply(self, body: bytes) -> EmbeddingsReply:
        """Raises UpstreamMalformed."""
        reply = read_reply(body, _ReplyWire)
        found = reply.embeddings
        vectors: Any = next((made for made in found.values() if made), None) if isinstance(found, dict) else found
        if not vectors:
            raise UpstreamMalformed("The provider's answer has no embeddings")
        return EmbeddingsReply(
            model="",
            vectors=tuple(unpacked(vector) for vector in vectors),
            usage=read_usage(reply.meta),
            id=reply.id if isinstance(reply.id, str) else None,
        )

    def render_reply(self, reply: EmbeddingsReply, request: EmbeddingsRequest) -> bytes:
        """In the one type that `request` asked for."""
        kind = request.number_type or request.encoding or "float"
        meta: dict[str, Any] = {"api_version": {"version": "2"}}
        if reply.usage is not None:
            meta["billed_units"] = {"input_tokens": reply.usage.prompt}
        out: dict[str, Any] = {
            "id": reply.id or "",
            "embeddings": {kind: [shown(vector, request) for vector in reply.vectors]},
            "texts": [item for item in request.inputs if isinstance(item, str)],
            "meta": meta,
            "response_type": "embeddings_by_type",
        }
        return encode(out)

    def render_error(self, error: GatewayError, request_id: str) -> bytes:
        return render_error(error, request_id)


def render_error(error: GatewayError, request_id: str) -> bytes:
    """Cohere's shape, which has no place for the path: the message leads with it."""
    message = error.message or error.code
    if error.param and error.param not in message:
        message = f"{error.param}: {message}"
    return encode({"id": request_id, "message": message})


def _read(body: bytes) -> _Body:
    seen = read(body, _Body)
    refuse_duplicates(body, _WATCHED)
    check_model(seen.model)
    given = [name for name in ("texts", "images", "inputs") if getattr(seen, name)]
    if len(given) != 1:
        raise refuse(given[1] if given else "texts", "one of texts, images and inputs is required", "missing_field")
    if seen.output_dimension is not None and seen.output_dimension < 1:
        raise refuse("output_dimension", "it must be 1 or more")
    return seen


def _inputs(seen: _Body) -> tuple[tuple[Input, ...], str]:
    """And the pattern of their paths."""
    if seen.texts:
        return tuple(seen.texts), "texts[{}]"
    if seen.images:
        return tuple(Mixed((Image(url=url),)) for url in seen.images), "images[{}]"
    found = []
    for index, item in enumerate(seen.inputs or ()):
        parts = tuple(_part(part, f"inputs[{index}].content[{place}]") for place, part in enumerate(item.content))
        if not parts:
            raise refuse(f"inputs[{index}].content", "there must be at least one")
        found.append(Mixed(parts))
    return tuple(found), "inputs[{}]"


def _part(part: _Part, path: str) -> Text | Image:
    if part.type == "text" and part.text is not None:
        return Text(part.text)
    if part.type == "image_url" and part.image_url is not None:
        return Image(url=part.image_url.url)
    raise refuse(path, "it must be a text or an image_url")


def _picture(item: Input) -> Image | None:
    """What an input is that is one picture and nothing else."""
    alone = item.parts[0] if isinstance(item, Mixed) and len(item.parts) == 1 else None
    return alone if isinstance(alone, Image) else None


def _content(request: EmbeddingsRequest, index: int, item: Input) -> dict[str, Any]:
    place = request.input_place(index)
    if isinstance(item, tuple):
        raise Unsupported("Cohere takes texts, not tokens.", param=place)
    parts = (Text(item),) if isinstance(item, str) else item.parts
    return {
        "content": [
            {"type": "text", "text": part.text}
            if isinstance(part, Text)
            else {"type": "image_url", "image_url": {"url": data_url(part, place)}}
            for part in parts
        ]
    }


COHERE_EMBED = CohereEmbed(NAME)
BEDROCK_COHERE_EMBED = CohereEmbed(BEDROCK, model_in_url=True)
