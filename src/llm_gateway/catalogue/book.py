"""What a book says of a model, its shelves opened one by one when first asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import date
from types import MappingProxyType

import msgspec

from llm_gateway.catalogue.format import Book, Entry, Variant, entries
from llm_gateway.catalogue.match import Names, spellings
from llm_gateway.catalogue.prices import Tariff

_MEDIA_IN: Mapping[str, str] = MappingProxyType({"image": "vision", "pdf": "pdf", "audio": "audio_input", "video": "video_input"})
_MEDIA_OUT: Mapping[str, str] = MappingProxyType({"image": "image_output", "audio": "audio_output", "video": "video_output"})

MEDIA_WORDS = frozenset((*_MEDIA_IN.values(), *_MEDIA_OUT.values()))


class Model(msgspec.Struct, frozen=True, gc=False):
    """What is known of a model. None, "" and () are "nobody said"; `source` says who told the prices."""

    name: str = ""
    context_window: int | None = None
    max_output_tokens: int | None = None
    input_modalities: tuple[str, ...] = ()
    output_modalities: tuple[str, ...] = ()
    capabilities: tuple[str, ...] = ()
    released: date | None = None
    knowledge: str = ""
    deprecated: bool | None = None
    retires: date | None = None
    tariff: Tariff | None = None
    source: str = ""


class Data:
    """A book, readable by provider type and model. Raises Unusable from `find` only for a book that was not checked."""

    def __init__(self, book: Book) -> None:
        self.book = book
        self._shelves: dict[str, Names] = {}

    def find(self, kind: str, model: str) -> Model | None:
        """What is known of a model of a provider type; None: nothing."""
        shelf = self.book.providers.get(kind)
        if shelf is None:
            return None
        names = tuple(spellings(kind, model))
        own = self._names(kind)
        about = _first(own.about, names)
        priced = _first(own.priced, names)
        variants = priced.variants if priced is not None else ()
        for other in shelf.fallback:
            if priced is None:
                priced = _first(self._names(other).priced, names)  # a reseller's batch prices are not the owner's
        told = about or priced
        return None if told is None else self._model(told, priced, variants)

    def all(self, kind: str) -> Iterator[tuple[str, Model]]:
        """Every model of a provider type by the name it is listed under."""
        shelf = self.book.providers.get(kind)
        for entry in entries(shelf) if shelf is not None else ():
            found = self.find(kind, entry.id) or self._model(entry, entry, entry.variants)
            yield entry.id, found

    def _names(self, kind: str) -> Names:
        names = self._shelves.get(kind)
        if names is None:
            names = self._shelves[kind] = Names(entries(self.book.providers[kind]))
        return names

    def _model(self, told: Entry, priced: Entry | None, variants: tuple[Variant, ...]) -> Model:
        tariff = Tariff(priced.prices, variants) if priced is not None and priced.prices else None
        return Model(
            told.name,
            told.context,
            told.output,
            told.takes,
            told.gives,
            (*told.features, *media_words(told.takes, told.gives)),
            told.released,
            told.knowledge,
            told.deprecated or None,
            told.retires,
            tariff,
            (priced.source or self.book.sources[0].package) if tariff is not None and priced is not None else "",
        )


def _first(find: Callable[[str], Entry | None], names: tuple[str, ...]) -> Entry | None:
    return next((entry for name in names if (entry := find(name)) is not None), None)


def media_words(takes: tuple[str, ...], gives: tuple[str, ...]) -> tuple[str, ...]:
    """Media as capabilities, which is how callers look for them: `vision` for what takes images, and so on."""
    taken = tuple(word for kind, word in _MEDIA_IN.items() if kind in takes)
    return taken + tuple(word for kind, word in _MEDIA_OUT.items() if kind in gives)
