"""What the processes say to each other. Bodies are these structs as plain data."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

Message = TypeVar("Message", bound=msgspec.Struct)


class Unreadable(Exception):
    """A body that is not the message it should be."""


def plain(message: msgspec.Struct) -> Any:
    """As the channel carries it."""
    return msgspec.to_builtins(message, builtin_types=(bytes,))


def read(body: Any, kind: type[Message]) -> Message:
    """Raises Unreadable."""
    try:
        return msgspec.convert(body, kind)
    except msgspec.ValidationError as error:
        raise Unreadable(f"not a {kind.__name__}: {error}") from None


class Boot(msgspec.Struct, frozen=True):
    """Supervisor to a child, first of all, and once."""

    parcel: Any
    """The snapshot to begin with (snapshot.Parcel), whole."""
    state: str
    """The state directory."""
    secrets: tuple[bytes, ...]
    """The state directory's secret, and those before it."""
    sources: tuple[str, ...] = ()
    """Files that the configuration came from."""
    path: str | None = None
    """To control: the configuration file; None: where it is usually found."""
    overrides: tuple[str, ...] = ()
    """To control: `--set`."""


class Serving(msgspec.Struct, frozen=True):
    """A child to the supervisor: it does its work. From a worker again after every swap."""

    number: int
    """Of the snapshot it acts on."""
    drain: float
    """Seconds that it may take to end."""


class Unfit(msgspec.Struct, frozen=True):
    """A child to the supervisor: it cannot do its work."""

    kind: str
    """not_servable, state, tls, os or bug."""
    text: str
    errno: int = 0


class Accepted(msgspec.Struct, frozen=True):
    """Control to the supervisor: this configuration is the one now. And in Wanted: it may be soon."""

    config: bytes


class Web(msgspec.Struct, frozen=True):
    """A request that one process takes in and another answers. Bounded by the frame: a megabyte."""

    method: str
    path: bytes
    query: bytes = b""
    headers: list[tuple[bytes, bytes]] = []
    body: bytes = b""
    peer: str = ""


class WebAnswer(msgspec.Struct, frozen=True):
    """Its answer."""

    status: int
    headers: list[tuple[bytes, bytes]] = []
    body: bytes = b""
