"""The value of the configuration key `when`: a condition, and how it was found in the file."""

from __future__ import annotations

from typing import Any, Self

from llm_gateway.config.conditions import expressions, structured
from llm_gateway.config.conditions.expressions import MOST_TESTS
from llm_gateway.config.conditions.fields import FIELDS
from llm_gateway.config.conditions.tree import Condition, leaves
from llm_gateway.config.conditions.values import Misfit
from llm_gateway.config.inside import inside
from llm_gateway.config.leaves import found
from llm_gateway.config.tree import Node, opened


class When:
    """A condition as it was written; `str` writes it out in one line. `hidden`: it came from outside the file."""

    __slots__ = ("condition", "hidden")

    def __init__(self, condition: Condition, *, hidden: bool = False) -> None:
        self.condition = condition
        self.hidden = hidden

    @classmethod
    def read(cls, node: Node) -> Self:
        """Raises Wrong (Misfit says where in the text)."""
        hidden = bool(node.origin)
        node = opened(node)
        try:
            return cls(_read(node), hidden=hidden)
        except Misfit as misfit:
            if not hidden:
                raise
            raise Misfit(node.where, f"what {node.origin or 'was given'} holds makes no condition") from misfit

    @staticmethod
    def schema() -> dict[str, Any]:
        """For editors: a text, or a mapping whose keys are known."""
        joins = {"any": "One of these conditions.", "all": "All of these conditions.", "not": "Not this condition."}
        texts = {**{field.name: field.about for field in FIELDS.values()}, **joins}
        mapping = {
            "type": "object",
            "properties": {name: {"description": text} for name, text in texts.items()},
            "additionalProperties": False,
        }
        return {"anyOf": [{"type": "string", "minLength": 1}, mapping]}

    def __str__(self) -> str:
        return str(self.condition)

    def __repr__(self) -> str:
        return f"When({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, When) and self.condition == other.condition

    def __hash__(self) -> int:
        return hash(self.condition)


def _read(node: Node) -> Condition:
    if isinstance(node.value, str):
        return expressions.parse(node.value, lambda offset: inside(node, offset))
    if not isinstance(node.value, dict):
        hint = 'write a condition, such as model starts_with "claude"'
        raise Misfit(node.where, f"expected a condition, found {found(node)}", hint)
    condition = structured.read(node)
    if sum(1 for _ in leaves(condition)) > MOST_TESTS:
        raise Misfit(node.where, f"has more than {MOST_TESTS} tests")
    return condition
