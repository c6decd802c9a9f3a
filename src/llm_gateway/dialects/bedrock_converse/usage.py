"""Converse's usage and ours. Its classes are disjoint: inputTokens holds neither what was read from a cache nor what was
written to one. Thinking is in outputTokens, and not told apart.
"""

from __future__ import annotations

from llm_gateway.core.usage import Usage
from llm_gateway.dialects.bedrock_converse.wire import UsageWire


def parse_usage(wire: UsageWire) -> Usage:
    details = wire.cache_details or ()
    hour = sum(detail.input_tokens for detail in details if detail.ttl == "1h")
    written = wire.cache_write_input_tokens
    if written is None:
        written = sum(detail.input_tokens for detail in details)
    hour = min(hour, written)
    return Usage(wire.input_tokens, wire.cache_read_input_tokens or 0, written - hour, hour, wire.output_tokens)
