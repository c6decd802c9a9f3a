"""Anthropic's usage and ours."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from dialects.strategies import tokens
from llm_gateway.core.usage import Usage
from llm_gateway.dialects.anthropic_messages.usage import UsageWire, merge, parse_usage, render_delta_usage, render_usage


def wire(**members: object) -> UsageWire:
    return msgspec.convert(members, UsageWire)


def test_classes_do_not_overlap():
    """Input is fresh input only, an hour's cache is told from the default one, thinking from visible output."""
    assert parse_usage(
        wire(
            input_tokens=10,
            output_tokens=50,
            cache_read_input_tokens=5,
            cache_creation_input_tokens=30,
            cache_creation={"ephemeral_5m_input_tokens": 10, "ephemeral_1h_input_tokens": 20},
            output_tokens_details={"thinking_tokens": 40},
        )
    ) == Usage(input=10, cache_read=5, cache_write=10, cache_write_1h=20, output=10, reasoning=40)


def test_counts_that_are_missing_or_null_are_none():
    """Old answers have no cache counts; a breakdown without a total counts too."""
    assert parse_usage(wire(input_tokens=1, output_tokens=2, cache_read_input_tokens=None)) == Usage(input=1, output=2)
    assert parse_usage(wire(cache_creation={"ephemeral_5m_input_tokens": 3})) == Usage(cache_write=3)


def test_a_compaction_is_paid_for():
    """Its tokens stand in iterations alone; those of the message itself are in the totals already."""
    turns = [
        {"type": "compaction", "input_tokens": 100, "output_tokens": 7},
        {"type": "message", "input_tokens": 1, "output_tokens": 2},
    ]
    assert parse_usage(wire(input_tokens=1, output_tokens=2, iterations=turns)) == Usage(input=101, output=9)


def test_later_counts_replace_earlier_ones():
    """message_delta's counts are totals: nothing is added up, and what it does not say stays."""
    first = wire(input_tokens=10, output_tokens=1, cache_read_input_tokens=5)
    assert parse_usage(merge(first, wire(output_tokens=20))) == Usage(input=10, cache_read=5, output=20)
    assert merge(None, first) is first


@given(st.builds(Usage, tokens, tokens, tokens, tokens, tokens, tokens))
def test_usage_survives(usage):
    """What is shown to a client says the same when it is read back."""
    assert parse_usage(msgspec.convert(render_usage(usage), UsageWire)) == usage


@given(st.builds(Usage, *[tokens] * 10))
def test_totals_survive_for_classes_without_a_word(usage):
    """Audio and predictions have no word here: they stay in the totals."""
    shown = render_delta_usage(usage)
    assert shown["output_tokens"] == usage.completion
    assert shown["input_tokens"] + shown["cache_creation_input_tokens"] + shown["cache_read_input_tokens"] == usage.prompt


def test_unknown_usage_is_shown_as_zeros():
    """The SDKs' types demand numbers."""
    assert render_delta_usage(None)["output_tokens"] == 0
