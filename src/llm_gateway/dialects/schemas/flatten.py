"""References and `allOf` at the top of one schema: kept where they may stand, else replaced by what they mean."""

from __future__ import annotations

from typing import Any, NamedTuple

from llm_gateway.dialects.schemas.budget import Budget, weight
from llm_gateway.dialects.schemas.merge import Schema, merge
from llm_gateway.dialects.schemas.places import References, below
from llm_gateway.dialects.schemas.refused import Refused
from llm_gateway.dialects.schemas.rules import Rules
from llm_gateway.dialects.schemas.shape import check
from llm_gateway.dialects.schemas.words import ANNOTATIONS, CONSTRAINTS, QUIET, STRUCTURE

MOST_MERGED = 64
"""Schemas that one `allOf` may come to."""


class At(NamedTuple):
    """Where in the work a schema stands."""

    path: str
    depth: int = 0
    inside: frozenset[str] = frozenset()
    """The references that were replaced on the way here."""
    owner: str = ""
    """The definition it is a part of, by its pointer."""
    optional: bool = False
    """Some property on the way from there may be missing."""

    def below(self, *steps: str | int, optional: bool = False) -> At:
        return At(below(self.path, *steps), self.depth + 1, self.inside, self.owner, self.optional or optional)


class Flattener:
    """Of one document."""

    __slots__ = ("_budget", "_references", "_rules")

    def __init__(self, references: References, rules: Rules, budget: Budget) -> None:
        self._references = references
        self._rules = rules
        self._budget = budget

    def flat(self, schema: Schema, at: At) -> tuple[Schema, At]:
        """`schema` with a reference alone, or without any at its top; without an `allOf` that may not stay. Raises Refused."""
        check(schema, at.path)
        if "$ref" in schema:
            schema, at = self._reference(schema, at)
        keywords = self._rules.keywords
        if "allOf" in schema and keywords is not None and "allOf" not in keywords:
            schema, at = self._merged(schema, at)
            check(schema, at.path)
            return self.flat(schema, at) if "$ref" in schema else (schema, at)
        return schema, at

    def expanded(self, schema: Any, at: At) -> tuple[Any, At]:
        """`schema` with no reference at its top, whatever may stand there."""
        while isinstance(schema, dict) and "$ref" in schema:
            schema, at = self._replaced(schema, at)
        if isinstance(schema, dict):
            check(schema, at.path)
            self._budget.work(weight(schema), at.path)
        return schema, at

    def pointer(self, schema: Schema, at: At) -> str:
        return self._references.pointer(schema["$ref"], below(at.path, "$ref"))

    def target(self, pointer: str, at: At) -> Schema | bool:
        return self._references.target(pointer, below(at.path, "$ref"))

    def _reference(self, schema: Schema, at: At) -> tuple[Schema, At]:
        beside = {word for word in schema if word != "$ref" and word not in QUIET}
        if self._rules.inline or beside & (CONSTRAINTS | STRUCTURE):
            return self.expanded(schema, at)
        if not beside & ANNOTATIONS:
            return {"$ref": schema["$ref"]}, at
        shown = {word: value for word, value in schema.items() if word != "$ref" and word in ANNOTATIONS}
        return shown | {"anyOf": [{"$ref": schema["$ref"]}]}, at

    def _replaced(self, schema: Schema, at: At) -> tuple[Schema, At]:
        """One reference by its target. What stands beside it holds too, and its annotations come first."""
        pointer = self.pointer(schema, at)
        if pointer in at.inside:
            raise Refused(below(at.path, "$ref"), "it holds itself")
        target = self.target(pointer, at)
        self._budget.work(weight(target), at.path)
        at = at._replace(inside=at.inside | {pointer})
        beside = {word: value for word, value in schema.items() if word != "$ref" and word not in QUIET}
        if target is True:
            return beside, at
        if target is False:
            raise Refused(below(at.path, "$ref"), "it accepts nothing")
        if not beside.keys() & (CONSTRAINTS | STRUCTURE):
            return {word: value for word, value in target.items() if word not in beside} | beside, at
        return {"allOf": [*beside.pop("allOf", ()), target], **beside}, at

    def _merged(self, schema: Schema, at: At) -> tuple[Schema, At]:
        base = {word: value for word, value in schema.items() if word != "allOf"}
        given = schema["allOf"]
        if len(given) == 1 and isinstance(given[0], dict) and not base.keys() & (CONSTRAINTS | STRUCTURE):
            said = {word: value for word, value in base.items() if word not in QUIET}
            return {**{word: value for word, value in given[0].items() if word not in said}, **said}, at
        parts: list[Schema] = []
        inside = at.inside
        for index, part in enumerate(given):
            inside |= self.collect(part, at.below("allOf", index), parts)
        return self.merged([base, *parts], below(at.path, "allOf")), at._replace(inside=inside)

    def merged(self, parts: list[Schema], path: str) -> Schema:
        """`parts` as one. Raises Refused at `path`."""
        self._budget.work(len(parts) * sum(weight(part) for part in parts), path)
        return merge(parts, path)

    def collect(self, part: Any, at: At, parts: list[Schema]) -> frozenset[str]:
        """Adds `part`, without a reference or an `allOf` at its top, to `parts`; gives the references that were replaced."""
        shown, at = self.expanded(part, at)
        if shown is False:
            raise Refused(at.path, "it accepts nothing")
        if len(parts) >= MOST_MERGED:
            raise Refused(at.path, "it combines too many schemas")
        if shown is True:
            return at.inside
        inside = at.inside
        parts.append({word: value for word, value in shown.items() if word != "allOf"})
        for index, one in enumerate(shown.get("allOf", ())):
            inside |= self.collect(one, at.below("allOf", index)._replace(inside=inside), parts)
        return inside
