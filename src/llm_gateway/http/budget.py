"""An account of bytes that many connections draw on together."""

from __future__ import annotations


class Budget:
    """Bytes held now, and the most there may be; who draws looks after it."""

    __slots__ = ("held", "most")

    def __init__(self, most: int) -> None:
        self.held = 0
        self.most = most
