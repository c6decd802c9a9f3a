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


_By = dict[Text, Money]


class Prices(Section, frozen=True):
    """US dollars; of a million tokens where nothing else is said. A class of tokens without a price is charged as the one that
    it is part of.
    """

    input: Annotated[Money | None, about("Of the prompt; absent: tokens of it cost nothing that is known.")] = None
    output: Annotated[Money | None, about("Of the answer; absent: there is none to pay for (embeddings).")] = None
    cache_read: Annotated[Money | None, about("Of prompt tokens read from a cache.")] = None
    cache_write: Annotated[Money | None, about("Of prompt tokens written to a cache.")] = None
    cache_write_1h: Annotated[Money | None, about("Of prompt tokens written to a cache for an hour.")] = None
    reasoning: Annotated[Money | None, about("Of reasoning tokens.")] = None
    audio_input: Annotated[Money | None, about("Of audio in the prompt.")] = None
    audio_output: Annotated[Money | None, about("Of audio in the answer.")] = None
    image_input: Annotated[Money | None, about("Of images in the prompt, in tokens.")] = None
    image_output: Annotated[Money | None, about("Of images in the answer, in tokens.")] = None
    request: Annotated[Money | None, about("Of one request, besides its tokens.")] = None
    image: Annotated[Money | None, about("Of one image that is made.")] = None
    image_by: Annotated[
        _By,
        about(
            "The same by `quality/size`, `quality` or `size` of the request, such as `high/1024x1024`, in lower case. `image` is "
            "for all others. A request that does not say enough is charged the highest price it may have, marked as estimated."
        ),
    ] = msgspec.field(default_factory=dict)
    pixels: Annotated[Money | None, about("Of a million pixels of images that are made, where `image` is not said.")] = None
    input_image: Annotated[Money | None, about("Of one image that is looked at (embeddings).")] = None
    characters: Annotated[Money | None, about("Of a million characters that are spoken.")] = None
    audio_hour: Annotated[Money | None, about("Of an hour of sound that is listened to.")] = None
    audio_output_hour: Annotated[Money | None, about("Of an hour of sound that is made.")] = None
    video_second: Annotated[Money | None, about("Of a second of video that is made.")] = None
    video_second_by: Annotated[_By, about("The same by resolution, such as `720p` or `4k`; like `image_by`.")] = msgspec.field(
        default_factory=dict
    )
    video_input_second: Annotated[Money | None, about("Of a second of video that is looked at.")] = None
    song: Annotated[Money | None, about("Of a piece of music that is made.")] = None
    page: Annotated[Money | None, about("Of a page that is read (OCR).")] = None
    annotated_page: Annotated[Money | None, about("Of a page that is read and annotated.")] = None
    search_unit: Annotated[Money | None, about("Of a search unit, as rerankers bill them.")] = None
    web_search: Annotated[Money | None, about("Of a search in the web.")] = None
    storage_search: Annotated[Money | None, about("Of a search in stored files.")] = None
    maps_search: Annotated[Money | None, about("Of a search in maps.")] = None
    container: Annotated[Money | None, about("Of a session of the code interpreter.")] = None
    message: Annotated[Money | None, about("Of a text message to a model that is paid by time.")] = None

    def check(self) -> Iterator[Fault]:
        if all(getattr(self, name) in (None, {}) for name in self.__struct_fields__):
            yield "", "has no price"
        for field in ("image_by", "video_second_by"):
            table = getattr(self, field)
            if len(table) > _WORDS:
                yield field, f"has more than {_WORDS} entries"
            for words in table:
                if len(words) > _WORDS or words != words.lower() or not all(words.split("/")):
                    yield field, f"has {words!r}, which is not words in lower case with a / between them"


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
