"""Tokens of the simulated models: a lossless split for what they say, an estimate for what they read."""

from __future__ import annotations

import re
from itertools import cycle, islice

BYTES_PER_TOKEN = 4
IMAGE_TOKENS = 85
MESSAGE_TOKENS = 3

FILLER = " This sentence is only here to make the answer as long as it was asked to be."


_PIECE = re.compile(r"\s?[^\W\d_]{1,10}|\s?\d{1,3}|\s+|.", re.DOTALL)


def pieces(text: str) -> list[str]:
    """The tokens of an answer; joined they are `text` again."""
    return _PIECE.findall(text)


def exactly(text: str, count: int) -> list[str]:
    """`text` cut or padded to `count` tokens."""
    said = pieces(text)[:count]
    return said + list(islice(cycle(pieces(FILLER)), count - len(said)))


def estimate(text: str) -> int:
    """Tokens of something read: one for each four characters begun. Linear and cheap, whatever the size."""
    return -(-len(text) // BYTES_PER_TOKEN)
