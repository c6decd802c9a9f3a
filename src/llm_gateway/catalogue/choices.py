"""Prices that depend on what a request asks for, such as an image's size and quality: which one is meant, and is that certain."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

_SIZE = re.compile(r"(\d{1,6})x(\d{1,6})")
_LINES = re.compile(r"\d{1,5}p|\d{1,2}k")
_UNSAID = frozenset({"", "auto"})


def words(told: Iterable[str]) -> frozenset[str]:
    """What is known of a request, as tables spell it. A size in pixels is a resolution too: 1280x720 is 720p."""
    known = {word for word in (text.strip().lower() for text in told) if word not in _UNSAID}
    lines = {min(int(found[1]), int(found[2])) for found in map(_SIZE.fullmatch, known) if found is not None}
    return frozenset(known | {f"{count}p" for count in lines} | ({"4k"} if 2160 in lines else set()))


def among(choices: Mapping[str, int], known: frozenset[str]) -> tuple[int, bool]:
    """The price of what is known of a request, and whether no other can be meant.

    A price all of whose words are known is the one. Else it is the highest of those that nothing contradicts, the price of all
    the rest ("") among them; where everything is contradicted, the highest of all.
    """
    exact = [key for key in choices if key and known.issuperset(key.split("/"))]
    if exact:
        longest = max(key.count("/") for key in exact)
        meant = {choices[key] for key in exact if key.count("/") == longest}
        return max(meant), len(meant) == 1
    kinds = {kind(word) for word in known}
    possible = {
        price
        for key, price in choices.items()
        if not key or not any(kind(word) in kinds and word not in known for word in key.split("/"))
    }
    return max(possible or choices.values()), len(possible) == 1


def kind(word: str) -> str:
    """What a word tells: two words of one kind exclude each other."""
    if _SIZE.fullmatch(word):
        return "size"
    if _LINES.fullmatch(word):
        return "lines"
    return "steps" if word.endswith("-steps") else "quality"


def pixels(known: frozenset[str]) -> int:
    """Of an image of the size that is known; 0: it is not known."""
    found = [match for match in map(_SIZE.fullmatch, known) if match is not None]
    return int(found[0][1]) * int(found[0][2]) if len(found) == 1 else 0
