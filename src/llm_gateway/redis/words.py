"""Words of commands as they go on the wire to Redis (RESP 2)."""

from __future__ import annotations

from collections.abc import Sequence


def bulk(word: str) -> bytes:
    """One word of a command, as it goes on the wire."""
    raw = word.encode()
    return b"$%d\r\n%b\r\n" % (len(raw), raw)


def whole(number: int) -> bytes:
    """The same for a whole number."""
    raw = b"%d" % number
    return b"$%d\r\n%b\r\n" % (len(raw), raw)


def frame(words: Sequence[str | int]) -> bytes:
    """A command."""
    return b"*%d\r\n%b" % (len(words), b"".join(bulk(str(word)) for word in words))
