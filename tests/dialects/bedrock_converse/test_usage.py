"""Usage, wire to neutral."""

from __future__ import annotations

import msgspec
import pytest

from llm_gateway.core.usage import Usage
from llm_gateway.dialects.bedrock_converse.usage import parse_usage
from llm_gateway.dialects.bedrock_converse.wire import UsageWire


@pytest.mark.parametrize(
    ("wire", "usage"),
    [
        ({}, Usage()),
        ({"inputTokens": 3, "outputTokens": 4, "totalTokens": 7}, Usage(input=3, output=4)),
        (
            {"inputTokens": 3, "cacheReadInputTokens": 5, "cacheWriteInputTokens": 6, "outputTokens": 4},
            Usage(3, cache_read=5, cache_write=6, output=4),
        ),
        (
            {"cacheWriteInputTokens": 6, "cacheDetails": [{"ttl": "1h", "inputTokens": 2}, {"ttl": "5m", "inputTokens": 4}]},
            Usage(cache_write=4, cache_write_1h=2),
        ),
        (
            {"cacheDetails": [{"ttl": "1h", "inputTokens": 2}, {"ttl": "5m", "inputTokens": 4}]},
            Usage(cache_write=4, cache_write_1h=2),
        ),
        ({"cacheWriteInputTokens": 1, "cacheDetails": [{"ttl": "1h", "inputTokens": 2}]}, Usage(cache_write_1h=1)),
        ({"cacheWriteInputTokens": None, "cacheDetails": None}, Usage()),
    ],
)
def test_classes_are_disjoint(wire, usage):
    """What was written to the cache of an hour is told apart, and never more than was written."""
    assert parse_usage(msgspec.convert(wire, UsageWire)) == usage
