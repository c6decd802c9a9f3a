"""The metric families of tracing itself: what became of traces on their way to the collector (control.tracing)."""

from __future__ import annotations

from llm_gateway.telemetry.family import counter, gauge

_TRACING = "telemetry.tracing.endpoint"

TRACES = (
    counter("gateway_traces_exported_total", "Requests whose traces the collector took.", when=_TRACING),
    counter(
        "gateway_traces_dropped_total",
        "Requests whose traces found no room while others waited for the collector.",
        when=_TRACING,
        look="The collector is slow or away: traces_not_sent in the log; else a smaller telemetry.tracing.sample.",
    ),
    counter(
        "gateway_traces_failed_total",
        "Requests whose traces the collector refused, or did not take for a minute.",
        when=_TRACING,
        look="traces_not_sent in the log says why.",
    ),
    counter("gateway_traces_rejected_spans_total", "Spans that the collector refused of what it took.", when=_TRACING),
    gauge("gateway_traces_waiting", "Requests whose traces wait to be sent.", when=_TRACING),
)
