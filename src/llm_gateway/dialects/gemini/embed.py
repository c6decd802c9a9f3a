"""Gemini's embeddings (https://ai.google.dev/api/embeddings): embedContent and batchEmbedContents, as fronts and as backs.

What its conventions and ours do not share:

- The model stands in the URL and, as models/NAME, in the body: there it is put right where a request passes.
- A content of several texts gives one vector; to providers that take texts they go as the lines of one.
- How many tokens were read is said by newer models only.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Raw

from llm_gateway.core.chat import Image, Text
from llm_gateway.core.embeddings import EmbeddingsReply, EmbeddingsRequest, Input
from llm_gateway.core.errors import GatewayError, Unsupported, UpstreamMalformed
from llm_gateway.core.json import encode
from llm_gateway.dialects.base import Operation, ProviderFault, Rendered, ReplyFacts, Target, View
from llm_gateway.dialects.embeddings.ends import WholeBack, WholeFront
from llm_gateway.dialects.embeddings.numbers import Vector
from llm_gateway.dialects.embeddings.rendering import check_number_type, dropped
from llm_gateway.dialects.embeddings.tasks import GOOGLE
from llm_gateway.dialects.gemini import errors
from llm_gateway.dialects.gemini.embed_in import BATCH, ONE, Object, Requests, parse_batch, parse_one
from llm_gateway.dialects.gemini.frames import SseFrames
from llm_gateway.dialects.gemini.media import render_image
from llm_gateway.dialects.gemini.usage import read_usage
from llm_gateway.dialects.gemini.view import Thing
from llm_gateway.dialects.gemini.wire import NULL
from llm_gateway.dialects.invalid import Watched, check_model, read, refuse, refuse_duplicates
from llm_gateway.dialects.openai_chat.reply_in import Envelope, read_reply

_MODEL = b'"model"'
_WATCHED = Watched(b"content", b"requests")


class _One(msgspec.Struct, gc=False):
    content: Thing


class _Batch(msgspec.Struct, gc=False):
    requests: list[Thing]


class _Embedding(msgspec.Struct, gc=False):
    values: Vector


class _ReplyWire(Envelope, rename="camel", gc=False):
    embedding: _Embedding | None = None
    embeddings: list[_Embedding] | None = None
    usage_metadata: Raw = NULL


class GeminiEmbedFront(WholeFront):
    """POST /v1beta/models/{model}:embedContent, or `batch`. Made for each request."""

    operation = Operation.EMBEDDING

    model_in_body = False

    def __init__(self, model: str, *, batch: bool = False) -> None:
        self.name = BATCH if batch else ONE
        self.model = model
        self.batch = batch

    def holds_foreign(self, body: bytes) -> bool:
        """The name that callers know a model by may not be Google's."""
        return body.find(_MODEL) >= 0

    def view(self, body: bytes) -> View:
        """Raises InvalidRequest (with param) or MalformedBody."""
        if not self.batch:
            read(body, _One)
        elif not read(body, _Batch).requests:
            raise refuse("requests", "there must be at least one")
        refuse_duplicates(body, _WATCHED)
        check_model(self.model)
        return View(self.model)

    def parse_request(self, body: bytes) -> EmbeddingsRequest:
        """Raises InvalidRequest or MalformedBody."""
        return parse_batch(body, self.model) if self.batch else parse_one(body, self.model)

    def portable(self, request: Any) -> Any:
        """Raises Unsupported."""
        if request.own_only:
            raise Unsupported(
                "Only a Gemini provider takes this: others embed texts and pictures, and do the same with all of a request.",
                param=request.own_only,
            )
        return request

    def render_reply(self, reply: EmbeddingsReply, request: EmbeddingsRequest) -> bytes:  # noqa: ARG002 - all numbers are floats
        made = [{"values": vector} for vector in reply.vectors]
        out: dict[str, Any] = {"embeddings": made} if self.batch else {"embedding": made[0]}
        if reply.usage is not None:
            out["usageMetadata"] = {"promptTokenCount": reply.usage.prompt}
        return encode(out)

    def render_error(self, error: GatewayError, request_id: str) -> bytes:
        return errors.render_error(error, request_id)

    def frame_error(self, error: GatewayError, request_id: str) -> bytes:
        return SseFrames().fail(error, request_id)


class GeminiEmbed(WholeBack):
    """A TypedBack. `batch` makes any number of vectors, the other one of them."""

    operation = Operation.EMBEDDING

    def __init__(self, name: str, *, batch: bool) -> None:
        self.name = name
        self._batch = batch

    def parse_error(self, status: int, body: bytes) -> ProviderFault:
        return errors.parse_error(status, body)

    def render_request(self, request: EmbeddingsRequest, target: Target) -> Rendered:
        """Raises Unsupported."""
        model = Raw(encode(f"models/{target.model}"))
        if request.dialect == self.name and request.own != NULL:
            return Rendered(_renamed(bytes(request.own), model, batch=self._batch), [])
        check_number_type(request, "Gemini")
        if not self._batch and len(request.inputs) > 1:
            raise Unsupported("This provider embeds one content at a time.", param=request.input_place(1))
        shared: dict[str, Any] = {"model": model}
        members = {
            "taskType": GOOGLE.get(request.task) if request.task else None,
            "title": request.title,
            "outputDimensionality": request.dimensions,
        }
        shared |= {name: value for name, value in members.items() if value is not None}
        items = [shared | {"content": _content(request, index, item)} for index, item in enumerate(request.inputs)]
        taken = ["dimensions", "title", *(["task"] if request.task in GOOGLE else [])]
        return Rendered(encode({"requests": items} if self._batch else items[0]), dropped(request, taken))

    def check_reply(self, body: bytes) -> ReplyFacts:
        """Raises UpstreamMalformed."""
        return ReplyFacts(self.parse_reply(body).usage)

    def parse_reply(self, body: bytes) -> EmbeddingsReply:
        """Raises UpstreamMalformed."""
        reply = read_reply(body, _ReplyWire)
        made = reply.embeddings if reply.embedding is None else [reply.embedding]
        if not made:
            raise UpstreamMalformed("The provider's answer has no embeddings")
        return EmbeddingsReply("", tuple(tuple(one.values) for one in made), read_usage(reply.usage_metadata)[0])


def _renamed(body: bytes, model: Raw, *, batch: bool) -> bytes:
    """The caller's own request, for the model that the provider knows."""
    if not batch:
        return encode(msgspec.json.decode(body, type=Object) | {"model": model})
    whole = msgspec.json.decode(body, type=Object)
    items = msgspec.json.decode(body, type=Requests).requests
    return encode(whole | {"requests": [item | {"model": model} for item in items]})


def _content(request: EmbeddingsRequest, index: int, item: Input) -> dict[str, Any]:
    if isinstance(item, str):
        return {"parts": [{"text": item}]}
    place = request.input_place(index)
    if isinstance(item, tuple):
        raise Unsupported("Gemini takes texts, not tokens.", param=place)
    return {"parts": [{"text": part.text} if isinstance(part, Text) else _image(part, place) for part in item.parts]}


def _image(part: Image, place: str) -> dict[str, Any]:
    shown = render_image(part)
    if shown is None:
        raise Unsupported("A stored file means nothing to another provider.", param=place)
    return shown


GEMINI_EMBED = GeminiEmbed(ONE, batch=False)
GEMINI_BATCH_EMBED = GeminiEmbed(BATCH, batch=True)
