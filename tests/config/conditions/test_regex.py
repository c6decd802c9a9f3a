"""Regular expressions that are none, or are not for here, are told by the character where they go wrong."""

from __future__ import annotations

import pytest

from llm_gateway.config.conditions.regex import LONGEST, NotAPattern, parse


@pytest.mark.parametrize(
    ("pattern", "at", "said"),
    [
        ("a(b", 1, "a ( is not closed"),
        ("ab)", 2, "a ) closes nothing"),
        ("a[b", 1, "a [ is not closed"),
        ("*a", 0, "nothing stands before *"),
        ("a|+b", 2, "nothing stands before +"),
        ("a**", 2, "repeats a repetition"),
        ("a{2}{3}", 4, "repeats a repetition"),
        ("a{3,2}", 1, "expected {2}, {2,} or {2,5}"),
        ("a{1000}", 2, "expected a number up to 100"),
        ("a{x}", 2, "expected a number up to 100"),
        ("(?=a)", 0, "(?...) is not supported"),
        ("(?i)a", 0, "(?...) is not supported"),
        (r"(a)\1", 3, "there is no such escape here"),
        (r"\bword", 0, "there is no such escape here"),
        ("a\\", 1, "there is no such escape here"),
        ("[z-a]", 1, "a range in [ ] goes from one character to a later one"),
        ("a^b", 1, "^ can stand at the beginning or end"),
        ("a$b", 1, "$ can stand at the beginning or end"),
        ("(a$)", 2, "$ can stand at the beginning or end"),
        ("(" * 30 + "a" + ")" * 30, 20, "is nested more than"),
        ("a" * (LONGEST + 1), 0, "is longer than"),
    ],
)
def test_what_is_said_of_a_mistake(pattern: str, at: int, said: str) -> None:
    """Which character, and why."""
    with pytest.raises(NotAPattern) as caught:
        parse(pattern)
    assert str(caught.value).startswith(said)
    assert caught.value.at == at


def test_anchors_belong_to_an_alternative() -> None:
    """Each of the alternatives may be tied to the beginning or the end."""
    assert [(branch.starts, branch.ends) for branch in parse("^a|b$|c")] == [(True, False), (False, True), (False, False)]
