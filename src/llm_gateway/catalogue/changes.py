"""What is different between two catalogues, for who updates one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from llm_gateway.catalogue.format import Book, Entry, entries


class Changes(NamedTuple):
    """Models by provider type/model, each list sorted."""

    new: tuple[str, ...]
    gone: tuple[str, ...]
    repriced: tuple[str, ...]


def changes(before: Book, after: Book) -> Changes:
    """What the second has in place of the first. Raises Unusable for a book that was not checked."""
    old, new = _models(before), _models(after)
    repriced = (name for name in old.keys() & new.keys() if _prices(old[name]) != _prices(new[name]))
    return Changes(_sorted(new.keys() - old.keys()), _sorted(old.keys() - new.keys()), _sorted(repriced))


def _models(book: Book) -> dict[str, Entry]:
    return {f"{kind}/{entry.id}": entry for kind, shelf in book.providers.items() for entry in entries(shelf)}


def _prices(entry: Entry) -> tuple[object, ...]:
    return entry.prices, entry.variants, entry.units, entry.instead


def _sorted(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(names))
