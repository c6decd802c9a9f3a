"""A query's parameters: read, and taken out of one that is passed on, without touching the others' bytes."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import unquote_plus

from llm_gateway.core.errors import InvalidRequest

MOST = 64


def parameters(query: bytes) -> dict[str, str]:
    """Name -> value. Raises InvalidRequest for too many, and for one that is given twice."""
    found: dict[str, str] = {}
    for piece in _pieces(query):
        name, value = _read(piece)
        if name in found:
            raise InvalidRequest("The URL has a parameter twice.", param=name if name.isidentifier() else None)
        found[name] = value
    return found


def values(query: bytes, name: str) -> list[str]:
    """All that the query says of this name. Raises InvalidRequest for too many parameters."""
    return [value for found, value in map(_read, _pieces(query)) if found == name]


def without(query: bytes, unwanted: Callable[[str, str], bool]) -> bytes:
    """`query` less the parameters (name, value) that are unwanted. Raises InvalidRequest for too many."""
    return b"&".join(piece for piece in _pieces(query) if not unwanted(*_read(piece)))


def _pieces(query: bytes) -> list[bytes]:
    pieces = [piece for piece in query.split(b"&") if piece]
    if len(pieces) > MOST:
        raise InvalidRequest("The URL has too many parameters.")
    return pieces


def _read(piece: bytes) -> tuple[str, str]:
    name, _, value = piece.decode("latin-1").partition("=")
    return unquote_plus(name), unquote_plus(value)
