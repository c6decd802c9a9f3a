"""Single tests as spans of numbers and predicates on texts."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.config.conditions.spans import ENDLESS, address, merged, passes, ranges, shared, simple, spans, without
from llm_gateway.config.conditions.tree import Test

SMALL = st.integers(0, 12)
SPANS = st.lists(st.tuples(SMALL, SMALL), max_size=4)


def numbers(found: object) -> set[int]:
    """The numbers up to 12 in some spans."""
    return {n for n in range(13) for low, high in found if low <= n <= high}  # type: ignore[attr-defined]


@given(SPANS, SPANS)
def test_spans_are_sets_of_numbers(one: list[tuple[int, int]], other: list[tuple[int, int]]) -> None:
    """Merging, intersection and difference are those of sets, and merged spans neither touch nor overlap."""
    assert numbers(merged(one)) == numbers(one)
    assert numbers(shared(one, other)) == numbers(one) & numbers(other)
    assert numbers(without(one, other)) == numbers(one) - numbers(other)
    found = merged(one)
    assert all(before[1] + 1 < behind[0] for before, behind in pairwise(found))


@pytest.mark.parametrize(
    ("test", "found"),
    [
        (Test("tokens", "<", (5,)), ((0, 4),)),
        (Test("tokens", "<", (0,)), ()),
        (Test("tokens", ">", (5,)), ((6, ENDLESS),)),
        (Test("tokens", "is", (5, 6, 9)), ((5, 6), (9, 9))),
        (Test("priority", ">=", (2,)), ((2, 3),)),
        (Test("tokens", "between", (5, 9)), ((5, 9),)),
        (Test("time", "between", (60, 120)), ((60, 119),)),
        (Test("time", "between", (1320, 360)), ((0, 359), (1320, 1439))),
        (Test("time", "between", (1320, 1440)), ((1320, 1439),)),
        (Test("time", "between", (0, 1440)), ((0, 1439),)),
        (Test("time", ">=", (1320,)), ((1320, 1439),)),
    ],
)
def test_what_a_test_spans(test: Test, found: tuple[tuple[int, int], ...]) -> None:
    """Ends belong to it, but for the end of a time window, which may lie behind midnight."""
    assert spans(test) == found


@pytest.mark.parametrize(
    ("pattern", "plain"),
    [
        ("gpt", ("is", "gpt")),
        ("gpt*", ("starts_with", "gpt")),
        ("*gpt", ("ends_with", "gpt")),
        ("*gpt*", ("contains", "gpt")),
        ("*", ("contains", "")),
        ("g*t", None),
        ("gp?", None),
    ],
)
def test_a_simple_glob_is_a_plain_comparison(pattern: str, plain: tuple[str, str] | None) -> None:
    """Most globs need no pattern."""
    assert simple(pattern) == plain


def test_a_text_passes_for_one_of_the_values() -> None:
    """Each comparison with several values holds for any of them."""
    assert passes(Test("model", "starts_with", ("a", "b")))("bc")
    assert not passes(Test("model", "starts_with", ("a", "b")))("cb")
    assert passes(Test("model", "glob", ("x", "g?t*")))("gpt-4")
    assert passes(Test("model", "regex_i", ("^GPT",)))("gpt-4")


@pytest.mark.parametrize(
    ("text", "network", "inside"),
    [
        ("10.1.2.3", "10.0.0.0/8", True),
        ("11.1.2.3", "10.0.0.0/8", False),
        ("::ffff:10.1.2.3", "10.0.0.0/8", True),
        ("::10.1.2.3", "10.0.0.0/8", False),
        ("10.1.2.3", "::/0", False),
        ("2001:db8::5", "2001:db8::/32", True),
        ("2001:db9::5", "2001:db8::/32", False),
        ("255.255.255.255", "0.0.0.0/0", True),
        ("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "::/0", True),
        ("", "0.0.0.0/0", False),
        ("example", "0.0.0.0/0", False),
        ("10.1.2.3\0", "0.0.0.0/0", False),
        ("ü", "::/0", False),
    ],
)
def test_addresses_and_networks(text: str, network: str, inside: bool) -> None:
    """IPv4 and IPv6 are apart; IPv4 written in IPv6 is IPv4; what is no address is in no network."""
    number = address(text)
    assert any(low <= number <= high for low, high in ranges(Test("source", "is", (network,)))) == inside
