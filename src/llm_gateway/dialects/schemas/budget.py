"""How much work the schemas of one request may make, so that a small hostile one cannot keep a worker busy."""

from __future__ import annotations

from typing import Any

from llm_gateway.dialects.schemas.refused import Refused

MAX_NODES = 10_000
"""Schemas that are rewritten, after references were replaced."""
MAX_WORK = 500_000
"""Keywords, properties and values that are looked at to do so, each as often as it is."""


class Budget:
    """Of one request."""

    __slots__ = ("_nodes", "_work")

    def __init__(self) -> None:
        self._nodes = MAX_NODES
        self._work = MAX_WORK

    def node(self, path: str) -> None:
        """One schema more. Raises Refused at `path` when it is too much, as does `work`."""
        self._nodes -= 1
        if self._nodes < 0:
            raise Refused(path, f"the request's schemas come to more than {MAX_NODES}")

    def work(self, count: int, path: str) -> None:
        self._work -= count
        if self._work < 0:
            raise Refused(path, "the request's schemas are too much work when their parts are combined")


def weight(schema: Any) -> int:
    """What it costs to look at the top of `schema` once."""
    if not isinstance(schema, dict):
        return 1
    return 1 + len(schema) + sum(len(value) for value in schema.values() if isinstance(value, list | dict))
