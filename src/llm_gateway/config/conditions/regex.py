r"""The regular expressions that conditions know, read into a tree: the part of the usual notation that is regular.

Characters, `.`, `[...]`, `\d \w \s` and their opposites (ASCII), groups, `|`, `* + ? {m,n}` (`*?` is the same as `*`: only
whether there is a match counts), `^` at the beginning and `$` at the end of the whole or of one of its alternatives.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

Ranges = tuple[tuple[int, int], ...]
"""Code points from and to, both included."""
_LAST = 0x10FFFF
ANY: Ranges = ((0, _LAST),)
LONGEST = 512
"""Characters of a pattern."""
_DEEPEST = 20
_MOST_TIMES = 100
_DIGITS: Ranges = ((48, 57),)
_WORDS: Ranges = ((48, 57), (65, 90), (95, 95), (97, 122))
_SPACES: Ranges = ((9, 13), (32, 32))
_CASE = 32
"""Between a capital ASCII letter and its small one."""


class NotAPattern(ValueError):
    """`at`: the character (from 0) where it goes wrong."""

    def __init__(self, message: str, at: int = 0) -> None:
        super().__init__(message)
        self.at = at


class TooLarge(NotAPattern):
    """A pattern whose table would be too large."""

    def __init__(self) -> None:
        super().__init__("needs too large a table to be run in bounded time; make it simpler")


@dataclass(frozen=True, slots=True)
class Set:
    """One character of these."""

    ranges: Ranges


@dataclass(frozen=True, slots=True)
class Chain:
    """One after the other."""

    nodes: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """One of them."""

    nodes: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """`most` None: without end."""

    node: Node
    least: int
    most: int | None


Node = Set | Chain | Choice | Repeat


class Branch(NamedTuple):
    """One of a pattern's alternatives, and whether it holds only at the text's beginning and end."""

    node: Node
    starts: bool
    ends: bool


def parse(pattern: str, *, folded: bool = False) -> tuple[Branch, ...]:
    """The alternatives of a pattern. Raises NotAPattern."""
    if len(pattern) > LONGEST:
        raise NotAPattern(f"is longer than {LONGEST} characters")
    return _Reader(pattern, folded=folded).branches()


class _Reader:
    def __init__(self, pattern: str, *, folded: bool) -> None:
        self._text = pattern
        self._at = 0
        self._folded = folded
        self._depth = 0

    def branches(self) -> tuple[Branch, ...]:
        found = [self._branch()]
        while self._take("|"):
            found.append(self._branch())
        if self._at < len(self._text):
            raise NotAPattern("a ) closes nothing; write \\) for the character", self._at)
        return tuple(found)

    def _branch(self) -> Branch:
        starts = self._take("^")
        node = self._sequence()
        return Branch(node, starts, self._take("$"))

    def _sequence(self) -> Node:
        nodes: list[Node] = []
        while self._peek() not in ("", "|", ")"):
            if self._peek() == "$" and self._text[self._at + 1 : self._at + 2] in ("", "|") and not self._depth:
                break
            nodes.append(self._repeated())
        return nodes[0] if len(nodes) == 1 else Chain(tuple(nodes))

    def _repeated(self) -> Node:
        begin = self._at
        node = self._atom()
        times = self._times()
        if times is None:
            return node
        self._take("?")
        if self._peek() in ("*", "+", "?") or (self._peek() == "{" and begin != self._at):
            raise NotAPattern("repeats a repetition; put the inner one in ( )", self._at)
        return Repeat(node, *times)

    def _times(self) -> tuple[int, int | None] | None:
        for sign, times in (("*", (0, None)), ("+", (1, None)), ("?", (0, 1))):
            if self._take(sign):
                return times
        begin = self._at
        if not self._take("{"):
            return None
        least = self._number()
        most: int | None = least
        if self._take(","):
            most = None if self._peek() == "}" else self._number()
        if not self._take("}") or (most is not None and most < least):
            raise NotAPattern("expected {2}, {2,} or {2,5}; write \\{ for the character", begin)
        return least, most

    def _number(self) -> int:
        begin = self._at
        while self._peek().isdecimal() and self._peek().isascii():
            self._at += 1
        digits = self._text[begin : self._at]
        if not digits or len(digits) > 3 or int(digits) > _MOST_TIMES:
            raise NotAPattern(f"expected a number up to {_MOST_TIMES}; write \\{{ for the character", begin)
        return int(digits)

    def _atom(self) -> Node:
        begin = self._at
        char = self._next()
        match char:
            case "(":
                return self._group(begin)
            case "[":
                return Set(self._set(begin))
            case ".":
                return Set(_without(((10, 10),)))
            case "\\":
                return Set(self._escaped(begin))
            case "*" | "+" | "?" | "{":
                raise NotAPattern(f"nothing stands before {char}; write \\{char} for the character", begin)
            case "^" | "$":
                raise NotAPattern(
                    f"{char} can stand at the beginning or end of the pattern; write \\{char} for the character", begin
                )
        return Set(self._both(ord(char)))

    def _group(self, begin: int) -> Node:
        if self._take("?") and not self._take(":"):
            raise NotAPattern("(?...) is not supported beyond (?:...); for any case, write /.../i", begin)
        self._depth += 1
        if self._depth > _DEEPEST:
            raise NotAPattern(f"is nested more than {_DEEPEST} deep", begin)
        nodes = [self._sequence()]
        while self._take("|"):
            nodes.append(self._sequence())
        if not self._take(")"):
            raise NotAPattern("a ( is not closed", begin)
        self._depth -= 1
        return nodes[0] if len(nodes) == 1 else Choice(tuple(nodes))

    def _set(self, begin: int) -> Ranges:
        negated = self._take("^")
        ranges: list[tuple[int, int]] = []
        while self._peek() != "]" or not ranges:
            if not self._peek():
                raise NotAPattern("a [ is not closed", begin)
            at = self._at
            low = self._member()
            if (
                len(low) == 1
                and low[0][0] == low[0][1]
                and self._peek() == "-"
                and self._text[self._at + 1 : self._at + 2] not in ("", "]")
            ):
                self._at += 1
                high = self._member()
                if len(high) != 1 or high[0][0] != high[0][1] or high[0][0] < low[0][0]:
                    raise NotAPattern("a range in [ ] goes from one character to a later one", at)
                low = ((low[0][0], high[0][0]),)
            ranges.extend(low)
        self._at += 1
        merged = _merged(self._fold(ranges))
        return _without(merged) if negated else merged

    def _member(self) -> Ranges:
        begin = self._at
        char = self._next()
        return self._escaped(begin, fold=False) if char == "\\" else ((ord(char), ord(char)),)

    def _escaped(self, begin: int, *, fold: bool = True) -> Ranges:
        char = self._next()
        classes = {"d": _DIGITS, "w": _WORDS, "s": _SPACES}
        if char.lower() in classes:
            ranges = classes[char.lower()]
            return ranges if char.islower() else _without(ranges)
        plain = {"t": 9, "n": 10, "r": 13}.get(char)
        if plain is None:
            if not char or char.isalnum():
                raise NotAPattern("there is no such escape here; \\d \\w \\s, their capitals, and signs are known", begin)
            plain = ord(char)
        return self._both(plain) if fold else ((plain, plain),)

    def _both(self, code: int) -> Ranges:
        return _merged(self._fold([(code, code)]))

    def _fold(self, ranges: list[tuple[int, int]]) -> list[tuple[int, int]]:
        if not self._folded:
            return ranges
        found = list(ranges)
        for low, high in ranges:
            for first, last, step in ((65, 90, _CASE), (97, 122, -_CASE)):
                if max(low, first) <= min(high, last):
                    found.append((max(low, first) + step, min(high, last) + step))
        return found

    def _peek(self) -> str:
        return self._text[self._at : self._at + 1]

    def _next(self) -> str:
        char = self._peek()
        self._at += 1
        return char

    def _take(self, char: str) -> bool:
        if self._peek() != char:
            return False
        self._at += 1
        return True


def _merged(ranges: list[tuple[int, int]]) -> Ranges:
    merged: list[tuple[int, int]] = []
    for low, high in sorted(ranges):
        if merged and low <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(high, merged[-1][1]))
        else:
            merged.append((low, high))
    return tuple(merged)


def _without(ranges: Ranges) -> Ranges:
    """All other characters."""
    found, start = [], 0
    for low, high in ranges:
        if start < low:
            found.append((start, low - 1))
        start = high + 1
    return (*found, (start, _LAST)) if start <= _LAST else tuple(found)
