"""What a request wants made or listened to, told from the request alone: for what is reserved before an answer, and for what is
charged where no answer ever says.

Where a request does not say it (how long a file of sound is, how many pages a document has), the most that it may be is taken for
a reservation and the usual for a charge. Token counts are rules of thumb from what OpenAI publishes for its own models
(platform.openai.com/docs/guides/images, .../audio): for models that have a price for tokens only.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from math import ceil
from struct import unpack_from
from types import MappingProxyType

import msgspec

from llm_gateway.core.estimate import CHARS_PER_TOKEN
from llm_gateway.core.usage import MediaUsage
from llm_gateway.dialects.base import Operation
from llm_gateway.dialects.openai_media.front import MediaView

LEAST_RATE = 2_000
"""Bytes a second of sound that is hardly ever stored in fewer (16 kbit/s)."""
USUAL_RATE = 8_000
MOST_RATE = 400_000
"""Of plain samples: what a file says of itself is believed up to here (48 kHz, two channels of 32 bits)."""
SPEECH_BYTES = 10
"""Of a text that is spoken, in a second at least."""
HEARD = 32
"""Tokens of a second of sound that is listened to, at most."""
SPOKEN = 25
"""The same of sound that is made."""
SAID = 5
"""Tokens of what is said in a second, at most."""
PICTURE_IN = 6_300
"""Tokens of a picture that is looked at closely, at most."""
PARTIALS = 400
"""Tokens of the pictures that a stream shows before each whole one, at most."""
LARGEST = "1536x1024"
"""The picture that is taken where a request leaves the size to the model."""
PIXELS: Mapping[str, int] = MappingProxyType({"low": 3600, "medium": 900})
"""Of a picture, for each token, by quality; of all other qualities FINEST."""
FINEST = 250
SOMEWHERE = 100
"""Pages of a document that only a URL stands for."""
LEAST_PAGE, USUAL_PAGE = 4 << 10, 100_000
"""Bytes of a request for each page of a document in it."""
_SIZE = re.compile(r"(\d{1,5})x(\d{1,5})")
_PICTURES = (b'"image_url"', b'"file_id"')
_MOST_PICTURES = 16
_PROMPT = 8_000
"""Tokens of a picture's description, at most: 32,000 characters."""
_NONE: Mapping[str, int] = MappingProxyType({})


class Wanted(msgspec.Struct, frozen=True, gc=False):
    """`told`: as an answer would tell it in units. `tokens`: as one would that counts tokens. `beside` each: classes of
    catalogue.prices.EXTRAS.
    """

    told: MediaUsage
    beside: Mapping[str, int] = _NONE
    tokens: MediaUsage = MediaUsage()
    beside_tokens: Mapping[str, int] = _NONE

    @property
    def prompt(self) -> int:
        """Tokens that go in."""
        return self.tokens.prompt + self.beside_tokens.get("image_input", 0)


def wanted(operation: Operation, view: MediaView, body: bytes, *, most: bool = True) -> Wanted | None:
    """`most`: the most that it may be; else the usual. None: what is asked for is counted in tokens."""
    match operation:
        case Operation.IMAGE:
            return _pictures(view, body)
        case Operation.SPEECH:
            return _speech(view)
        case Operation.TRANSCRIPTION:
            return _transcript(view, body, LEAST_RATE if most else USUAL_RATE)
        case Operation.OCR:
            pages = _pages(body, most=most)
            return Wanted(MediaUsage(pages=pages), tokens=MediaUsage(pages=pages))
    return None


def _pictures(view: MediaView, body: bytes) -> Wanted:
    given = len(view.files) or min(sum(map(body.count, _PICTURES)), _MOST_PICTURES)
    text, count = min(_text(view), _PROMPT), view.choices  # more of it is pictures as text
    told = MediaUsage(input=text, images=count, input_images=given, size=view.size, quality=view.quality)
    seen = {"image_input": PICTURE_IN * given} if given else {}
    size = view.size if _SIZE.fullmatch(view.size) else LARGEST
    width, _, height = size.partition("x")
    each = ceil(int(width) * int(height) / PIXELS.get(view.quality, FINEST))
    made = count * (each + (PARTIALS if view.stream else 0))
    return Wanted(told, seen, msgspec.structs.replace(told, size=size), {**seen, "image_output": made})


def _speech(view: MediaView) -> Wanted:
    text, seconds = _text(view), view.text / SPEECH_BYTES / view.speed
    told = MediaUsage(input=text, characters=view.characters)
    tokens = MediaUsage(input=text, audio_output=ceil(SPOKEN * seconds))
    return Wanted(told, {"audio_output_ms": ceil(seconds * 1000)}, tokens)


def _transcript(view: MediaView, body: bytes, rate: int) -> Wanted:
    seconds = sum((end - start) / (_wave_rate(body, start) or rate) for start, end in view.files)
    tokens = MediaUsage(input=_text(view), audio_input=ceil(HEARD * seconds), output=ceil(SAID * seconds))
    return Wanted(MediaUsage(seconds=seconds), tokens=tokens)


def _wave_rate(body: bytes, start: int) -> int:
    """Bytes a second of a WAVE file with plain samples, by which every reader of it goes; 0: it is another one."""
    if body[start : start + 4] != b"RIFF" or body[start + 8 : start + 12] != b"WAVE":
        return 0
    at = body.find(b"fmt ", start, start + 4096)
    if at < 0 or at + 24 > len(body):
        return 0
    kind, _channels, samples, _rate, align = unpack_from("<HHIIH", body, at + 8)
    return min(samples * align, MOST_RATE) if kind in (1, 3, 0xFFFE) else 0


def _pages(body: bytes, *, most: bool) -> int:
    if b'"image_url"' in body and b'"document_url"' not in body:
        return 1
    if b"base64," in body:
        return ceil(len(body) / (LEAST_PAGE if most else USUAL_PAGE))
    return SOMEWHERE if most else 1


def _text(view: MediaView) -> int:
    """Tokens of the text in it."""
    return view.text // CHARS_PER_TOKEN + 1
