"""What was used and what it cost, from the ledger of a running gateway: `cost`, `token-usage`, `latency`.

Money is shown to the last digit. What is an estimate, and what has no price, is said; what was not measured is empty.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import reduce
from typing import Any

import click

from llm_gateway.cli.gateway import Admin, admin_options
from llm_gateway.cli.output import Output
from llm_gateway.cli.shown import count, milliseconds, percent

COSTS, USAGE, LATENCY = "/admin/v1/costs", "/admin/v1/usage", "/api/v1/metrics/latency"
BUDGETS = "/admin/v1/budgets"
GROUPS = ("provider", "model", "tenant", "project", "key", "user", "tag", "hour", "day")
CLASSES = (
    "input",
    "cache_read",
    "cache_write",
    "cache_write_1h",
    "output",
    "reasoning",
    "audio_input",
    "audio_output",
    "accepted_prediction",
    "rejected_prediction",
)
"""Of tokens. Those that nothing used are left out of tables."""
_INPUT = ("input", "cache_read", "cache_write", "cache_write_1h", "audio_input")
_OUTPUT = ("output", "reasoning", "audio_output", "accepted_prediction", "rejected_prediction")

Made = Callable[..., Any]


def _narrowed(window: str) -> Callable[[Made], Made]:
    """Which requests are meant."""
    options = (
        click.option("-p", "--provider", help="Only what this provider served."),
        click.option("-m", "--model", help="Only what was asked for by this name."),
        click.option("-t", "--tenant", help="Only this tenant's."),
        click.option("-w", "--window", default=window, show_default=True, help="How far back, such as 30m, 24h or 7d."),
    )
    return lambda command: reduce(lambda made, option: option(made), reversed(options), command)


_grouped = click.option(
    "-g", "--group-by", "groups", multiple=True, type=click.Choice(GROUPS), help="Sums for each of these; repeatable."
)


@click.command()
@_narrowed("24h")
@_grouped
@click.option("--breakdown", is_flag=True, help="By provider and the provider's model, with the tokens of each kind.")
@admin_options
def cost(admin: Admin, groups: tuple[str, ...], *, breakdown: bool, **narrowed: str | None) -> None:
    """What the requests of a while cost."""
    by = groups or (("provider", "served_model") if breakdown else ("provider",))
    found = admin.get(COSTS, group_by=",".join(by), **narrowed)
    classes = _used(found) if breakdown else ()
    headings = (*by, "requests", *(name.replace("_", " ") for name in classes), "cost")
    rows = [
        (*_named(one, by), count(one["requests"]), *(count(one[name]) for name in classes), f"${one['cost']}")
        for one in found["data"]
    ]
    _shown(admin.output, found, headings, rows)


@click.command(name="token-usage")
@_narrowed("24h")
@_grouped
@click.option("--detailed", is_flag=True, help="Each kind of tokens by itself.")
@admin_options
def token_usage(admin: Admin, groups: tuple[str, ...], *, detailed: bool, **narrowed: str | None) -> None:
    """How many tokens the requests of a while used."""
    by = groups or ("provider", "model")
    found = admin.get(USAGE, group_by=",".join(by), **narrowed)
    if detailed:
        classes = _used(found)
        headings = (*by, "requests", *(name.replace("_", " ") for name in classes), "all")
        rows = [
            (*_named(one, by), count(one["requests"]), *(count(one[name]) for name in classes), count(one["tokens"]))
            for one in found["data"]
        ]
    else:
        headings = (*by, "requests", "input", "output", "all")
        rows = [
            (*_named(one, by), count(one["requests"]), _sum(one, _INPUT), _sum(one, _OUTPUT), count(one["tokens"]))
            for one in found["data"]
        ]
    _shown(admin.output, found, headings, rows)


@click.command()
@_narrowed("1h")
@click.option("--percentiles", is_flag=True, help="More percentiles, and those of the first token.")
@admin_options
def latency(admin: Admin, *, percentiles: bool, **narrowed: str | None) -> None:
    """How long the requests of a while took."""
    found = admin.get(LATENCY, **narrowed)
    whole, first = found["percentiles"], found["ttft_percentiles"]
    names = list(whole) if percentiles else [name for name in ("p50", "p95") if name in whole]
    row = ("whole answer", milliseconds(found["mean_ms"]), *(milliseconds(whole[name]) for name in names))
    rows = [row]
    if percentiles:
        rows.append(("first token", "", *(milliseconds(first.get(name)) for name in names)))
    admin.output.table(found, ("", "mean", *names), rows, f"{count(found['requests'])} requests of the last {narrowed['window']}")
    if not found["requests"] and not admin.output.as_json:
        admin.output.note("Nothing was served then, so that there is nothing to measure.")


@click.command()
@click.option("--scope", type=click.Choice(["everyone", "tag", "tenant", "project", "key"]), help="Only those of these.")
@click.option("--name", help="Only this one's: a tenant, tenant/project, a key's id, a tag.")
@click.option("--used", "least", type=click.FloatRange(0), help="Only those of which so many per cent are used, at least.")
@admin_options
def budgets(admin: Admin, scope: str | None, name: str | None, least: float | None) -> None:
    """Every budget, and what is spent of it. They are set where they belong: `tenants change NAME --set budgets=...`."""
    found = admin.rows(BUDGETS, scope=scope, name=name, used__gte=None if least is None else least / 100)
    rows = [
        (
            one["scope"],
            one["name"],
            f"${one['amount']}",
            "in all" if one["period"] == "total" else f"per {one['period']} ({one['timezone']})",
            f"${one['spent']}",
            percent(one["used"]),
            one.get("resets_at") or "never",
            "requests are refused" if one["hard"] else "alerts",
        )
        for one in found
    ]
    headings = ("of", "name", "amount", "for", "spent", "used", "begins anew", "when it is used up")
    admin.output.table({"data": found}, headings, rows)


def _shown(output: Output, found: Mapping[str, Any], headings: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    total = found["total"]
    title = f"{found['since'] or 'the beginning'} to {found['until']}"
    output.table(found, headings, rows, title)
    if output.as_json:
        return
    facts = f"in all: {count(total['requests'])} requests, {count(total['tokens'])} tokens, ${total['cost']}"
    output.show(found, facts)
    if total["estimated"]:
        output.note(
            f"{count(total['estimated'])} of them are estimates: their providers did not tell what was used, or it was cut off."
        )
    if total["unpriced"]:
        output.note(
            f"{count(total['unpriced'])} of them used what has no price, and count as free: see catalogue.models.*.prices."
        )
    if found["incomplete"]:
        output.note("Single requests from before that were deleted (ledger.retention); some of them may be missing here.")
    if found["has_more"]:
        output.note(f"Only {len(rows)} of {found['total_groups']} lines are shown; the sum is that of all.")


def _named(one: Mapping[str, Any], by: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(one["group"].get(name) or "-" for name in by)


def _used(found: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(name for name in CLASSES if found["total"][name])


def _sum(one: Mapping[str, Any], classes: tuple[str, ...]) -> str:
    return count(sum(one[name] for name in classes))
