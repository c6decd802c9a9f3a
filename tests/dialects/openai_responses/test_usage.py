"""Usage, both ways."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from dialects.strategies import usages, wire_counts
from llm_gateway.core.json import encode
from llm_gateway.core.usage import Usage
from llm_gateway.dialects.openai_responses.usage import read_usage, render_usage


@given(usages)
def test_usage_comes_back(usage):
    """All classes, those that the API does not have too."""
    assert read_usage(Raw(encode(render_usage(usage)))) == usage


def test_cached_and_reasoning_tokens_are_inside_of_the_sums():
    """Each token is counted once."""
    told = b'{"input_tokens":10,"input_tokens_details":{"cached_tokens":4},"output_tokens":7,"output_tokens_details":{"reasoning_tokens":5}}'
    assert read_usage(Raw(told)) == Usage(input=6, cache_read=4, output=2, reasoning=5)


def test_what_is_no_usage_is_none():
    """A wrong count must not lose an answer."""
    for raw in (b"null", b"3", b"{}", b'{"input_tokens":"x"}', b'{"input_tokens":-1}'):
        assert read_usage(Raw(raw)) is None
    assert render_usage(None) is None


@given(st.dictionaries(st.sampled_from(["input_tokens", "output_tokens", "input_tokens_details", "total_tokens"]), wire_counts))
def test_odd_counts_do_no_harm(document):
    """No count is negative, whatever is told."""
    usage = read_usage(Raw(encode(document)))
    assert usage is None or min(getattr(usage, name) for name in Usage.__struct_fields__) >= 0
