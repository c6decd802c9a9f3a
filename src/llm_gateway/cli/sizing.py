"""`llm-gateway sizing`: what a load needs, from what was measured."""

from __future__ import annotations

from typing import Any

import click
import msgspec

from llm_gateway.cli.output import Output
from llm_gateway.loadtest.sizing import Load, Needs, figures, needs

_SHARE = click.FloatRange(0, 1)
_ABOVE = click.FloatRange(min=0, min_open=True)


@click.command()
@click.option("--rate", "requests_per_second", type=_ABOVE, required=True, help="Requests per second at the busiest time.")
@click.option("--latency", "latency_seconds", type=_ABOVE, help="Mean seconds until an answer is whole (2).")
@click.option("--streams", type=_SHARE, help="Share of requests that are streams (0.5).")
@click.option("--events", type=click.FloatRange(0), help="Tokens of a stream's answer (200).")
@click.option("--body-kb", type=click.FloatRange(0), help="Size of requests and answers (4).")
@click.option("--translated", type=_SHARE, help="Share that goes to a provider of another dialect (0).")
@click.option("--keys", type=click.IntRange(0), help="Keys with limits that are in use (100).")
@click.option("--idle-connections", type=click.IntRange(0), help="Connections that callers keep open (0).")
@click.option("--limited/--unlimited", default=None, help="Whether keys have limits and budgets (limited).")
@click.option("--redis/--no-redis", default=None, help="Whether they are counted in Redis (yes).")
@click.option("--tls/--no-tls", default=None, help="Whether providers are reached over TLS (yes).")
@click.option("--utilisation", type=click.FloatRange(0.1, 1), help="How full processors may be (0.6).")
@click.option("--spare-pods", type=click.IntRange(0), help="Pods beyond what the load needs (1).")
@click.option("--keep-days", type=click.IntRange(1), help="How long ledger rows are kept (90).")
@click.pass_obj
def sizing(output: Output, /, **given: Any) -> None:
    """Say what a load needs: processors, memory, pods, connections, database, disk.

    Computed from what was measured on one machine, which is told with its date; costs are an estimate.
    """
    load = Load(**{name: value for name, value in given.items() if value is not None})
    found = needs(load, figures())
    if output.as_json:
        output.show({"load": msgspec.to_builtins(load), "needs": msgspec.to_builtins(found)}, "")
        return
    output.table(None, ("", ""), _rows(found))
    output.console.print()
    rows = [
        (
            size.name,
            f"{size.cores:g} cores, {size.gigabytes:g} GB",
            f"{size.workers}",
            f"{size.requests_per_second:,.0f} ({size.limited_by})",
            f"{size.pods}" if size.pods else "does not fit",
            f"${size.dollars_a_month[0]:,} to ${size.dollars_a_month[1]:,}",
        )
        for size in found.sizes
    ]
    headings = ("size", "of each pod", "workers", "requests/s of each (limit)", "pods", "a month (estimate)")
    output.table(None, headings, rows)
    output.console.print()
    for note in found.notes:
        output.console.print(note, markup=False)


def _rows(found: Needs) -> list[tuple[str, str]]:
    thumb = found.rule_of_thumb
    guess = f"{thumb.in_flight:,.0f} at a time, {thumb.cores:,.0f} cores, {thumb.gigabytes:,.1f} GB, {thumb.pods} pods"
    return [
        ("requests at a time", f"{found.in_flight:,.0f}"),
        (
            "processor",
            f"{found.cores:g} cores ({found.worker_us:,.0f} us a request in workers, {found.control_us:,.0f} in control)",
        ),
        ("memory of requests", f"{found.memory_gb:,.2f} GB, besides the processes"),
        ("connections", f"{found.caller_connections:,} of callers, {found.provider_connections:,} to providers"),
        ("ledger", f"{found.ledger_rows_per_second:,.0f} rows/s, {found.ledger_rows_per_day:,} a day"),
        ("database", f"{found.database_gb_per_day:,.1f} GB a day, {found.database_gb_kept:,.0f} GB kept"),
        ("database's own log", f"{found.database_log_gb_per_day:,.1f} GB a day"),
        (
            "disk of workers",
            f"{found.worker_log_gb_per_day:,.1f} GB a day of ledger log, {found.access_log_gb_per_day:,.1f} of access log",
        ),
        ("Redis", f"{found.redis_commands_per_second:,} commands/s, {found.redis_mb:,.1f} MB"),
        ("rule of thumb", f"{guess} (of 2 cores; 2 MB a request)"),
    ]
