"""Tokens, counted once each."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from msgspec import Raw

from dialects.strategies import usages
from llm_gateway.core.usage import Usage
from llm_gateway.dialects.gemini.usage import read_usage, render_usage


def read(wire: object) -> Usage | None:
    return read_usage(Raw(msgspec.json.encode(wire)))[0]


def test_classes_are_disjoint():
    """Cached tokens are in the prompt, thoughts and the prompts of Google's tools beside what they belong to, sound in lists."""
    usage = read(
        {
            "promptTokenCount": 100,
            "cachedContentTokenCount": 40,
            "candidatesTokenCount": 20,
            "thoughtsTokenCount": 300,
            "toolUsePromptTokenCount": 7,
            "totalTokenCount": 427,
            "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 70}, {"modality": "AUDIO", "tokenCount": 30}],
            "cacheTokensDetails": [{"modality": "AUDIO", "tokenCount": 10}],
            "candidatesTokensDetails": [{"modality": "AUDIO", "tokenCount": 5}],
        }
    )
    assert usage == Usage(input=47, cache_read=40, output=15, reasoning=300, audio_input=20, audio_output=5)
    assert usage.total == 427


@pytest.mark.parametrize(
    "wire", [None, {}, [], "x", {"promptTokenCount": -1}, {"promptTokenCount": "many"}, {"trafficType": "X"}]
)
def test_what_says_nothing_possible_is_no_usage(wire):
    """A wrong count must not lose an answer."""
    assert read(wire) is None


def test_numbers_as_strings_and_the_tier():
    """As proto JSON may write them."""
    assert read({"promptTokenCount": "3"}) == Usage(input=3)
    assert read_usage(Raw(b'{"promptTokenCount":1,"serviceTier":"FLEX"}'))[1] == "flex"


@settings(max_examples=60, deadline=None)
@given(usages)
def test_totals_agree(usage):
    """What a Gemini client adds up is what was used; classes that Gemini does not have are in the nearest one."""
    shown = render_usage(usage)
    assert shown["promptTokenCount"] + shown["candidatesTokenCount"] + shown.get("thoughtsTokenCount", 0) == usage.total
    again = read(shown)
    assert (again.prompt, again.completion, again.cache_read, again.reasoning, again.audio_input, again.audio_output) == (
        usage.prompt,
        usage.completion,
        usage.cache_read,
        usage.reasoning,
        usage.audio_input,
        usage.audio_output,
    )
