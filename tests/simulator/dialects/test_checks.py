"""Reading fields: what is refused, and in whose words."""

from __future__ import annotations

import pytest

from llm_gateway.simulator.dialects import checks
from llm_gateway.simulator.problems import Front, Problem


@pytest.mark.parametrize("front", list(Front))
@pytest.mark.parametrize(
    "wrong",
    [
        lambda front: checks.text({}, "f", front),
        lambda front: checks.text({"f": 3}, "f", front),
        lambda front: checks.integer({"f": True}, "f", 1, front),
        lambda front: checks.integer({"f": 0}, "f", 1, front),
        lambda front: checks.number({"f": "1"}, "f", 0, 1, front),
        lambda front: checks.number({"f": float("nan")}, "f", 0, 1, front),
        lambda front: checks.strings({"f": ["a", 1]}, "f", 3, front),
        lambda front: checks.strings({"f": ["a", "b"]}, "f", 1, front),
        lambda front: checks.section({"f": []}, "f", front),
        lambda front: checks.objects({"f": {}}, "f", front),
        lambda front: checks.objects({"f": [1]}, "f", front),
        lambda front: checks.some_objects({"f": []}, "f", front),
    ],
)
def test_what_is_wrong_is_a_problem_that_names_the_field(wrong, front):
    """Whatever the field should be, its name stands in the message."""
    with pytest.raises(Problem, match="f") as caught:
        wrong(front)
    assert caught.value.status == 400
    assert caught.value.param.startswith("f")


def test_absent_fields_are_nothing():
    """Optional fields that are null or not there are not refused."""
    for holder in ({}, {"f": None}):
        assert checks.integer(holder, "f", 1, Front.OPENAI) is None
        assert checks.strings(holder, "f", 1, Front.OPENAI) == ()
        assert checks.section(holder, "f", Front.OPENAI) == {}
        assert checks.objects(holder, "f", Front.OPENAI) == []
