"""Values in conditions: what each kind of field takes."""

from __future__ import annotations

import pytest

from llm_gateway.config.conditions.fields import FIELDS
from llm_gateway.config.conditions.tree import NOWHERE
from llm_gateway.config.conditions.values import MOST_VALUES, Given, Misfit, entry_of, make_test


def made(field: str, op: str, *texts: str, form: str = "text") -> tuple[object, ...]:
    """The values of a test."""
    return make_test(FIELDS[field], "", op, [Given(text, form, NOWHERE) for text in texts], NOWHERE).values


def test_values_are_kept_in_one_form() -> None:
    """Networks as CIDR, dollars as nano-dollars, times as minutes, priorities as numbers; each value once."""
    assert made("source", "is", "10.0.0.7", "2001:DB8::/32", "10.0.0.7/32") == ("10.0.0.7/32", "2001:db8::/32")
    assert made("cost", ">", "0.000000001", form="number") == (1,)
    assert made("time", "between", "23:59", "24:00") == (1439, 1440)
    assert made("priority", "is", "low", "critical", form="word") == (0, 3)
    assert made("model", "is", "a", "b", "a") == ("a", "b")


@pytest.mark.parametrize(
    ("field", "op", "text", "form"),
    [
        ("tokens", ">", "9" * 16, "number"),
        ("cost", ">", "0.0000000001", "number"),
        ("time", "<", "6:00", "text"),
        ("time", ">", "24:00", "text"),
        ("time", "between", "24:00", "text"),
        ("model", "is", "a" * 513, "text"),
        ("model", "is", "a\x07", "text"),
        ("model", "glob", "*?????????????????????a??????????????????????????", "text"),
        ("model", "glob", "/a/x", "regex"),
        ("source", "is", "::ffff:10.0.0.1", "text"),
        ("stream", "glob", "a", "text"),
    ],
)
def test_what_does_not_fit_is_refused(field: str, op: str, text: str, form: str) -> None:
    """Too long, too precise, not a time, a control character, too large a glob."""
    with pytest.raises(Misfit):
        made(field, op, text, form=form)


def test_the_number_of_values_is_bounded() -> None:
    """A list is for a few names."""
    assert len(made("model", "is", *(str(n) for n in range(MOST_VALUES)))) == MOST_VALUES
    with pytest.raises(Misfit, match="more than"):
        made("model", "is", *(str(n) for n in range(MOST_VALUES + 1)))


def test_names_of_entries() -> None:
    """Headers in lower case, as they are looked up; metadata as it is written."""
    assert entry_of(FIELDS["header"], "X-Team", NOWHERE) == "x-team"
    assert entry_of(FIELDS["metadata"], "Team", NOWHERE) == "Team"
    for field, name in (("header", "x team"), ("header", ""), ("metadata", ""), ("metadata", "a\n")):
        with pytest.raises(Misfit):
            entry_of(FIELDS[field], name, NOWHERE)
