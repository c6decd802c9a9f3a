"""`llm-gateway routing-strategy`: how a running gateway chooses among deployments."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import click

from llm_gateway.cli.explain import explain
from llm_gateway.cli.gateway import Admin, admin_options
from llm_gateway.cli.shown import count, milliseconds, percent, short, told, whole
from llm_gateway.cli.usage import USAGE

CONFIG = "/admin/v1/config"


@click.group(name="routing-strategy")
def routing_strategy() -> None:
    """How deployments are chosen: the strategy of each route, rules, weights, and what came of them."""


@routing_strategy.command()
@admin_options
def show(admin: Admin) -> None:
    """The settings of routing, and the strategy of each route."""
    config = admin.get(CONFIG)["config"]
    routing, models = config.get("routing", {}), config.get("models", {})
    if admin.output.as_json:
        admin.output.show({"routing": routing, "models": models}, "")
        return
    told(admin.output, {name: value for name, value in routing.items() if name != "rules"})
    rows = [
        (name, route.get("strategy") or f"as routing says ({routing.get('strategy', 'priority')})", whole(route.get("fallback")))
        for name, route in models.items()
    ]
    admin.output.table(None, ("route", "strategy", "then"), rows)


@routing_strategy.command()
@admin_options
def rules(admin: Admin) -> None:
    """The rules, in the order in which they are looked at."""
    found = admin.get(CONFIG)["config"].get("routing", {}).get("rules", [])
    rows = [(one.get("name", ""), short(one.get("when")), short(one.get("then")), whole(one.get("enabled"))) for one in found]
    admin.output.table({"data": found}, ("rule", "when", "then", "enabled"), rows)


@routing_strategy.command()
@click.option("-m", "--model", help="Only this route.")
@admin_options
def weights(admin: Admin, model: str | None) -> None:
    """The deployments of each route, with their weights and priorities."""
    models = admin.get(CONFIG)["config"].get("models", {})
    if model is not None and model not in models:
        admin.output.fail(f"There is no route {model}. `llm-gateway routes list` shows them.")
    found = list(_weights({name: route for name, route in models.items() if model in (None, name)}))
    rows = [
        (one["route"], one["deployment"], whole(one["weight"]), percent(one["share"]), whole(one["priority"])) for one in found
    ]
    admin.output.table({"data": found}, ("route", "deployment", "weight", "share", "priority"), rows)


routing_strategy.add_command(explain, "test")


@routing_strategy.command()
@click.option("-m", "--model", help="Only what was asked for by this name.")
@click.option("-w", "--window", default="24h", show_default=True, help="How far back, such as 30m, 24h or 7d.")
@admin_options
def stats(admin: Admin, model: str | None, window: str) -> None:
    """Who served the requests of a while, from the ledger."""
    found = admin.get(USAGE, group_by="model,provider,served_model", model=model, window=window)
    total = found["total"]["requests"]
    rows = [
        (
            one["group"]["model"] or "-",
            f"{one['group']['provider'] or '-'}/{one['group']['served_model'] or '-'}",
            count(one["requests"]),
            percent(one["requests"] / total if total else None),
            milliseconds(one["mean_latency_ms"]),
            f"${one['cost']}",
        )
        for one in found["data"]
    ]
    headings = ("asked for", "served by", "requests", "share", "mean latency", "cost")
    admin.output.table(found, headings, rows, f"{found['since']} to {found['until']}")


def _weights(models: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The share is that of a route whose strategy draws by weight, all of its deployments being there."""
    for name, route in models.items():
        deployments = route.get("deployments", [])
        whole_weight = sum(one.get("weight") or 0 for one in deployments)
        for one in deployments:
            weight = one.get("weight")
            share = weight / whole_weight if weight is not None and whole_weight else None
            yield {
                "route": name,
                "deployment": one.get("model"),
                "weight": weight,
                "share": share,
                "priority": one.get("priority"),
            }
