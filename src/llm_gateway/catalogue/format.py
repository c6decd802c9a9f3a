"""The catalogue's file: JSON, one model a line, written by scripts/catalogue.py and read here.

Money is whole nano-dollars (1e-9 USD): of a million tokens, characters or pixels; of an hour of sound; of a second of video;
of one image, request, search, page, message and so on. A rate is one number, or `[base, threshold, rate, threshold, rate ...]`:
a prompt of more tokens than a threshold is charged at the rate behind it, all of it. What is not tokens may have several prices
by words of the request, such as `{"low/1024x1024": 1, "high/1024x1024": 2}`; "" is for all the rest.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, time
from types import MappingProxyType
from typing import Annotated

import msgspec

FORMAT = 2
LARGEST = 16 << 20
"""Bytes of a file."""
MOST_MODELS = 50_000
MILLION = 1_000_000
PER: Mapping[str, int] = MappingProxyType(
    {"audio_ms": 3_600_000, "audio_output_ms": 3_600_000, "video_ms": 1000, "video_input_ms": 1000}
    | dict.fromkeys(("image", "input_image", "song", "page", "annotated_page", "request", "message", "container"), 1)
    | dict.fromkeys(("web_search", "storage_search", "maps_search", "search_unit"), 1)
)
"""How many of a unit a rate is for, where it is not a million (tokens, characters, pixels)."""

Id = Annotated[str, msgspec.Meta(min_length=1, max_length=256)]
Short = Annotated[str, msgspec.Meta(max_length=256)]
Tokens = Annotated[int, msgspec.Meta(gt=0, le=1 << 40)]
_Nano = Annotated[int, msgspec.Meta(ge=0, le=1 << 50)]
_Steps = Annotated[tuple[_Nano, ...], msgspec.Meta(min_length=3, max_length=21)]
Rate = _Nano | _Steps
_Words = Annotated[str, msgspec.Meta(max_length=64)]
Choices = Annotated[dict[_Words, _Nano], msgspec.Meta(min_length=2, max_length=64)]
"""By words of the request in lower case, `/` between them: a quality, a size such as 1024x1024 or 720p."""
Each = _Nano | Choices


class Unusable(Exception):
    """A file that is no catalogue, or one of another time; the message says what is wrong with it and what to do."""


class _Record(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, gc=False):
    """What all parts of the file share: an unknown member is an error."""


class Rates(_Record, frozen=True, gc=False):
    """Prices by class; None: this class is charged as the one that it is part of (see prices.py)."""

    input: Rate | None = None
    cache_read: Rate | None = None
    cache_write: Rate | None = None
    cache_write_1h: Rate | None = None
    output: Rate | None = None
    reasoning: Rate | None = None
    citation: Rate | None = None
    audio_input: Rate | None = None
    audio_cache_read: Rate | None = None
    audio_output: Rate | None = None
    image_input: Rate | None = None
    image_cache_read: Rate | None = None
    image_output: Rate | None = None
    video_input: Rate | None = None
    video_output: Rate | None = None
    character: Rate | None = None
    audio_ms: Rate | None = None
    """Of an hour of sound that is listened to, counted in milliseconds."""
    audio_output_ms: Rate | None = None
    """Of an hour of sound that is made, counted in milliseconds."""
    image: Each | None = None
    """Of an image that is made."""
    pixel: Rate | None = None
    """Of a million pixels of images that are made."""
    input_image: Each | None = None
    """Of an image that is looked at."""
    video_ms: Each | None = None
    """Of a second of video that is made, counted in milliseconds."""
    video_input_ms: Each | None = None
    """Of a second of video that is looked at, counted in milliseconds."""
    song: Rate | None = None
    """Of a piece of music that is made."""
    page: Rate | None = None
    annotated_page: Rate | None = None
    search_unit: Rate | None = None
    """Of what rerankers count: usually one query over up to a hundred documents."""
    web_search: Each | None = None
    storage_search: Rate | None = None
    maps_search: Rate | None = None
    container: Rate | None = None
    """Of a session of the code interpreter."""
    request: Rate | None = None
    message: Rate | None = None


class Period(_Record, frozen=True, gc=False):
    """Prices and when they hold: from a day on (UTC), or every day between two times (UTC; may span midnight)."""

    rates: Rates
    since: date | None = None
    hours: tuple[time, time] | None = None


class Variant(_Record, frozen=True, gc=False):
    """Rates that a way of processing (batch, flex, priority, fast ...) has in place of the usual ones."""

    tier: Short
    rates: Rates
    since: date | None = None
    hours: tuple[time, time] | None = None


class Entry(_Record, frozen=True, gc=False):
    """A model, or several that have all this in common. Absent: nobody said."""

    id: Id
    ids: tuple[Id, ...] = ()
    """The names it is asked for by, in lower case."""
    globs: tuple[Id | tuple[Id, ...], ...] = ()
    """Patterns of further names: `*` anything, `#` a digit, a leading `!` not; of a list all must hold."""
    name: Short = ""
    context: Tokens | None = None
    output: Tokens | None = None
    takes: tuple[Short, ...] = ()
    gives: tuple[Short, ...] = ()
    features: tuple[Short, ...] = ()
    released: date | None = None
    knowledge: Short = ""
    deprecated: bool = False
    retires: date | None = None
    prices: tuple[Period, ...] = ()
    """The last that holds counts; if none does, the first."""
    variants: tuple[Variant, ...] = ()
    """For each class the first that holds counts."""
    units: tuple[Variant, ...] = ()
    """Of what is not tokens, by another source, where `prices` (tier `standard`) or `variants` have none."""
    instead: tuple[Short, ...] = ()
    """Classes whose price says what tokens come to: charged only where an answer told no tokens."""
    units_source: Short = ""
    """Who said them, if not the first of the file's sources."""
    source: Short = ""
    """Who said the prices, if not the first of the file's sources."""


class Shelf(_Record, frozen=True, gc=False):
    """The models of one provider type. `fallback`: types whose models it resells, at the same prices."""

    models: msgspec.Raw
    fallback: tuple[Short, ...] = ()


class Source(_Record, frozen=True, gc=False):
    """Where data came from. `newest`: the latest date in it."""

    package: Short
    version: Short
    license: Short
    newest: date | None = None


class Book(_Record, frozen=True):
    """The whole file. `date`: the day it was made."""

    format: int
    date: date
    sources: tuple[Source, ...]
    providers: dict[Short, Shelf]


class _Head(msgspec.Struct):
    """Enough to tell whose file this is."""

    format: int


_head = msgspec.json.Decoder(_Head)
_book = msgspec.json.Decoder(Book)
_entries = msgspec.json.Decoder(tuple[Entry, ...])


def read(data: bytes) -> Book:
    """The file, its shelves still closed. Raises Unusable."""
    if len(data) > LARGEST:
        raise Unusable(f"is larger than {LARGEST} bytes")
    try:
        made = _head.decode(data).format
        if made != FORMAT:
            older = "an older" if made < FORMAT else "a newer"
            raise Unusable(
                f"is in format {made}, made for {older} llm-gateway; this one reads format {FORMAT}. "
                "Make it anew with the scripts/catalogue.py of this version."
            )
        return _book.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Unusable(f"is not a catalogue: {error}") from None


def entries(shelf: Shelf) -> tuple[Entry, ...]:
    """The models of a shelf. Raises Unusable."""
    try:
        return _entries.decode(shelf.models)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Unusable(f"is not a catalogue: {error}") from None


def checked(book: Book) -> Book:
    """The same book, every shelf of it opened once. Raises Unusable for what is wrong anywhere in it."""
    count = 0
    for name, shelf in book.providers.items():
        seen: set[str] = set()
        for entry in entries(shelf):
            count += 1
            if entry.id in seen:
                raise Unusable(f"has the model {entry.id} of {name} twice")
            seen.add(entry.id)
            _check_steps(name, entry)
        for other in shelf.fallback:
            if other not in book.providers:
                raise Unusable(f"lets {name} fall back on {other}, which it does not have")
    if count > MOST_MODELS:
        raise Unusable(f"has more than {MOST_MODELS} models")
    if not count:
        raise Unusable("has no models")
    return book


def _check_steps(name: str, entry: Entry) -> None:
    variants = (*entry.variants, *entry.units)
    for rates in (*(period.rates for period in entry.prices), *(variant.rates for variant in variants)):
        for rate in msgspec.structs.astuple(rates):
            if isinstance(rate, tuple) and (len(rate) % 2 == 0 or list(rate[1::2]) != sorted(set(rate[1::2]))):
                raise Unusable(f"has steps of {name}/{entry.id} that do not rise")
