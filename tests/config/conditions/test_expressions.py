"""Conditions in one line of text: what they mean, and what is said of those that mean nothing."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_gateway.config.conditions.expressions import DEEPEST, LONGEST, MOST_TESTS, parse
from llm_gateway.config.conditions.tree import Condition, Not, Test, either, every
from llm_gateway.config.conditions.values import Misfit
from llm_gateway.config.errors import Where

CLAUDE = Test("model", "starts_with", ("claude",))
LONG = Test("tokens", ">", (20000,))
TEAM = Test("header", "is", ("ml",), "x-team")
TOOLS = Test("needs", "contains", ("tools",))


def where(offset: int) -> Where:
    """The place of a character in a file of one line."""
    return Where("f", 1, offset + 1)


def read(text: str) -> Condition:
    return parse(text, where)


def wrong(text: str) -> tuple[int, str]:
    """The column of what is wrong, and what is said."""
    with pytest.raises(Misfit) as caught:
        read(text)
    assert caught.value.at is not None
    return caught.value.at.column, f"{caught.value.message}; {caught.value.suggestion}".removesuffix("; ")


@pytest.mark.parametrize(
    ("text", "condition"),
    [
        ('model starts_with "claude" and tokens > 20000', every(CLAUDE, LONG)),
        ("model == 'a'", Test("model", "is", ("a",))),
        ('model != "a"', Not(Test("model", "is", ("a",)))),
        ('model not in ["a", "b", "a"]', Not(Test("model", "is", ("a", "b")))),
        ('not (tenant in ["a","b"]) or header("X-Team") == "ml"', either(Not(Test("tenant", "is", ("a", "b"))), TEAM)),
        ('header.x-team == "ml"', TEAM),
        ('metadata.team == "x"', Test("metadata", "is", ("x",), "team")),
        ('metadata("a b") == ""', Test("metadata", "is", ("",), "a b")),
        ("needs tools", TOOLS),
        ("needs in [tools, images]", Test("needs", "contains", ("tools", "images"))),
        ('tags contains "vip"', Test("tags", "contains", ("vip",))),
        ('tags not in ["a", "b"]', Not(Test("tags", "contains", ("a", "b")))),
        ('time between "22:00" and "06:00" and stream', every(Test("time", "between", (1320, 360)), Test("stream", "is", (1,)))),
        ("stream == false", Not(Test("stream", "is", (1,)))),
        ("stream != false", Test("stream", "is", (1,))),
        ('source in ["10.0.0.0/8", "::1"]', Test("source", "is", ("10.0.0.0/8", "::1/128"))),
        ('model matches "gpt-4*"', Test("model", "glob", ("gpt-4*",))),
        (r"model matches /^a\/b|c/i", Test("model", "regex_i", (r"^a\/b|c",))),
        ("weekday in [sat, sun]", Test("weekday", "is", ("sat", "sun"))),
        ("priority >= high", Test("priority", ">=", (2,))),
        ("cost <= 0.0005", Test("cost", "<=", (500_000,))),
        ("tokens between 5 and 10", Test("tokens", "between", (5, 10))),
        (r'user == "a\"\\"', Test("user", "is", ('a"\\',))),
        ("stream\n  and needs\ttools", every(Test("stream", "is", (1,)), TOOLS)),
    ],
)
def test_what_it_means(text: str, condition: Condition) -> None:
    """Each way of writing a test gives the tree that it says."""
    assert read(text) == condition


def test_and_binds_closer_than_or_and_not_closest() -> None:
    """As everywhere."""
    assert read("stream or not stream and needs tools") == read("stream or ((not stream) and needs tools)")


@pytest.mark.parametrize(
    ("text", "column", "said"),
    [
        ('modle == "a"', 1, 'there is no field "modle"; did you mean "model"?'),
        ('model starts_wth "a"', 7, 'expected a comparison behind model, found starts_wth; did you mean "starts_with"?'),
        ("model > 5", 1, "model is text and has no such comparison; it knows ==, in, starts_with, ends_with, contains, matches"),
        ("model == 5", 10, 'model is text, but 5 is a number; write "5"'),
        ('tokens > "many"', 10, 'tokens is a whole number, but "many" is text; write tokens > 20000'),
        ("tokens > 1.5", 10, "tokens is a whole number from 0"),
        ("model == gpt", 10, 'model is text, but gpt has no quotes; write "gpt"'),
        ("needs tool", 7, 'needs is never "tool"; did you mean "tools"?'),
        ('weekday == "monday"', 12, 'weekday is never "monday"; did you mean "mon"?'),
        ("stream and", 11, "the condition breaks off; a test is missing here"),
        ("(stream", 8, "expected ) before the end; a ( is not closed"),
        ("stream stream", 8, "the condition is complete before stream; join tests with and, or"),
        ("stream adn stream", 8, 'the condition is complete before adn; did you mean "and"?'),
        ('model = "a"', 7, '"=" has no meaning here; write =='),
        ("stream && stream", 8, '"&" has no meaning here; write and'),
        ('model == "a', 10, 'a text is not closed; it ends with "'),
        ("model matches /a", 15, "a regular expression is not closed; it ends with /"),
        (r'model == "a\n"', 12, r"there is no escape \n; write \\"),
        ('model in ["a" "b"]', 15, 'expected , or ] in the list, found "b"'),
        (
            'time between "25:00" and "06:00"',
            14,
            "expected a time of day (UTC) such as 06:30; hours from 00 to 23, minutes from 00 to 59",
        ),
        ('time between "06:00" and "06:00"', 26, "begins and ends at the same time"),
        ("tokens between 9 and 5", 22, "5 is less than 9; swap them"),
        ("tokens between 5, 9", 17, "expected and behind between, found ,"),
        ('source in "10.0.0.1/8"', 11, "10.0.0.1/8 is an address inside a network; write 10.0.0.0/8, or the address alone"),
        ('source in "local"', 11, '"local" is neither an address nor a network; such as 10.0.0.0/8'),
        ('header == "a"', 8, 'header needs the name of an entry; write header("x-team")'),
        ('header("x team") == "a"', 8, '"x team" is not the name of a header'),
        ("model matches /a(b/", 17, "the regular expression a ( is not closed"),
        ('model matches "a[bc]"', 15, "a glob knows * and ?; for more, write a regular expression: matches /.../"),
        ('model starts_with ""', 19, 'is empty: every text would do; to ask for none: model == ""'),
        ("model == /a/", 10, "a regular expression goes with matches; model matches /.../"),
        ('model matches ["a*", /b/]', 22, "a list takes globs; write one regular expression, with | between the choices"),
        ('tokens > ["1"]', 11, 'tokens is a whole number, but "1" is text; write tokens > 20000'),
        ("tokens > [1, 2]", 14, "> compares with one value"),
        ("model not starts_with", 11, "expected in behind not, found starts_with; write not model ..."),
        ("", 1, "the condition breaks off; a test is missing here"),
    ],
)
def test_what_is_said_of_a_mistake(text: str, column: int, said: str) -> None:
    """The column where it goes wrong, what is wrong, and a way out."""
    assert wrong(text) == (column, said)


def test_size_is_bounded() -> None:
    """Text, nesting and tests have limits, which are told and not run into."""
    assert "longer than" in wrong("stream " * LONGEST)[1]
    assert "nested" in wrong("(" * 5000 + "stream")[1]
    assert "nested" in wrong("not " * 2000 + "stream")[1]
    assert "more than" in wrong(" or ".join(["stream"] * (MOST_TESTS + 1)))[1]
    assert read("(" * DEEPEST + "stream" + ")" * DEEPEST) == Test("stream", "is", (1,))


_WORDS = st.sampled_from(
    ["model", "tokens", "header", "needs", "time", "stream", "cost", "metadata", "source", "not", "and", "or", "in", "between", "matches",
     "starts_with", "(", ")", "[", "]", ",", ".", "==", "<", '"a"', "'b'", '"10:00"', "5", "0.1", "/a+/", "/(/", "tools", "high", "\\", '"', "\x00", "ü"]
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.lists(_WORDS, max_size=30).map(" ".join), st.lists(_WORDS, max_size=12).map("".join), st.text(max_size=60)))
def test_anything_is_read_or_refused(text: str) -> None:
    """Whatever is written, the answer is a condition or a Misfit, at once."""
    began = time.process_time()
    place = None
    try:
        read(text)
    except Misfit as misfit:
        place = misfit.at
    assert place is None or 1 <= place.column <= len(text) + 1
    assert time.process_time() - began < 1.0


@pytest.mark.parametrize(
    "text", ['"' + "\\" * LONGEST, "/" * LONGEST, "a" * LONGEST, "[" * LONGEST, " " * LONGEST, "1" * LONGEST]
)
def test_long_texts_take_no_time(text: str) -> None:
    """The longest text of one kind is refused within half a second."""
    began = time.process_time()
    with pytest.raises(Misfit):
        read(text[:LONGEST])
    with pytest.raises(Misfit):
        read(f"model == {text}"[:LONGEST])
    assert time.process_time() - began < 0.5
