"""OpenAI's embeddings (https://platform.openai.com/docs/api-reference/embeddings), as front and as back, and its relatives.

What its conventions and ours do not share:

- encoding_format base64 is little-endian 32-bit floats, which OpenAI's SDKs ask for unless told otherwise.
- Usage must be there: where a provider tells none, it is estimated, and X-Gateway-Estimated says so.
- What the vectors are for (`input_type`), how a long text is cut and what the numbers are has no place at OpenAI, but in what
  its callers send to others: it is understood, and passes unseen to a provider of this dialect (request_in.py).

Voyage, Jina and Mistral speak it with other names for a few members (variants.py).
"""

from __future__ import annotations

from typing import Any

from llm_gateway.core.embeddings import EmbeddingsReply, EmbeddingsRequest, estimated_tokens
from llm_gateway.core.json import encode
from llm_gateway.dialects.base import Operation, Rendered, ReplyFacts, Target, View
from llm_gateway.dialects.embeddings import reply_in, request_in
from llm_gateway.dialects.embeddings.ends import WholeBack, WholeFront
from llm_gateway.dialects.embeddings.numbers import shown
from llm_gateway.dialects.embeddings.request_in import NAME
from llm_gateway.dialects.embeddings.variants import OPENAI, Variant

__all__ = ["EMBEDDINGS", "NAME", "Embeddings"]


class Embeddings(WholeFront, WholeBack):
    """POST /v1/embeddings. A Front and a TypedBack."""

    name = NAME
    operation = Operation.EMBEDDING
    shows_usage = True

    def view(self, body: bytes) -> View:
        return request_in.view(body)

    def parse_request(self, body: bytes) -> EmbeddingsRequest:
        return request_in.parse_request(body)

    def render_request(self, request: EmbeddingsRequest, target: Target) -> Rendered:
        return _OPENAI.render_request(request, target)

    def check_reply(self, body: bytes) -> ReplyFacts:
        return reply_in.check_reply(body)

    def parse_reply(self, body: bytes) -> EmbeddingsReply:
        return reply_in.parse_reply(body)

    def render_reply(self, reply: EmbeddingsReply, request: EmbeddingsRequest) -> bytes:
        """In the encoding that `request` asked for."""
        prompt = reply.usage.prompt if reply.usage is not None else estimated_tokens(request)
        out: dict[str, Any] = {
            "object": "list",
            "data": [
                {"object": "embedding", "index": place, "embedding": shown(vector, request)}
                for place, vector in enumerate(reply.vectors)
            ],
            "model": reply.model,
            "usage": {"prompt_tokens": prompt, "total_tokens": prompt},
        }
        return encode(out if reply.id is None else out | {"id": reply.id})


_OPENAI = Variant(NAME, OPENAI)
EMBEDDINGS = Embeddings()
