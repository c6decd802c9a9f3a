"""The fields of conditions are those of requests, and their words those of the rest of the gateway."""

from __future__ import annotations

from llm_gateway.config.conditions.fields import FIELDS, NEEDS, OPERATIONS, OPERATORS, PRIORITIES, WRITTEN, Kind
from llm_gateway.dialects.base import Operation
from llm_gateway.routing.features import PRIORITIES as CLASSES
from llm_gateway.routing.features import Features, Needs


def test_words_are_those_of_the_rest() -> None:
    """What a rule calls an operation, a need or a priority is what everything else calls it, in the same order."""
    assert [operation.value for operation in Operation] == list(OPERATIONS)
    assert [need.name for need in Needs] == [word.upper() for word in NEEDS]
    assert list(CLASSES) == list(PRIORITIES)
    assert list(CLASSES.values()) == [0, 1, 2, 3]


def test_every_field_can_be_known() -> None:
    """Each is a field of Features, or follows from one."""
    follow = {"header", "time", "weekday", "cost", "stream"}
    assert set(FIELDS) - follow <= set(Features.__struct_fields__)


def test_every_kind_has_comparisons_that_can_be_written() -> None:
    """No field without a comparison, no comparison without a name in YAML."""
    assert set(OPERATORS) == set(Kind)
    for operators in OPERATORS.values():
        assert {op for op in operators if not op.startswith("regex")} <= set(WRITTEN.values())
    assert all(field.about for field in FIELDS.values())
