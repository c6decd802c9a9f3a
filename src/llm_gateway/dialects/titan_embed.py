"""Amazon Titan's text embeddings through Bedrock's InvokeModel, as back
(https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-titan-embed-text.html).

One text for each call: several are refused, since several calls would be several attempts at several prices. What the vectors
are for cannot be said, and the model stands in the URL.
"""

from __future__ import annotations

from typing import Any

from llm_gateway.core.embeddings import EmbeddingsReply, EmbeddingsRequest, NumberType
from llm_gateway.core.errors import Unsupported, UpstreamMalformed
from llm_gateway.core.json import encode
from llm_gateway.core.usage import Usage
from llm_gateway.dialects.base import Operation, Rendered, ReplyFacts, Target
from llm_gateway.dialects.embeddings.ends import WholeBack
from llm_gateway.dialects.embeddings.numbers import Vector
from llm_gateway.dialects.embeddings.rendering import check_number_type, dropped, texts
from llm_gateway.dialects.openai_chat.reply_in import Envelope, read_reply

NAME = "titan_embed"

_NUMBER_TYPES: tuple[NumberType, ...] = ("binary",)


class _ReplyWire(Envelope, rename="camel", gc=False):
    embedding: Vector | None = None
    embeddings_by_type: dict[str, Vector | None] | None = None
    input_text_token_count: int | None = None


class TitanEmbed(WholeBack):
    """POST /model/{model}/invoke. A TypedBack."""

    name = NAME
    operation = Operation.EMBEDDING

    def render_request(self, request: EmbeddingsRequest, target: Target) -> Rendered:  # noqa: ARG002 - it is in the URL
        """Raises Unsupported."""
        check_number_type(request, "Titan", _NUMBER_TYPES)
        if len(request.inputs) > 1:
            raise Unsupported(
                "Amazon Titan embeds one text at a time: send a request for each.",
                param=request.input_place(1),
            )
        out: dict[str, Any] = {"inputText": texts(request, "Titan")[0]}
        if request.dimensions is not None:
            out["dimensions"] = request.dimensions
        if request.number_type is not None:
            out["embeddingTypes"] = [request.number_type]
        return Rendered(encode(out), dropped(request, ["dimensions"]))

    def check_reply(self, body: bytes) -> ReplyFacts:
        """Raises UpstreamMalformed."""
        return ReplyFacts(self.parse_reply(body).usage)

    def parse_reply(self, body: bytes) -> EmbeddingsReply:
        """Raises UpstreamMalformed."""
        reply = read_reply(body, _ReplyWire)
        by_type = reply.embeddings_by_type or {}
        vector = by_type.get("binary") or reply.embedding or by_type.get("float")
        if not vector:
            raise UpstreamMalformed("The provider's answer has no embedding")
        count = reply.input_text_token_count
        return EmbeddingsReply("", (tuple(vector),), Usage(input=count) if count is not None and count >= 0 else None)


TITAN_EMBED = TitanEmbed()
