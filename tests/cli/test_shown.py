"""Answers as people read them."""

from __future__ import annotations

import pytest

from llm_gateway.cli.output import Output
from llm_gateway.cli.shown import at, count, dollars, milliseconds, percent, short, told, whole


@pytest.mark.parametrize(
    ("nano", "text"),
    [
        (0, "$0.00"),
        (1, "$0.000000001"),
        (1_500_000_000, "$1.50"),
        (-12, "-$0.000000012"),
        (10**18 + 1, "$1000000000.000000001"),
        (None, ""),
    ],
)
def test_money_is_exact(nano, text):
    """No digit is rounded away."""
    assert dollars(nano) == text


def test_what_is_not_there_is_empty():
    """Never a zero in its place."""
    assert [count(None), milliseconds(None), percent(None), whole(None), at({"a": 1}, "a.b")] == ["", "", "", "", None]
    assert [count(0), milliseconds(0.0), percent(0.0)] == ["0", "0 ms", "0 %"]


def test_small_and_large_numbers():
    """So that each says something."""
    assert [milliseconds(0.123456), milliseconds(1234.5), percent(0.00001), percent(0.99999), percent(1), count(1234567)] == [
        "0.123 ms",
        "1,234 ms",
        "< 0.01 %",
        "> 99.99 %",
        "100 %",
        "1,234,567",
    ]


def test_cells_and_lines(capsys):
    """Budgets as the configuration means them; long values are cut in tables only; fields without a value have no line."""
    assert short([{"amount": "5"}, {"amount": "7", "period": "total"}], "budgets") == "5 per month, 7 in all"
    assert short(True, "disabled") == "disabled"
    assert short("x" * 100).endswith(" ...")
    told(Output(as_json=False), {"name": "a", "tier": None, "tags": [], "limits": {"requests": {"minute": 60}}, "flag": False})
    assert capsys.readouterr().out.splitlines() == ["name    a", "limits  requests: minute: 60", "flag    no"]
