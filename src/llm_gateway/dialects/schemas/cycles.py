"""Schemas that hold themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple


class Edge(NamedTuple):
    """A reference to the definition `target` that stands at `path`. `optional`: some property on the way to it may be missing."""

    target: str
    optional: bool
    path: str


def find_cycle(edges: Mapping[str, Sequence[Edge]], *, ignore_optional: bool) -> str | None:
    """The path of a reference by which a definition holds itself; None if there is none."""
    done: set[str] = set()
    for start in edges:
        path = _search(start, edges, ignore_optional, done)
        if path is not None:
            return path
    return None


def _search(start: str, edges: Mapping[str, Sequence[Edge]], ignore_optional: bool, done: set[str]) -> str | None:
    open_ = {start}
    stack = [(start, iter(edges.get(start, ())))]
    while stack:
        name, left = stack[-1]
        for edge in left:
            if edge.optional and ignore_optional:
                continue
            if edge.target in open_:
                return edge.path
            if edge.target not in done:
                open_.add(edge.target)
                stack.append((edge.target, iter(edges.get(edge.target, ()))))
                break
        else:
            stack.pop()
            open_.discard(name)
            done.add(name)
    return None
