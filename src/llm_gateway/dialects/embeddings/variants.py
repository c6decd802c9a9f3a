"""Providers whose embeddings are OpenAI's with other names for a few members. A further one is a few names and a word list.

A request for one of them is always translated, since its callers use OpenAI's names; members that neither has are passed on
when the caller speaks OpenAI's dialect, whose extensions they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import msgspec

from llm_gateway.core.chat import Image
from llm_gateway.core.embeddings import EmbeddingsReply, EmbeddingsRequest, Mixed, NumberType
from llm_gateway.core.errors import Unsupported
from llm_gateway.core.json import encode
from llm_gateway.dialects.base import Operation, Rendered, ReplyFacts, Target
from llm_gateway.dialects.embeddings import reply_in, request_in, tasks
from llm_gateway.dialects.embeddings.ends import WholeBack
from llm_gateway.dialects.embeddings.rendering import check_number_type, data_url, dropped, texts

_NUMBER_TYPES: tuple[NumberType, ...] = ("int8", "uint8", "binary", "ubinary")


class Names(msgspec.Struct, frozen=True):
    """What a provider calls the members, None: it has no such one. The rest is what it takes for values."""

    title: str
    """The provider's name in messages."""
    dimensions: str | None = None
    encoding: str = "encoding_format"
    encodings: tuple[str, ...] = ("float", "base64")
    """What is said in it; the others are what it does when nothing is said."""
    number_type: str | None = None
    number_types: tuple[NumberType, ...] = ()
    user: str | None = None
    task: str | None = None
    words: Mapping[Any, str] = MappingProxyType({})
    truncate: str | None = None
    """True: cut at the end, false: refuse."""
    tokens: bool = False
    images: bool = False


OPENAI = Names("The provider", dimensions="dimensions", user="user", tokens=True)
VOYAGE = Names(
    "Voyage",
    dimensions="output_dimension",
    encodings=("base64",),
    number_type="output_dtype",
    number_types=_NUMBER_TYPES,
    task="input_type",
    words=tasks.VOYAGE,
    truncate="truncation",
)
"""https://docs.voyageai.com/reference/embeddings-api"""
JINA = Names(
    "Jina",
    dimensions="dimensions",
    encoding="embedding_type",
    number_type="embedding_type",
    number_types=("binary", "ubinary"),
    task="task",
    words=tasks.JINA,
    truncate="truncate",
    images=True,
)
"""https://api.jina.ai/redoc#tag/embeddings"""
MISTRAL = Names("Mistral", dimensions="output_dimension", number_type="output_dtype", number_types=_NUMBER_TYPES)
"""https://docs.mistral.ai/api/endpoint/embeddings"""


class Variant(WholeBack):
    """A TypedBack."""

    operation = Operation.EMBEDDING

    def __init__(self, name: str, names: Names) -> None:
        self.name = name
        self._names = names

    def render_request(self, request: EmbeddingsRequest, target: Target) -> Rendered:
        """Raises Unsupported."""
        names = self._names
        check_number_type(request, names.title, names.number_types)
        inputs = self._inputs(request)
        alone = len(inputs) == 1 and not isinstance(inputs[0], dict)
        out: dict[str, Any] = {"model": target.model, "input": inputs[0] if alone else inputs}
        taken = [name for name in ("dimensions", "user") if getattr(names, name)]
        out |= {getattr(names, name): getattr(request, name) for name in taken if getattr(request, name) is not None}
        if request.number_type is not None:
            out[names.number_type or ""] = request.number_type
        elif request.encoding in names.encodings:
            out[names.encoding] = request.encoding
        if names.task and request.task in names.words:
            out[names.task] = names.words[request.task]
            taken.append("task")
        if names.truncate and request.truncate in ("none", "end"):
            out[names.truncate] = request.truncate == "end"
            taken.append("truncate")
        related = request.dialect == request_in.NAME
        if related:
            out = {name: value for name, value in request.extra.items() if name not in out} | out
        return Rendered(encode(out), dropped(request, taken, extra=not related))

    def check_reply(self, body: bytes) -> ReplyFacts:
        return reply_in.check_reply(body)

    def parse_reply(self, body: bytes) -> EmbeddingsReply:
        return reply_in.parse_reply(body)

    def _inputs(self, request: EmbeddingsRequest) -> list[Any]:
        names = self._names
        if names.tokens and all(isinstance(item, tuple) for item in request.inputs):
            return list(request.inputs)
        if not names.images or all(isinstance(item, str) for item in request.inputs):
            return list(texts(request, names.title))
        return [self._input(request, index, item) for index, item in enumerate(request.inputs)]

    def _input(self, request: EmbeddingsRequest, index: int, item: Any) -> Any:
        """An input among others of which some are pictures."""
        if isinstance(item, Mixed) and len(item.parts) == 1 and isinstance(item.parts[0], Image):
            place = request.input_place(index)
            url = data_url(item.parts[0], place)
            return {"image": url.partition("base64,")[2] if url.startswith("data:") else url}
        if isinstance(item, Mixed) and item.text is None:
            why = f"{self._names.title} embeds a text or a picture, not both as one."
            raise Unsupported(why, param=request.input_place(index))
        text = item.text if isinstance(item, Mixed) else item
        if isinstance(text, tuple):
            raise Unsupported(f"{self._names.title} takes texts, not tokens.", param=request.input_place(index))
        return {"text": text}


VOYAGE_EMBEDDINGS = Variant("voyage_embeddings", VOYAGE)
JINA_EMBEDDINGS = Variant("jina_embeddings", JINA)
MISTRAL_EMBEDDINGS = Variant("mistral_embeddings", MISTRAL)
