"""What an answer used, in token classes that never overlap.

Providers count differently: OpenAI's prompt_tokens includes cached ones, Anthropic's input_tokens does not. Dialects
translate into these disjoint classes, so that nothing is counted, limited or billed twice.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

import msgspec
from msgspec.structs import astuple

_CLASSES = 10
"""The first fields of every Usage; what its kinds add stands behind them."""


class Usage(msgspec.Struct, frozen=True, gc=False):
    """Tokens of one answer, each in exactly one class."""

    input: int = 0
    """Fresh prompt tokens: neither read from nor written to a prompt cache."""
    cache_read: int = 0
    cache_write: int = 0
    """Written to a prompt cache, at its default time to live."""
    cache_write_1h: int = 0
    """Written to Anthropic's one-hour prompt cache, which is priced apart."""
    output: int = 0
    """Visible output tokens. Where a provider does not tell reasoning apart, it is in here."""
    reasoning: int = 0
    audio_input: int = 0
    audio_output: int = 0
    accepted_prediction: int = 0
    rejected_prediction: int = 0
    cost: ClassVar[int] = 0
    """Nano-dollars that the provider itself says the answer costs (BilledUsage); 0: it says nothing."""

    @property
    def prompt(self) -> int:
        """All tokens that went in."""
        return self.input + self.cache_read + self.cache_write + self.cache_write_1h + self.audio_input

    @property
    def completion(self) -> int:
        """All tokens that came out."""
        return self.output + self.reasoning + self.audio_output + self.accepted_prediction + self.rejected_prediction

    @property
    def total(self) -> int:
        return sum(astuple(self)[:_CLASSES])


class BilledUsage(Usage, frozen=True, gc=False):
    """Of a provider that says what the answer costs."""

    cost: int = 0  # type: ignore[misc]  # every Usage has one, few are told one


class MediaUsage(Usage, frozen=True, gc=False):
    """What is not counted in tokens, or not only: as the answer told it, or as the request asked for it."""

    seconds: float = 0.0
    """Of sound that was transcribed."""
    characters: int = 0
    """Of text that was spoken."""
    images: int = 0
    """That were made."""
    pages: int = 0
    """That were read."""
    input_images: int = 0
    """That were looked at and are billed one by one (embeddings)."""
    searches: int = 0
    """Search units, as rerankers bill them."""
    cost: int = 0  # type: ignore[misc]  # as in BilledUsage
    size: str = ""
    """Of the images, as it was asked for, such as 1024x1024; "": nobody said."""
    quality: str = ""
    image_input: int = 0
    """Tokens of `input` that are pictures, which have a price of their own."""
    image_output: int = 0
    """The same of `output`."""

    @property
    def units(self) -> dict[str, int | float]:
        """Those that there are."""
        counted = {
            "seconds": self.seconds,
            "characters": self.characters,
            "images": self.images,
            "pages": self.pages,
            "input_images": self.input_images,
            "searches": self.searches,
        }
        return {name: count for name, count in counted.items() if count}


def has_others(usage: Usage) -> int:
    """Whether there are tokens of other classes than nearly all answers have, which are input, cache_read and output."""
    return (
        usage.reasoning
        or usage.cache_write
        or usage.cache_write_1h
        or usage.audio_input
        or usage.audio_output
        or usage.accepted_prediction
        or usage.rejected_prediction
    )


def sides(usage: Usage) -> tuple[int, int]:
    """Its `prompt` and `completion`, for who wants both: less than half the time of two properties."""
    return (
        usage.input + usage.cache_read + usage.cache_write + usage.cache_write_1h + usage.audio_input,
        usage.output + usage.reasoning + usage.audio_output + usage.accepted_prediction + usage.rejected_prediction,
    )


_UNITS = ("seconds", "characters", "images", "pages", "input_images", "searches", "image_input", "image_output")


def summed(usages: Iterable[Usage]) -> Usage:
    """Of several answers together. What one of them says of its images' size holds for all."""
    told: dict[str, Any] = {}
    media = False
    for usage in usages:
        for name in Usage.__struct_fields__:
            told[name] = told.get(name, 0) + getattr(usage, name)
        told["cost"] = told.get("cost", 0) + usage.cost
        if isinstance(usage, MediaUsage):
            media = True
            for name in _UNITS:
                told[name] = told.get(name, 0) + getattr(usage, name)
            told["size"], told["quality"] = usage.size, usage.quality
    if media:
        return MediaUsage(**told)
    cost = told.pop("cost", 0)
    return BilledUsage(**told, cost=cost) if cost else Usage(**told)
