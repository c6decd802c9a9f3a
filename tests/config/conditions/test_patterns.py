"""Globs and regular expressions mean what they usually mean, in time that only grows with the text."""

from __future__ import annotations

import fnmatch
import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amount import examples
from llm_gateway.config.conditions.patterns import LONGEST_TEXT, NotAPattern, glob, regex

_ATOMS = st.sampled_from(["a", "b", "Z", ".", "[ab]", "[^a]", "[a-c-]", "[]x]", r"\d", r"\W", r"\.", "-", "()", r"[\d_]"])
_REGEXES = st.recursive(
    _ATOMS,
    lambda inner: st.one_of(
        st.tuples(inner, inner).map("".join),
        st.tuples(inner, inner).map(lambda two: f"({two[0]}|{two[1]})"),
        st.tuples(inner, st.sampled_from(["*", "+", "?", "{1,2}", "{2}", "{0,}", "*?", "+?"])).map(
            lambda two: f"(?:{two[0]}){two[1]}"
        ),
    ),
    max_leaves=8,
)
_ANCHORED = st.tuples(st.sampled_from(["", "^"]), _REGEXES, st.sampled_from(["", "$"])).map("".join)


@examples(120)
@given(st.lists(_ANCHORED, min_size=1, max_size=2).map("|".join), st.text("abcZz1.-_ xä", max_size=12), st.booleans())
def test_a_regular_expression_means_what_it_means_in_python(pattern: str, text: str, folded: bool) -> None:
    """For everything that both know, the same texts match (ASCII, `$` at the very end)."""
    usual = re.compile(pattern.replace("$", r"\Z"), re.ASCII | (re.IGNORECASE if folded else 0))
    assert regex(pattern, folded=folded).matches(text) == (usual.search(text) is not None)


@settings(max_examples=200, deadline=None)
@given(st.text("ab*?-", max_size=8), st.text("ab-", max_size=10))
def test_a_glob_means_what_it_means_elsewhere(pattern: str, text: str) -> None:
    """`*` and `?` as in file names, and the whole text must match."""
    assert glob(pattern).matches(text) == fnmatch.fnmatchcase(text, pattern)


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|aa)+$", "^(a*)*$", "(.*)*x", "a*a*a*a*a*b", "(.*a){20}", "([a-z]+.)+z$"])
def test_patterns_that_others_choke_on_take_no_time(pattern: str) -> None:
    """Patterns that take `re` exponential or cubic time are done with the longest text in a few milliseconds."""
    found = regex(pattern)
    began = time.process_time()
    found.matches("a" * (LONGEST_TEXT - 1) + "!")
    assert time.process_time() - began < 0.5


@pytest.mark.parametrize(
    "pattern", [".*a.{20}", "((a{100}){100}){100}", "[^a]{100}[^b]{100}", "(a?){100}{0,1}" + "(b?a?){100}" * 20]
)
def test_a_table_that_would_be_too_large_is_refused_soon(pattern: str) -> None:
    """Some patterns need a table that doubles with each repetition: that is told, not built."""
    began = time.process_time()
    with pytest.raises(NotAPattern):
        regex(pattern)
    assert time.process_time() - began < 2


def test_a_text_that_is_too_long_matches_nothing() -> None:
    """Not even what would match anything."""
    assert regex("a").matches("a" * LONGEST_TEXT)
    assert not regex("a").matches("a" * (LONGEST_TEXT + 1))


def test_what_every_match_begins_with() -> None:
    """The beginning that a pattern fixes is known, so that other texts need no look at the table."""
    assert regex("^gpt-4.*mini").front == "gpt-4"
    assert regex("gpt").front == ""
    assert regex("^gpt|x").front == ""
    assert regex("^gpt", folded=True).front == ""
    assert glob("gpt-*-mini").front == "gpt-"
    assert glob("*").front == ""
