"""How a running gateway is, and those it asks: `health`, `backend-health`."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import click

from llm_gateway.cli.gateway import Admin, admin_options
from llm_gateway.cli.shown import at, count, milliseconds, percent, whole

_HEADINGS = ("provider", "type", "status", "circuit", "successes", "p50", "p95", "requests/min", "last asked", "what is wrong")


@click.command()
@click.option("--detailed", is_flag=True, help="Its parts, too.")
@click.option("--timeout", type=click.FloatRange(0.1, 600), default=10.0, show_default=True, help="Seconds that it may take.")
@admin_options
def health(admin: Admin, timeout: float, *, detailed: bool) -> None:
    """Whether the gateway can serve. Ends with 1 if it is unhealthy or does not answer."""
    admin.seconds = timeout
    admin.main_port_only()
    said = admin.ask("GET", "/health", query={"detailed": detailed or None}, also=503).body
    output = admin.output
    if output.as_json:
        output.show(said, "")
    else:
        output.show(said, f"{said['status']}: version {said['version']}, up for {_span(said['uptime_seconds'])}")
        for reason in said.get("reasons", ()):  # an older gateway names none
            output.show(said, f"  {reason}")
        rows = [(one["name"], "yes" if one["healthy"] else "no", milliseconds(one["latency_ms"])) for one in said["providers"]]
        output.table(said, ("provider", "healthy", "latency"), rows)
        facts = {**said["dependencies"], **said.get("components", {})}
        output.show(said, "\n".join(f"{name}: {'not known' if value is None else whole(value)}" for name, value in facts.items()))
    if said["status"] == "unhealthy":
        output.fail("The gateway is unhealthy: no provider can be asked. `llm-gateway backend-health` says why.")


@click.command(name="backend-health")
@click.option("-p", "--provider", help="Only this one.")
@click.option("--unhealthy-only", is_flag=True, help="Only those with which something is wrong.")
@click.option("-w", "--watch", is_flag=True, help="Again and again, until Ctrl-C.")
@click.option("--interval", type=click.FloatRange(0.5, 3600), default=5.0, show_default=True, help="Seconds between two looks.")
@admin_options
def backend_health(admin: Admin, provider: str | None, interval: float, *, unhealthy_only: bool, watch: bool) -> None:
    """How the providers are doing, from the requests that were made to them. Ends with 1 if one of them is unhealthy."""
    while True:
        said = admin.get("/health/providers")
        rows = [one for one in said["providers"] if provider in (None, one["id"])]
        if provider is not None and not rows:
            admin.output.fail(f"There is no provider {provider}. Without -p, all are shown.")
        wanted = [one for one in rows if not unhealthy_only or one["status"] != "healthy"]
        admin.output.table({**said, "providers": wanted}, _HEADINGS, [_row(one) for one in wanted])
        if not watch:
            break
        time.sleep(interval)
    if any(one["status"] == "unhealthy" for one in rows):
        click.get_current_context().exit(1)


def _row(one: Mapping[str, Any]) -> tuple[str, ...]:
    circuit = at(one, "circuit.state") or ""
    seconds = at(one, "circuit.seconds")
    if seconds:
        circuit += f", again in {seconds:.0f} s"
    return (
        one["id"],
        one["type"],
        one["status"],
        circuit,
        percent(at(one, "metrics.success_rate")),
        milliseconds(at(one, "metrics.latency_p50_ms")),
        milliseconds(at(one, "metrics.latency_p95_ms")),
        count(at(one, "metrics.requests_per_minute")),
        one.get("last_check") or "never",
        one.get("error") or one.get("warning") or "",
    )


def _span(seconds: int) -> str:
    days, rest = divmod(seconds, 86_400)
    hours, rest = divmod(rest, 3600)
    minutes, rest = divmod(rest, 60)
    parts = ((days, "d"), (hours, "h"), (minutes, "m"), (rest, "s"))
    told = [f"{number}{unit}" for number, unit in parts if number]
    return " ".join(told[:2]) or "0s"
