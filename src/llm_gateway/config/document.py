"""A configuration's tree as bytes, so that another process binds exactly what this one did.

Not the values that came of it: how a text is typed depends on whether it came from outside (a variable, a flag), and a mistake
is told with the place where it stands. Secrets are in it: it travels over sockets that only the same user can open, and lies on
disk sealed.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import msgspec

from llm_gateway.config.errors import Where
from llm_gateway.config.tree import MAX_DEPTH, MAX_NODES, Node

_DATES = (dt.datetime, dt.date, dt.time)


class Unpackable(Exception):
    """Bytes that are no tree."""


class _Packed(msgspec.Struct, frozen=True, array_like=True):
    """A Node. `value`: a scalar, {name: node}, [node] or, for a date, its ISO text with `date` saying which kind."""

    value: Any
    place: int
    origin: str = ""
    text: str = ""
    raw: str = ""
    keys: dict[str, int] = {}
    date: int = 0


class _Tree(msgspec.Struct, frozen=True, array_like=True):
    places: list[tuple[str, int, int]]
    root: Any


def pack(root: Node) -> bytes:
    """The tree as bytes. Nothing in it may be broken: it was bound before."""
    places: dict[Where, int] = {}
    packed = _pack(root, places)
    return msgspec.msgpack.encode(_Tree([(where.source, where.line, where.column) for where in places], packed))


def unpack(data: bytes) -> Node:
    """The tree again. Raises Unpackable."""
    try:
        tree = msgspec.msgpack.decode(data, type=_Tree)
        places = [Where(*place) for place in tree.places]
        return _unpack(tree.root, places, iter(range(MAX_NODES)), 0)
    except (msgspec.MsgspecError, IndexError, TypeError, ValueError, StopIteration) as error:
        raise Unpackable(f"the configuration that was sent cannot be read: {type(error).__name__}") from None


def _place(where: Where, places: dict[Where, int]) -> int:
    return places.setdefault(where, len(places))


def _pack(node: Node, places: dict[Where, int]) -> _Packed:
    value, date = node.value, 0
    if isinstance(value, dict):
        value = {key: _pack(child, places) for key, child in value.items()}
    elif isinstance(value, list):
        value = [_pack(child, places) for child in value]
    elif isinstance(value, _DATES):
        date = next(number for number, kind in enumerate(_DATES, 1) if isinstance(value, kind))
        value = value.isoformat()
    elif isinstance(value, int) and not -(1 << 63) <= value < 1 << 64:
        value, date = str(value), len(_DATES) + 1  # more digits than msgpack has
    keys = {key: _place(where, places) for key, where in node.keys.items()}
    return _Packed(value, _place(node.where, places), node.origin, node.text, node.raw, keys, date)


def _unpack(given: Any, places: list[Where], budget: Iterator[int], depth: int) -> Node:
    if next(budget, None) is None or depth > 2 * MAX_DEPTH:
        raise ValueError("too large")
    packed = msgspec.convert(given, _Packed)
    value = packed.value
    if packed.date:
        value = int(value) if packed.date > len(_DATES) else _DATES[packed.date - 1].fromisoformat(value)
    elif isinstance(value, dict):
        value = {str(key): _unpack(child, places, budget, depth + 1) for key, child in value.items()}
    elif isinstance(value, list):
        value = [_unpack(child, places, budget, depth + 1) for child in value]
    keys = {key: places[index] for key, index in packed.keys.items()}
    return Node(value, places[packed.place], keys=keys, text=packed.text, origin=packed.origin, raw=packed.raw)
