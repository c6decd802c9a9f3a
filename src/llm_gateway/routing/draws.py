"""Randomness that is none: numbers worked out from a decision's seed, or from a name, the same ones wherever that is done.

Nothing here depends on Python's hash randomisation, on the version of `random`, or on the machine.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from hashlib import blake2b
from struct import Struct

BITS = 32
_WORD = (1 << 64) - 1
_LOW = (1 << 32) - 1
_WORDS = Struct("<16I").unpack
_SHORTS = Struct("<32H").unpack
_DRAWN = 4
_SLOT_BYTES = 16
_STEP = 2.0**-BITS
_HALF = 0.5 * _STEP


def mix(number: int) -> int:
    """64 bits that each depend on every bit of `number` (the finisher of SplitMix64; Steele, Lea, Flood 2014)."""
    number &= _WORD
    number = (number ^ (number >> 30)) * 0xBF58476D1CE4E5B9 & _WORD
    number = (number ^ (number >> 27)) * 0x94D049BB133111EB & _WORD
    return number ^ (number >> 31)


def anchor(text: str) -> int:
    """64 bits that stand for `text`. Odd, so that multiplying by it loses nothing."""
    return int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little") | 1


def unit(seed: int, salt: int) -> float:
    """One number in (0, 1) for this pair."""
    return (mix(seed ^ mix(salt)) >> 32) * _STEP + _HALF


def pair(seed: int, count: int) -> tuple[int, int]:
    """Two different ones of `count` (at least two) positions, every pair as likely as any other."""
    word = mix(seed)
    one = (word >> 32) * count >> BITS
    other = (word & _LOW) * (count - 1) >> BITS
    return one, other + 1 if other >= one else other


def digest(seed: int, block: int = 0) -> bytes:
    """64 bytes, each drawn by itself."""
    return blake2b(((block << 64) | (seed & _WORD)).to_bytes(16, "little"), digest_size=64).digest()


def shorts(seed: int, count: int) -> Sequence[int]:
    """At least `count` whole numbers of 16 bits. The first ones are the same for every count."""
    found = _SHORTS(digest(seed))
    for block in range(1, -(-count // len(found))):
        found += _SHORTS(digest(seed, block))
    return found


def by_weight(seed: int, cumulative: Sequence[float]) -> list[int]:
    """All positions. The first few are drawn by weight, each from those that are left; the others follow in a circle.

    `cumulative`: the sums of the weights so far, which rise.
    """
    count = len(cumulative)
    scale = cumulative[-1] * _STEP
    drawn: list[int] = []
    for word in _WORDS(digest(seed)):
        position = bisect_right(cumulative, word * scale, 0, count - 1)
        if position not in drawn:  # drawing again until it is another one is drawing from those that are left
            drawn.append(position)
            if len(drawn) == count or len(drawn) == _DRAWN:
                break
    if len(drawn) == count:
        return drawn
    start = drawn[-1]
    return drawn + [position for position in (*range(start, count), *range(start)) if position not in drawn]


def order_of(scores: Sequence[float]) -> list[int]:
    """Positions from the lowest score to the highest; equals in the order in which they stand."""
    return sorted(range(len(scores)), key=scores.__getitem__)


class Salts:
    """What stands for each of several names in a rendezvous: the products of a key with all of them, by one multiplication."""

    __slots__ = ("_packed", "_size", "_unpack")

    def __init__(self, names: Sequence[str]) -> None:
        self._packed = sum(anchor(name) << (8 * _SLOT_BYTES * place) for place, name in enumerate(names))
        self._size = _SLOT_BYTES * len(names)
        # Of each product of 128 bits those in the middle: they depend on all bits of both factors.
        self._unpack = Struct("<" + "6xI6x" * len(names)).unpack

    def meet(self, key: int) -> tuple[int, ...]:
        """A number of 32 bits for each name: it depends on the key (64 bits) and that name, not on who else is there."""
        numbers: tuple[int, ...] = self._unpack((self._packed * key).to_bytes(self._size, "little"))
        return numbers
