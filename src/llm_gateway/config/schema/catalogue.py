"""`catalogue`: what is known of models, where the built-in data is wrong, old, or has nothing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Annotated

import msgspec

from llm_gateway.config.schema.base import Fault, Section, Text, about
from llm_gateway.config.values import Money

_WORDS = 64
_Tokens = Annotated[int, msgspec.Meta(ge=1, le=2**40)]


class Prices(Section, frozen=True):
    """US dollars of a million tokens. A class without a price is charged as the one that it is part of."""

    input: Annotated[Money, about("Of the prompt.")]
    output: Annotated[Money | None, about("Of the answer; absent: there is none to pay for (embeddings).")] = None
    cache_read: Annotated[Money | None, about("Of prompt tokens read from a cache.")] = None
    cache_write: Annotated[Money | None, about("Of prompt tokens written to a cache.")] = None
    cache_write_1h: Annotated[Money | None, about("Of prompt tokens written to a cache for an hour.")] = None
    reasoning: Annotated[Money | None, about("Of reasoning tokens.")] = None
    audio_input: Annotated[Money | None, about("Of audio in the prompt.")] = None
    audio_output: Annotated[Money | None, about("Of audio in the answer.")] = None
    image_input: Annotated[Money | None, about("Of images in the prompt.")] = None
    image_output: Annotated[Money | None, about("Of images in the answer.")] = None
    request: Annotated[Money | None, about("Of one request, besides its tokens.")] = None


class ModelFacts(Section, frozen=True):
    """What is so of a model, whatever the catalogue or its provider says; absent: as they say."""

    context_window: Annotated[_Tokens | None, about("Tokens of prompt and answer together.")] = None
    max_output_tokens: Annotated[_Tokens | None, about("Most tokens of an answer.")] = None
    input_modalities: Annotated[tuple[Text, ...] | None, about("What it takes: text, image, audio, video, pdf.")] = None
    output_modalities: Annotated[tuple[Text, ...] | None, about("What it gives: text, image, audio, video.")] = None
    capabilities: Annotated[
        tuple[Text, ...] | None,
        about("What it can do: tools, reasoning, structured_output, prompt_caching, or words of your own."),
    ] = None
    deprecated: Annotated[bool | None, about("Whether it is on its way out.")] = None
    retires: Annotated[date | None, about("The day it ends.")] = None
    prices: Annotated[Prices | None, about("All of its prices, in place of those in the catalogue.")] = None

    def check(self) -> Iterator[Fault]:
        for field in ("input_modalities", "output_modalities", "capabilities"):
            if len(getattr(self, field) or ()) > _WORDS:
                yield field, f"has more than {_WORDS} entries"


class Catalogue(Section, frozen=True):
    """What is known of models, and what they cost."""

    file: Annotated[
        Text | None, about("Data to use in place of the built-in and of what `llm-gateway models update` installed.")
    ] = None
    models: Annotated[
        dict[str, ModelFacts],
        about(
            "What you know better, by provider/model. A name that ends in * is for all that begin like it; the longest counts."
        ),
    ] = msgspec.field(default_factory=dict)
