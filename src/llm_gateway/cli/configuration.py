"""`llm-gateway config`: what a configuration comes to, here or in a running gateway, and a first one to begin with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import yaml

from llm_gateway.cli.check import config_option, load_config, set_option, validate
from llm_gateway.cli.gateway import Admin, admin_options
from llm_gateway.cli.output import Output
from llm_gateway.cli.shown import whole
from llm_gateway.config.errors import ConfigErrors
from llm_gateway.config.load import redacted
from llm_gateway.config.schema import Config

_STARTER = """\
# A configuration to begin with. Each key is in docs/CONFIGURATION.md; `llm-gateway config check FILE` finds every mistake.
# yaml-language-server: $schema=./gateway.schema.json

server:
  host: 127.0.0.1            # anything but loopback needs auth.keys
  port: 8080

providers:
  openai:                    # a name of your choice; its type is the same unless `type` says it
    api_key: ${OPENAI_API_KEY}
  # anthropic: {api_key: "${ANTHROPIC_API_KEY}"}
  # mine: {type: vllm, base_url: "http://10.0.0.5:8000"}

models:                      # what callers ask for -> what serves it
  fast: openai/gpt-4o-mini
  # best:
  #   deployments: [openai/gpt-4o, anthropic/claude-sonnet-4-5]   # the next one is asked if one fails
  #   fallback: [fast]

auth:
  keys:
    - {name: me, key: "${APP_KEY}"}                           # at least 16 characters; `llm-gateway hash-key` for a hash
    # - {name: admin, key: "${ADMIN_KEY}", kind: admin}       # for the admin API on port 9090
"""


@click.group(name="config")
def config_group() -> None:
    """Work with configurations."""


config_group.add_command(validate, "check")
config_group.add_command(validate, "validate")


@config_group.command()
@click.argument("section", required=False)
@config_option
@set_option
@click.option("--offline", is_flag=True, help="Do not ask secret stores; what they hold is hidden anyway.")
@click.option("--running", is_flag=True, help="What a running gateway acts on, with the admin API's objects, in place of files.")
@admin_options
def show(
    admin: Admin, section: str | None, path: Path | None, overrides: tuple[str, ...], *, offline: bool, running: bool
) -> None:
    """Show the effective configuration, all defaults filled in, secrets hidden: all of it, or a SECTION such as routing."""
    output = admin.output
    tree: dict[str, Any] = (
        admin.get("/admin/v1/config")["config"] if running else redacted(_config(output, path, overrides, fetch=not offline))
    )
    if section is not None and section not in tree:
        output.fail(f"There is no section {section}. The sections are {', '.join(sorted(tree))}.", code=2)
    shown = tree if section is None else {section: tree[section]}
    output.show(shown, yaml.safe_dump(shown, sort_keys=False, allow_unicode=True, width=120).rstrip())


@config_group.command()
@click.option("--detailed", is_flag=True, help="Names, too.")
@config_option
@set_option
@click.option("--offline", is_flag=True, help="Do not ask secret stores.")
@click.pass_obj
def info(output: Output, path: Path | None, overrides: tuple[str, ...], *, detailed: bool, offline: bool) -> None:
    """Say where a configuration comes from, and what is in it."""
    config = _config(output, path, overrides, fetch=not offline)
    named = {
        "providers": list(config.providers),
        "models": list(config.models),
        "tenants": list(config.tenants),
        "keys": [key.name for key in config.auth.keys],
        "rules": [rule.name for rule in config.routing.rules],
    }
    facts: dict[str, Any] = {
        "sources": [str(source) for source in config.sources],
        "digest": config.digest,
        "listens": f"{config.server.host}:{config.server.port}",
        "admin": None if config.server.admin is None else f"{config.server.admin.host}:{config.server.admin.port}",
        "database": "SQLite" if config.database.url is None else "PostgreSQL",
        "redis": config.redis is not None,
        "state": config.state.dir,
        **{name: found if detailed else len(found) for name, found in named.items()},
    }
    text = {
        **facts,
        "sources": facts["sources"] or "defaults and environment (no file was found)",
        "admin": facts["admin"] or "off",
    }
    output.show(facts, "\n".join(f"{name:<9} {whole(value)}" for name, value in text.items()))


@config_group.command()
@click.option("-o", "--out", type=click.Path(path_type=Path, dir_okay=False), help="File to write, which must not be there yet.")
@click.pass_obj
def generate(output: Output, out: Path | None) -> None:
    """Print a configuration to begin with."""
    if out is None:
        click.echo(_STARTER, nl=False)
        return
    try:
        with out.open("x", encoding="utf-8") as file:
            file.write(_STARTER)
    except FileExistsError:
        output.fail(f"{out} is there already. Nothing was written.")
    except OSError as error:
        output.fail(f"{out}: {error.strerror or error}")
    output.show({"file": str(out)}, f"{out} is written. Put the keys of your providers into the environment, and check it:\n"
                f"  llm-gateway config check {out}")  # fmt: skip


def _config(output: Output, path: Path | None, overrides: tuple[str, ...], *, fetch: bool) -> Config:
    try:
        return load_config(path, overrides, fetch=fetch)
    except ConfigErrors as errors:
        output.fail(str(errors), code=2, details=errors.as_data())
