"""Embeddings in no provider's shape."""

from __future__ import annotations

from typing import Literal

import msgspec
from msgspec import Raw

from llm_gateway.core.chat import Image, Text
from llm_gateway.core.errors import UpstreamMalformed
from llm_gateway.core.estimate import CHARS_PER_TOKEN, IMAGE_TOKENS
from llm_gateway.core.usage import Usage

Task = Literal[
    "search_document",
    "search_query",
    "classification",
    "clustering",
    "similarity",
    "question_answering",
    "fact_verification",
    "code_query",
    "code_document",
]
"""What the vectors are for: some models make other vectors of a question than of a text that may answer it."""
Truncate = Literal["none", "start", "end"]
"""Where a text that is too long is cut; none: it is refused."""
NumberType = Literal["int8", "uint8", "binary", "ubinary"]
"""What the numbers are if they are not floats; the binary ones hold eight signs in a number."""


class Mixed(msgspec.Struct, frozen=True, gc=False):
    """One thing to embed that is not just a text: texts and pictures, which give one vector together."""

    parts: tuple[Text | Image, ...]

    @property
    def text(self) -> str | None:
        """Its texts, a line each; None if there is a picture among them."""
        texts = [part.text for part in self.parts if isinstance(part, Text)]
        return "\n".join(texts) if len(texts) == len(self.parts) else None


Input = str | tuple[int, ...] | Mixed
"""A text, the tokens of one, or something mixed."""


class EmbeddingsRequest(msgspec.Struct, frozen=True):
    """What to embed. None means that the caller said nothing."""

    model: str
    inputs: tuple[Input, ...]
    dimensions: int | None = None
    encoding: Literal["float", "base64"] | None = None
    """How the caller wants the numbers on the wire."""
    number_type: NumberType | None = None
    user: str | None = None
    task: Task | None = None
    title: str | None = None
    """Of the document that the text is from."""
    truncate: Truncate | None = None
    extra: dict[str, Raw] = {}
    """Members without a place above, by their own name, as the caller's dialect has them."""
    dialect: str = ""
    """The dialect whose names `extra` uses."""
    own: Raw = Raw(b"null")
    """The whole document, where the caller's dialect can say more than this form, for a provider of the same dialect."""
    own_only: str = ""
    """The caller's path of what only a provider of the same dialect can do; it makes this form incomplete."""
    places: dict[str, str] = {}
    """The caller's path of a member that has another name there; `input` is a pattern with the number of the input."""

    def place(self, name: str) -> str:
        """The caller's path of the member `name`."""
        return self.places.get(name, name)

    def input_place(self, index: int) -> str:
        """The caller's path of one input."""
        return self.places.get("input", "input[{}]").format(index)


class EmbeddingsReply(msgspec.Struct, frozen=True):
    """One vector for each input, in its order: floats, or integers if a NumberType was asked for."""

    model: str
    vectors: tuple[tuple[float, ...], ...]
    usage: Usage | None = None
    id: str | None = None


def completed(reply: EmbeddingsReply, request: EmbeddingsRequest, model: str, ident: str) -> EmbeddingsReply:
    """`reply` with `model` and `ident` if the provider named none.

    Raises UpstreamMalformed if it is no answer to `request`: fewer vectors than inputs, or more.
    """
    if len(reply.vectors) != len(request.inputs):
        raise UpstreamMalformed(f"The provider sent {len(reply.vectors)} embeddings for {len(request.inputs)} inputs")
    if reply.model and reply.id:
        return reply
    return msgspec.structs.replace(reply, model=reply.model or model, id=reply.id or ident)


def estimated_tokens(request: EmbeddingsRequest) -> int:
    """About how many tokens the inputs are, for providers that do not count them (core/estimate.py)."""
    chars = tokens = 0
    for item in request.inputs:
        if isinstance(item, str):
            chars += len(item)
        elif isinstance(item, Mixed):
            chars += sum(len(part.text) for part in item.parts if isinstance(part, Text))
            tokens += IMAGE_TOKENS * sum(isinstance(part, Image) for part in item.parts)
        else:
            tokens += len(item)
    return tokens + -(-chars // CHARS_PER_TOKEN)
