"""Text embeddings of Vertex AI through :predict, as back
(https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/text-embeddings-api).

Instances and their answers stand in the same order; the model stands in the URL. gemini-embedding-001 takes one instance for
each call, the others up to 250: Google says so itself.
"""

from __future__ import annotations

from typing import Any

import msgspec

from llm_gateway.core.embeddings import EmbeddingsReply, EmbeddingsRequest
from llm_gateway.core.errors import UpstreamMalformed
from llm_gateway.core.json import encode
from llm_gateway.core.usage import Usage
from llm_gateway.dialects.base import Operation, ProviderFault, Rendered, ReplyFacts, Target
from llm_gateway.dialects.embeddings.ends import WholeBack
from llm_gateway.dialects.embeddings.numbers import Vector
from llm_gateway.dialects.embeddings.rendering import check_number_type, dropped, texts
from llm_gateway.dialects.embeddings.tasks import GOOGLE
from llm_gateway.dialects.gemini import errors
from llm_gateway.dialects.openai_chat.reply_in import Envelope, read_reply

NAME = "vertex_embed"


class _Statistics(msgspec.Struct, gc=False):
    token_count: float | None = None


class _Embedding(msgspec.Struct, gc=False):
    values: Vector
    statistics: _Statistics | None = None


class _Prediction(msgspec.Struct, gc=False):
    embeddings: _Embedding


class _ReplyWire(Envelope, gc=False):
    predictions: list[_Prediction] | None = None


class VertexEmbed(WholeBack):
    """POST .../publishers/google/models/{model}:predict. A TypedBack."""

    name = NAME
    operation = Operation.EMBEDDING

    def parse_error(self, status: int, body: bytes) -> ProviderFault:
        return errors.parse_error(status, body)

    def render_request(self, request: EmbeddingsRequest, target: Target) -> Rendered:  # noqa: ARG002 - it is in the URL
        """Raises Unsupported."""
        check_number_type(request, "Vertex AI")
        shared: dict[str, Any] = {} if request.title is None else {"title": request.title}
        if request.task is not None and request.task in GOOGLE:
            shared["task_type"] = GOOGLE[request.task]
        parameters: dict[str, Any] = {}
        if request.dimensions is not None:
            parameters["outputDimensionality"] = request.dimensions
        if request.truncate in ("none", "end"):
            parameters["autoTruncate"] = request.truncate == "end"
        out: dict[str, Any] = {"instances": [{"content": text} | shared for text in texts(request, "Vertex AI")]}
        taken = ["dimensions", "title"]
        taken += ["task"] if request.task in GOOGLE else []
        taken += ["truncate"] if "autoTruncate" in parameters else []
        return Rendered(encode(out | {"parameters": parameters} if parameters else out), dropped(request, taken))

    def check_reply(self, body: bytes) -> ReplyFacts:
        """Raises UpstreamMalformed."""
        return ReplyFacts(self.parse_reply(body).usage)

    def parse_reply(self, body: bytes) -> EmbeddingsReply:
        """Raises UpstreamMalformed."""
        reply = read_reply(body, _ReplyWire)
        if not reply.predictions:
            raise UpstreamMalformed("The provider's answer has no embeddings")
        made = [prediction.embeddings for prediction in reply.predictions]
        counts = [one.statistics.token_count if one.statistics is not None else None for one in made]
        known = [int(count) for count in counts if count is not None and 0 <= count <= 1e15]
        usage = Usage(input=sum(known)) if len(known) == len(counts) else None
        return EmbeddingsReply("", tuple(tuple(one.values) for one in made), usage)


VERTEX_EMBED = VertexEmbed()
