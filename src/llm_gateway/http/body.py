"""A request body in pieces: one field of an upload is changed without a copy of all the rest."""

from __future__ import annotations

Piece = bytes | memoryview


class Pieces:
    """Sent one after the other. For bodies that are worth it: a small one is joined."""

    __slots__ = ("parts", "size")

    def __init__(self, parts: tuple[Piece, ...]) -> None:
        self.parts = parts
        self.size = sum(map(len, parts))

    def __len__(self) -> int:
        return self.size


Body = bytes | Pieces

JOINED_BYTES = 64 * 1024


def body_of(parts: tuple[Piece, ...]) -> Body:
    """The cheapest form of a body that consists of these."""
    if len(parts) == 1 and type(parts[0]) is bytes:
        return parts[0]
    pieces = Pieces(parts)
    return b"".join(parts) if len(pieces) < JOINED_BYTES else pieces


def joined(body: Body) -> bytes:
    """All of it, for who must see it at once."""
    return b"".join(body.parts) if isinstance(body, Pieces) else body
