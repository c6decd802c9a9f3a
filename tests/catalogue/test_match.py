"""Which entry a name means."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from llm_gateway.catalogue.format import Entry, Period, Rates
from llm_gateway.catalogue.match import LONGEST, Names, fits, spellings

FREE = (Period(Rates(input=0)),)


def as_expression(glob: str) -> str:
    """The same pattern as a regular expression, the slow and certain way."""
    return "".join({"*": ".*", "#": "[0-9]"}.get(letter, re.escape(letter)) for letter in glob)


@given(st.text("ab0#*", max_size=9), st.text("ab01", max_size=9))
@example("a*#b", "a1a0b")
@example("*a", "a")
@example("a*a", "a")
def test_a_pattern_means_what_it_says(glob: str, name: str) -> None:
    """`*` is anything, `#` a digit, everything else itself, for the whole of the name; `!` turns it round."""
    expected = re.fullmatch(as_expression(glob), name, re.DOTALL) is not None
    assert fits(name, glob) is expected
    assert fits(name, "!" + glob) is not expected


def test_a_pattern_made_to_be_slow() -> None:
    """Time grows with the lengths, not with their power: many stars over many letters are done at once."""
    assert not fits("a" * 512, "*a" * 60 + "*b#*")


@given(st.text(max_size=40), st.sampled_from(["openai", "bedrock", "vertex", "gemini", "openrouter"]))
def test_any_name_has_spellings_or_none(name: str, kind: str) -> None:
    """No name breaks the search; all spellings are in lower case and the longest names are not looked at."""
    found = list(spellings(kind, name))
    assert all(one == one.lower() for one in found)
    assert list(spellings(kind, name + "x" * (LONGEST + 1))) == []


@pytest.mark.parametrize(
    ("kind", "model", "expected"),
    [
        ("openai", "GPT-5.2-20251211", ["gpt-5.2-20251211", "gpt-5.2-2025-12-11"]),
        ("openai", "ft:gpt-4o:us:x:1", ["ft:gpt-4o:us:x:1"]),
        ("gemini", "models/gemini-2.5-flash", ["gemini-2.5-flash"]),
        ("vertex", "claude-opus-4-5@20251101", ["claude-opus-4-5@20251101", "claude-opus-4-5-20251101", "claude-opus-4-5"]),
        ("vertex", "publishers/google/models/gemini-2.5-pro", ["gemini-2.5-pro"]),
        ("vertex", "projects/p/locations/eu/publishers/google/models/gemini-2.5-pro", ["gemini-2.5-pro"]),
        ("bedrock", "us.anthropic.claude-x-v1:0", ["us.anthropic.claude-x-v1:0", "anthropic.claude-x-v1:0"]),
        ("bedrock", "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0", ["amazon.nova-lite-v1:0"]),
        (
            "bedrock",
            "arn:aws-us-gov:bedrock:us-gov-west-1:123456789012:inference-profile/us-gov.amazon.nova-lite-v1:0",
            ["us-gov.amazon.nova-lite-v1:0", "amazon.nova-lite-v1:0"],
        ),
        ("bedrock", "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/a1b2", []),
        ("bedrock", "arn:aws:bedrock:us-east-1:123456789012:custom-model/amazon.nova-lite-v1:0/x", []),
        ("bedrock", "usual.thing", ["usual.thing"]),
        ("openrouter", "deepseek/deepseek-chat:free", ["deepseek/deepseek-chat:free"]),
    ],
)
def test_how_providers_write_the_same_name(kind: str, model: str, expected: list[str]) -> None:
    """Regions, versions, publishers and ARNs; what cannot be traced to a model (a custom one, a profile) is not guessed at."""
    assert list(spellings(kind, model)) == expected


def test_a_listed_name_before_a_pattern() -> None:
    """The exact name counts, then the first pattern; prices come only from who has some."""
    family = Entry(id="family", globs=("model*", ("other*", "!*-tts*")), prices=FREE)
    exact = Entry(id="model-2", ids=("model-2",), prices=FREE)
    facts = Entry(id="model-3", context=5)
    names = Names([family, exact, facts])
    assert names.priced("model-1") is family
    assert names.priced("model-2") is exact
    assert (names.priced("model-3"), names.about("model-3")) == (family, facts)
    assert names.priced("other-x") is family
    assert names.priced("other-tts-1") is None
    assert (names.priced("mode"), names.about("model-1")) == (None, None)
