"""The metric families of content logging (control.content)."""

from __future__ import annotations

from llm_gateway.telemetry.family import counter

_CONTENT = "telemetry.content.tenants"

CONTENT = (
    counter("gateway_content_records_total", "Requests that were written to the content log.", when=_CONTENT),
    counter(
        "gateway_content_dropped_total",
        "Requests that the content log had no room for.",
        when=_CONTENT,
        look="More came in a second than telemetry.content.rate allows, or than can be read.",
    ),
    counter(
        "gateway_content_failed_total",
        "Requests that could not be written to the content log.",
        when=_CONTENT,
        look="content_not_written in the log says why.",
    ),
)
