"""What a book says of a model, its shelves opened one by one when first asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import date
from types import MappingProxyType

import msgspec

from llm_gateway.catalogue.format import Book, Entry, Period, Rates, entries
from llm_gateway.catalogue.match import Names, spellings
from llm_gateway.catalogue.prices import STANDARD, Tariff

_MEDIA_IN: Mapping[str, str] = MappingProxyType({"image": "vision", "pdf": "pdf", "audio": "audio_input", "video": "video_input"})
_MEDIA_OUT: Mapping[str, str] = MappingProxyType({"image": "image_output", "audio": "audio_output", "video": "video_output"})

_NOTHING = (Period(Rates()),)
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
        resold = priced is None
        for other in shelf.fallback:
            if priced is None:
                priced = _first(self._names(other).priced, names)
        told = about or priced
        return None if told is None else self._model(told, priced, resold=resold)

    def all(self, kind: str) -> Iterator[tuple[str, Model]]:
        """Every model of a provider type by the name it is listed under."""
        shelf = self.book.providers.get(kind)
        for entry in entries(shelf) if shelf is not None else ():
            found = self.find(kind, entry.id) or self._model(entry, entry)
            yield entry.id, found

    def _names(self, kind: str) -> Names:
        names = self._shelves.get(kind)
        if names is None:
            names = self._shelves[kind] = Names(entries(self.book.providers[kind]))
        return names

    def _model(self, told: Entry, priced: Entry | None, *, resold: bool = False) -> Model:
        tariff = _tariff(told, priced, resold=resold)
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
            "" if tariff is None else self._source(told, priced),
        )

    def _source(self, told: Entry, priced: Entry | None) -> str:
        """Who said the prices: of tokens, then of the units beside them."""
        first = self.book.sources[0].package
        said = [priced.source or first] if priced is not None and priced.prices else []
        beside = next((entry.units_source for entry in (told, priced) if entry is not None and entry.units), None)
        return " + ".join(dict.fromkeys(said if beside is None else (*said, beside or first)))


def _tariff(told: Entry, priced: Entry | None, *, resold: bool) -> Tariff | None:
    """`priced`: whose prices it has, after what it says of units itself. A reseller's batch prices are not the owner's."""
    owner = priced if priced is not told else None
    units = told.units
    if owner is not None:
        units += tuple(unit for unit in owner.units if not resold or unit.tier == STANDARD)
    if not units and (priced is None or not priced.prices):
        return None
    instead = tuple(dict.fromkeys((*told.instead, *(owner.instead if owner is not None else ()))))
    if priced is None:
        return Tariff(_NOTHING, (), units, instead)
    return Tariff(priced.prices or _NOTHING, () if resold else priced.variants, units, instead)


def _first(find: Callable[[str], Entry | None], names: tuple[str, ...]) -> Entry | None:
    return next((entry for name in names if (entry := find(name)) is not None), None)


def media_words(takes: tuple[str, ...], gives: tuple[str, ...]) -> tuple[str, ...]:
    """Media as capabilities, which is how callers look for them: `vision` for what takes images, and so on."""
    taken = tuple(word for kind, word in _MEDIA_IN.items() if kind in takes)
    return taken + tuple(word for kind, word in _MEDIA_OUT.items() if kind in gives)
