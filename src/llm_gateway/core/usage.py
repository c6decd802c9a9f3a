"""What an answer used, in token classes that never overlap.

Providers count differently: OpenAI's prompt_tokens includes cached ones, Anthropic's input_tokens does not. Dialects
translate into these disjoint classes, so that nothing is counted, limited or billed twice.
"""

from __future__ import annotations

import msgspec


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
        return self.prompt + self.completion


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
    size: str = ""
    """Of the images, as it was asked for, such as 1024x1024; "": nobody said."""
    quality: str = ""

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
