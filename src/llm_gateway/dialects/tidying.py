"""Takes apart a request that holds more than a dialect's wire.py knows: what every tidy.py does around its own members."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

import msgspec
from msgspec import Raw

from llm_gateway.core.json import MalformedJson, decode, encode
from llm_gateway.dialects.invalid import malformed, read

Object = dict[str, Raw]
_Shape = TypeVar("_Shape")

NULL = b"null"


class _Thing(msgspec.Struct, gc=False):
    """Any object."""


class Tidy(Protocol):
    """A request taken apart: `body` fits wire.py as far as names go; `extra` holds what was taken out, by its path."""

    body: bytes
    extra: Object


class Tidying:
    """What is left of a request, and `extra`. Values that stay are not decoded, so their bytes survive; whatever is of the
    wrong type is left in place.
    """

    def __init__(self) -> None:
        self.extra: Object = {}

    def _keep(self, thing: Object, known: frozenset[str], path: str) -> None:
        """Moves the members that are not `known` to `extra`; null says nothing."""
        for name in [name for name in thing if name not in known]:
            value = thing.pop(name)
            if bytes(value) != NULL:
                self.extra[f"{path}.{name}" if path else name] = value

    def _object(self, holder: Object, name: str, known: frozenset[str], path: str) -> Object | None:
        """`_keep` for the object at `name` of `holder`, if there is one."""
        thing = as_shape(holder.get(name), Object)
        if thing is not None:
            self._keep(thing, known, path)
            holder[name] = Raw(encode(thing))
        return thing

    def _list(self, holder: Object, name: str, path: str, tidy: Callable[[Object, str], Object]) -> None:
        """Runs `tidy` on each object of the list at `name`, if it is a list of objects."""
        items = as_shape(holder.get(name), list[Object])
        if items is not None:
            holder[name] = Raw(encode([tidy(item, f"{path}[{index}]") for index, item in enumerate(items)]))


def as_shape(value: Raw | None, type: type[_Shape]) -> _Shape | None:  # noqa: A002 - msgspec's word
    """`value` as `type`; None if it is none."""
    if value is None:
        return None
    try:
        return decode(bytes(value), type)
    except msgspec.ValidationError:
        return None


def raw_text(text: str) -> Raw:
    return Raw(encode(text))


def read_or_tidy(body: bytes, shape: type[_Shape], tidy: Callable[[bytes], Tidy]) -> tuple[_Shape, Object]:
    """The request, and what of it has no place in `shape`. Raises MalformedBody and InvalidRequest."""
    try:
        return decode(body, shape), {}
    except MalformedJson as error:
        raise malformed(body, error) from None
    except msgspec.ValidationError:
        return read_tidied(body, shape, tidy)


def read_tidied(body: bytes, shape: type[_Shape], tidy: Callable[[bytes], Tidy]) -> tuple[_Shape, Object]:
    """`read_or_tidy` of a request that is known not to fit as it is."""
    read(body, _Thing)  # refuses what is no object
    try:
        tidied = tidy(body)
    except MalformedJson as error:  # inside of a value that was skipped until now
        raise malformed(body, error) from None
    return read(tidied.body, shape), tidied.extra
