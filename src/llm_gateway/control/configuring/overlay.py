"""The objects of the API as a layer of the configuration (config/load.py), and as a part of the snapshot.

The part is how they outlive a store that is away: a process that starts without it goes on from what was served last. Like the
configuration beside it, it is sealed on disk and has secrets in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

import msgspec

from llm_gateway.config.load import Overlay
from llm_gateway.control.configuring.kinds import KINDS, RULE, Made

PART = "objects"
"""Of the snapshot."""
POSITION = "position"
"""Of a rule: its place among those of the API, which come behind the file's."""


def overlay_of(made: Iterable[Made]) -> Overlay:
    """All of them at their places."""
    found: dict[Any, Any] = {}
    for one in in_order(made):
        kind = KINDS[one.kind]
        found[kind.path(one.name)] = written(one)
    return MappingProxyType(found)


def written(one: Made) -> Any:
    """The document as a file would have it."""
    if one.kind != RULE.name:
        return one.document
    return {"name": one.name, **{key: value for key, value in one.document.items() if key != POSITION}}


def in_order(made: Iterable[Made]) -> list[Made]:
    """By kind; rules by their position, then by age."""

    def place(one: Made) -> tuple[str, int, int, str]:
        if one.kind != RULE.name:
            return one.kind, 0, 0, one.name
        return one.kind, one.document.get(POSITION, 0), one.created_at, one.name

    return sorted(made, key=place)


def packed(made: Iterable[Made]) -> bytes:
    """For the snapshot."""
    return msgspec.msgpack.encode(in_order(made))


def unpacked(part: bytes | None) -> tuple[Made, ...]:
    """Nothing where it cannot be read: the store has it, too."""
    try:
        return () if part is None else msgspec.msgpack.decode(part, type=tuple[Made, ...])
    except msgspec.MsgspecError:
        return ()


def kept(parts: Mapping[str, bytes]) -> Overlay:
    """The layer that a snapshot was made with."""
    return overlay_of(unpacked(parts.get(PART)))
