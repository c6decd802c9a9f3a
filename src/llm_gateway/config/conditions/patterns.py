"""Globs and regular expressions as finite automata: one table lookup per character, whatever the pattern and the text.

Python's `re` tries one way after another, and who chooses the text can make some patterns take hours. Here a pattern becomes a
table when the configuration is read. One that would need too large a table is refused then, and whatever `re` knows beyond
regular languages (references to groups, looking ahead or behind) does not exist.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from llm_gateway.config.conditions.regex import (
    ANY,
    Branch,
    Chain,
    Choice,
    Node,
    NotAPattern,
    Ranges,
    Repeat,
    Set,
    TooLarge,
    parse,
)

LONGEST_TEXT = 4096
"""Characters of a text that is tested; a longer one matches no pattern."""
_MOST_STATES = 500
_MOST_PLACES = 2000
_MOST_STEPS = 400_000
_ASCII = 128
_DEAD, _SURE = 0, 1


class Pattern:
    """A pattern, ready to be tested. Immutable."""

    __slots__ = ("_accepting", "_ascii", "_cuts", "_rows", "_start", "front")

    def __init__(self, branches: Sequence[Branch]) -> None:
        """Raises NotAPattern if the table would be too large."""
        self.front = _front(branches)
        """What every match begins with, at the beginning of the text; empty: nothing in particular."""
        places = _Places()
        for branch in branches:
            places.add(branch)
        self._cuts, self._rows, self._accepting, self._start = _Table(places).made()
        self._ascii = [bisect_right(self._cuts, code) for code in range(_ASCII)]

    def matches(self, text: str) -> bool:
        """Whether the pattern is found in `text`. Takes time in proportion to its length, and never more than LONGEST_TEXT."""
        if len(text) > LONGEST_TEXT:
            return False
        state, rows, plain = self._start, self._rows, self._ascii
        for code in map(ord, text):
            if state <= _SURE:
                break
            state = rows[state][plain[code] if code < _ASCII else bisect_right(self._cuts, code)]
        return self._accepting[state]


def regex(pattern: str, *, folded: bool = False) -> Pattern:
    """`folded`: small and capital ASCII letters are the same. Raises NotAPattern."""
    return Pattern(parse(pattern, folded=folded))


def glob(pattern: str) -> Pattern:
    """`*` stands for any characters, `?` for one; the whole text must match. Raises NotAPattern."""
    wild: dict[str, Node] = {"*": Repeat(Set(ANY), 0, None), "?": Set(ANY)}
    nodes = tuple(wild.get(c) or Set(((ord(c), ord(c)),)) for c in pattern)
    return Pattern((Branch(Chain(nodes), starts=True, ends=True),))


def _front(branches: Sequence[Branch]) -> str:
    if len(branches) > 1 or not branches[0].starts:
        return ""
    node = branches[0].node
    text = ""
    for one in node.nodes if isinstance(node, Chain) else (node,):
        if not isinstance(one, Set) or len(one.ranges) != 1 or one.ranges[0][0] != one.ranges[0][1]:
            break
        text += chr(one.ranges[0][0])
    return text


class _Places:
    """A nondeterministic automaton. Place 0 is the beginning, 1 the end of the text, 2 the end whatever follows."""

    def __init__(self) -> None:
        self.free: list[list[int]] = [[], [], []]
        """For each place: where one is as well, without a character."""
        self.edges: list[tuple[Ranges, int] | None] = [None, None, None]

    def add(self, branch: Branch) -> None:
        start = self._new()
        self.free[0].append(start)
        if not branch.starts:
            self.edges[start] = (ANY, start)
        first, last = self._build(branch.node)
        self.free[start].append(first)
        self.free[last].append(1 if branch.ends else 2)

    def _new(self) -> int:
        if len(self.free) >= _MOST_PLACES:
            raise TooLarge
        self.free.append([])
        self.edges.append(None)
        return len(self.free) - 1

    def _build(self, node: Node) -> tuple[int, int]:
        match node:
            case Set():
                first, last = self._new(), self._new()
                self.edges[first] = (node.ranges, last)
                return first, last
            case Chain():
                first = last = self._new()
                for inner in node.nodes:
                    begin, end = self._build(inner)
                    self.free[last].append(begin)
                    last = end
                return first, last
            case Choice():
                first, last = self._new(), self._new()
                for inner in node.nodes:
                    begin, end = self._build(inner)
                    self.free[first].append(begin)
                    self.free[end].append(last)
                return first, last
            case Repeat():
                return self._repeat(node)

    def _repeat(self, node: Repeat) -> tuple[int, int]:
        first = last = self._new()
        for _ in range(node.least):
            begin, end = self._build(node.node)
            self.free[last].append(begin)
            last = end
        if node.most is None:
            loop = self._new()
            begin, end = self._build(node.node)
            self.free[last].append(loop)
            self.free[loop].append(begin)
            self.free[end].append(loop)
            return first, loop
        done = self._new()
        for _ in range(node.most - node.least):
            self.free[last].append(done)
            begin, end = self._build(node.node)
            self.free[last].append(begin)
            last = end
        self.free[last].append(done)
        return first, done


class _Table:
    """The deterministic automaton of the same language, built with a budget of steps."""

    def __init__(self, places: _Places) -> None:
        self._places = places
        self._steps = 0
        self._cuts = sorted({cut for edge in places.edges if edge for low, high in edge[0] for cut in (low, high + 1)})
        self._moves: list[tuple[list[int], int] | None] = [edge and (self._classes(edge[0]), edge[1]) for edge in places.edges]

    def made(self) -> tuple[list[int], list[list[int]], list[bool], int]:
        """Cuts between classes of characters, a row of next states per state, which states accept, and the first state."""
        width = len(self._cuts) + 1
        rows: list[list[int]] = [[_DEAD] * width, [_SURE] * width]
        accepting = [False, True]
        numbers: dict[frozenset[int], int] = {}
        waiting: list[frozenset[int]] = []

        def number(places: frozenset[int]) -> int:
            if not places:
                return _DEAD
            if 2 in places:
                return _SURE
            if places not in numbers:
                if len(rows) >= _MOST_STATES:
                    raise TooLarge
                numbers[places] = len(rows)
                rows.append([])
                accepting.append(1 in places)
                waiting.append(places)
            return numbers[places]

        start = number(self._closure([0]))
        while waiting:
            places = waiting.pop()
            rows[numbers[places]] = [number(self._closure(after)) for after in self._next(places, width)]
        return self._cuts, rows, accepting, start

    def _classes(self, ranges: Ranges) -> list[int]:
        found = [n for low, high in ranges for n in range(bisect_right(self._cuts, low), bisect_right(self._cuts, high) + 1)]
        self._spend(len(found))
        return found

    def _next(self, places: frozenset[int], width: int) -> Sequence[list[int]]:
        after: list[list[int]] = [[] for _ in range(width)]
        for place in places:
            if move := self._moves[place]:
                self._spend(len(move[0]))
                for one in move[0]:
                    after[one].append(move[1])
        return after

    def _closure(self, places: list[int]) -> frozenset[int]:
        """`places` and where one is from there without a character."""
        seen, todo = set(places), list(places)
        while todo:
            self._spend(1)
            for place in self._places.free[todo.pop()]:
                if place not in seen:
                    seen.add(place)
                    todo.append(place)
        return frozenset(seen)

    def _spend(self, steps: int) -> None:
        self._steps += steps
        if self._steps > _MOST_STEPS:
            raise TooLarge


__all__ = ["LONGEST_TEXT", "NotAPattern", "Pattern", "glob", "regex"]
