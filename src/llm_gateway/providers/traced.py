"""What an attempt's provider is told of the trace that its request belongs to."""

from __future__ import annotations

from collections.abc import Mapping

from llm_gateway.core.exchange import Attempt
from llm_gateway.core.trace import Propagate, TraceContext, companions


def trace_lines(trace: TraceContext, attempt: Attempt, how: Propagate, headers: Mapping[bytes, bytes], now: float) -> bytes:
    """Header lines for the request that `attempt` sends `now`; `headers`: the caller's. The attempt's span is named here, so
    that the provider's own spans are below it.
    """
    if trace.why:
        attempt.span, attempt.sent = trace.new_span(), now
    if how == "none":
        return b""
    lines = trace.parent_line(attempt.span)
    return lines + companions(headers) if how == "full" and trace.parent_id else lines
