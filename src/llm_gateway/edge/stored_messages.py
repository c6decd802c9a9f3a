"""What a worker asks control about stored objects: method names, and what is said, in msgpack. Times are Unix milliseconds.

put       Put          whether it is kept
chain     Chain        list of Stored, the newest first
delete    Name         whether it was there
owners    Items        item -> owner
own       Own          nothing
disown    Items        nothing

`until`: whoever asked does not wait any longer, and may have asked again: what was not begun by then is not done.
"""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from llm_gateway.edge.stored import Stored

PUT, CHAIN, DELETE, OWNERS, OWN, DISOWN = "put", "chain", "delete", "owners", "own", "disown"
SETTLE = "settle"
"""Control asks a worker: a key, or several, that nobody knows. If they wait there, they are handed in before the answer."""
AWAY, STARTING = "away", "starting"
"""Kinds of refusals: the store cannot be used; it will be in a moment."""

Shape = TypeVar("Shape")


class Name(msgspec.Struct, frozen=True, array_like=True):
    owner: str
    id: str
    until: int


class Chain(msgspec.Struct, frozen=True, array_like=True):
    owner: str
    id: str
    links: int
    size: int


class Put(msgspec.Struct, frozen=True, array_like=True):
    owner: str
    id: str
    stored: Stored
    made: int
    until: int


class Items(msgspec.Struct, frozen=True, array_like=True):
    provider: str
    kind: str
    items: list[str]


class Own(msgspec.Struct, frozen=True, array_like=True):
    provider: str
    kind: str
    items: list[str]
    owner: str
    made: int


class Settle(msgspec.Struct, frozen=True, array_like=True):
    """Either a response's owner and id, or a provider's items."""

    what: str
    """RESPONSES or ITEMS."""
    first: str
    """The owner, or the provider."""
    second: str
    """The id, or the kind."""
    items: list[str] = []


RESPONSES, ITEMS = "responses", "items"


def packed(message: object) -> bytes:
    return msgspec.msgpack.encode(message)


def unpacked(data: bytes, shape: type[Shape] | Any) -> Any:
    """Raises msgspec.ValidationError."""
    return msgspec.msgpack.decode(data, type=shape)
