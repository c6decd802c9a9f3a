"""The command `llm-gateway`."""

from __future__ import annotations

from importlib import import_module
from types import MappingProxyType
from typing import Any

import click

from llm_gateway._version import __version__
from llm_gateway.cli.completions import register
from llm_gateway.cli.output import Output

COMMANDS = MappingProxyType(
    {
        "admin-key": "admin_key:admin_key",
        "audit": "audit:audit",
        "backend-health": "status:backend_health",
        "bench": "bench:bench",
        "budgets": "usage:budgets",
        "cache-status": "cache:cache_status",
        "chat": "ask:chat",
        "completions": "completions:completions",
        "config": "transfer:config_group",
        "content": "content:content",
        "cost": "usage:cost",
        "explain": "explain:explain",
        "hash-key": "check:hash_key",
        "health": "status:health",
        "keys": "keys:keys",
        "latency": "usage:latency",
        "ledger": "ledger:ledger",
        "migrate": "migrate:migrate",
        "models": "models:models",
        "people": "people:people_group",
        "projects": "objects:projects",
        "providers": "objects:providers",
        "routes": "objects:routes",
        "routing-strategy": "strategy:routing_strategy",
        "rules": "objects:rules",
        "rotate-pepper": "pepper:rotate_pepper",
        "schema": "check:schema",
        "serve": "serve:serve",
        "simulate": "simulate:simulate",
        "sizing": "sizing:sizing",
        "snapshots": "snapshots:snapshots",
        "start": "serve:serve",
        "tenants": "objects:tenants",
        "token-usage": "usage:token_usage",
        "users": "objects:users",
        "validate": "check:validate",
    }
)
"""Name -> module of this folder and what it is called there. Imported when it is asked for: `serve` has no second to lose."""


class Commands(click.Group):
    """A group whose commands are imported when they are used."""

    def main(self, *args: Any, **extra: Any) -> Any:
        register()
        return super().main(*args, **extra)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*super().list_commands(ctx), *COMMANDS})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        place = COMMANDS.get(cmd_name)
        if place is None:
            return super().get_command(ctx, cmd_name)
        module, _, name = place.partition(":")
        found: click.Command = getattr(import_module(f"llm_gateway.cli.{module}"), name)
        return found


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "auto_envvar_prefix": None, "max_content_width": 110},
    epilog="Start with `llm-gateway serve --demo`: it answers without a configuration and without any key.",
)
@click.option("--json", "as_json", is_flag=True, help="Write results and errors as JSON, for scripts.")
@click.option("-v", "--verbose", count=True, help="Show the requests that are made; -vv their headers too, -vvv all of them.")
@click.option("-u", "--url", envvar="GATEWAY_URL", help="The gateway ($GATEWAY_URL).")
@click.option("-k", "--api-key", envvar="GATEWAY_API_KEY", help="Your key ($GATEWAY_API_KEY).")
@click.version_option(__version__, "-V", "--version", prog_name="llm-gateway")
@click.pass_context
def main(context: click.Context, verbose: int, url: str | None, api_key: str | None, *, as_json: bool) -> None:
    """The gateway between applications and LLM providers."""
    del url, api_key  # commands take them from the context
    context.obj = Output(as_json=as_json, verbose=verbose)


@click.command()
@click.pass_obj
def version(output: Output) -> None:
    """Say which version this is."""
    output.show({"version": __version__}, f"llm-gateway {__version__}")


main.add_command(version)
