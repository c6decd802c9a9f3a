"""A summary as rows of a table, for people."""

from __future__ import annotations

from collections.abc import Iterator

from llm_gateway.loadtest.compare import Difference
from llm_gateway.loadtest.histogram import Spread
from llm_gateway.loadtest.measured import Measured, Summary

Row = tuple[str, ...]
DURATIONS: Row = ("ms", "p50", "p90", "p95", "p99", "p99.9", "max", "mean", "of")


def durations(summary: Summary) -> list[Row]:
    """What took how long; what never happened is left out."""
    spreads = (
        ("latency, from when it was due", summary.latency_ms),
        ("the same, from when it was sent", summary.service_ms),
        ("first token", summary.ttft_ms),
        ("between tokens", summary.gap_ms),
        ("sent too late by the generator", summary.generator.lag_ms),
    )
    return [_row(name, spread) for name, spread in spreads if spread.count]


def facts(summary: Summary) -> Iterator[Row]:
    """Everything else."""
    rates, volume, errors = summary.per_second, summary.volume, summary.errors
    late = " (interrupted)" if summary.interrupted else ""
    yield ("requests", f"{summary.requests:,} in {summary.seconds:g} s{late}, {summary.streams:,} of them streams")
    yield ("per second", f"{rates.offered:,.1f} asked, {rates.answered:,.1f} answered, {rates.output_tokens:,.1f} tokens written")
    yield ("errors", f"{errors.count:,} ({errors.share:.2%})")
    for kind, count in errors.kinds.items():
        yield (f"  {kind}", f"{count:,}")
    unknown = f"; {volume.unknown:,} answers did not tell" if volume.unknown else ""
    yield ("tokens", f"{volume.prompt_tokens:,} read, {volume.output_tokens:,} written{unknown}")
    yield ("bytes (bodies)", f"{volume.bytes_sent:,} sent, {volume.bytes_received:,} received")
    yield ("connections", f"{volume.connections_opened:,} opened, used again {volume.connections_reused:,} times")
    yield ("generator", f"{summary.generator.cpu:.0%} of one core")


def bottleneck(summary: Summary) -> str:
    """What must be said before anybody reads the figures; empty: nothing."""
    if not summary.generator.limits:
        return ""
    return (
        "The load generator was the bottleneck, so this is not what the service can do: "
        f"{'; '.join(summary.generator.limits)}. Ask for less, or run several generators on other machines."
    )


def live(measured: Measured, seconds: float, in_flight: int) -> str:
    """One line while it runs."""
    if seconds < 0:
        return f"warm-up, {-seconds:.0f} s left, {in_flight} under way"
    p50, p95 = (f"{(measured.latency.quantile(share) or 0) * 1000:.1f}" for share in (0.5, 0.95))
    counts = f"{measured.answered:,} answered, {measured.failed:,} errors, {in_flight:,} under way"
    return f"{seconds:.0f} s: {counts}, p50 {p50}, p95 {p95} ms"


def compared(rows: list[Difference]) -> list[Row]:
    """Both runs beside each other."""
    made: list[Row] = []
    for row in rows:
        change = "" if row.change is None else f"{row.change:+.1%}"
        verdict = "worse" if row.worse else "" if row.judged else "too few to judge"
        made.append((row.name, row.unit, f"{row.before:,.3f}", f"{row.now:,.3f}", change, verdict))
    return made


def _row(name: str, spread: Spread) -> Row:
    points = (spread.p50, spread.p90, spread.p95, spread.p99, spread.p999, spread.max, spread.mean)
    return (name, *("" if point is None else f"{point:,.2f}" for point in points), f"{spread.count:,}")
