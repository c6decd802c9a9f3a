"""`llm-gateway config diff | export | import`: between a configuration file and what a running gateway's API owns."""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path
from typing import Any

import click
import yaml

from llm_gateway.cli.check import config_option, environment, load_config, set_option
from llm_gateway.cli.configuration import config_group
from llm_gateway.cli.gateway import Admin, admin_options
from llm_gateway.cli.shown import whole
from llm_gateway.config.errors import ConfigErrors, Problems, render
from llm_gateway.config.interpolate import Interpolation
from llm_gateway.config.load import read_root, redacted
from llm_gateway.config.tree import Node
from llm_gateway.control.configuring.compare import Difference, differences
from llm_gateway.control.configuring.kinds import KINDS

SECTIONS = ("providers", "models", "routing", "limits")
"""Of which the API can own something."""
CONFIG = "/admin/v1/config"


@click.command()
@config_option
@set_option
@admin_options
def diff(admin: Admin, path: Path | None, overrides: tuple[str, ...]) -> None:
    """What a running gateway has that the file has not, and the other way round. Ends with 1 if anything differs.

    Secrets are not compared: the gateway does not tell them.
    """
    try:
        file = redacted(load_config(path, overrides, fetch=False))
    except ConfigErrors as errors:
        admin.output.fail(str(errors), code=2, details=errors.as_data())
    running = admin.get(CONFIG)
    found = differences(file, running["config"])
    rows = [(one.path, _owner(one, running["api"]), whole(one.before), whole(one.after)) for one in found]
    data = [{"path": one.path, "change": one.change, "before": one.before, "after": one.after} for one in found]
    if not rows:
        admin.output.show({"differences": []}, "The gateway has what the file says.")
        return
    admin.output.table({"differences": data}, ("where", "owner", "in the file", "in the gateway"), rows)
    sys.exit(1)


@click.command()
@click.option("--all", "everything", is_flag=True, help="Everything that holds, in the place of what the API owns.")
@click.option("-o", "--out", type=click.Path(path_type=Path, dir_okay=False), help="File to write; standard output if absent.")
@admin_options
def export(admin: Admin, out: Path | None, *, everything: bool) -> None:
    """Write what the API owns as a configuration file. Secrets become ${VARIABLES}, which are to be set before it is used."""
    found = admin.get(f"{CONFIG}/objects", everything=everything or None)
    text = yaml.safe_dump(found["config"], sort_keys=False, allow_unicode=True, width=130) if found["config"] else ""
    if found["variables"]:
        text = f"# Set these before this file is used: {', '.join(found['variables'])}\n{text}"
    if admin.output.as_json:
        admin.output.show(found, "")
    elif out is None:
        sys.stdout.write(text or "# The API owns nothing.\n")
    else:
        try:
            with out.open("x", encoding="utf-8") as file:
                file.write(text)
        except OSError as error:
            admin.output.fail(f"{out} cannot be written: {error.strerror or error}")
        admin.output.show({"file": str(out)}, f"written to {out}")


@click.command(name="import")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--dry-run", is_flag=True, help="Check everything and say what would change, and change nothing.")
@click.option("--replace", is_flag=True, help="Delete objects of the API that are not in the file.")
@click.option("--reason", default="", help="Why, for the history of snapshots.")
@admin_options
def take(admin: Admin, file: Path, reason: str, *, dry_run: bool, replace: bool) -> None:
    """Make the providers, models, rules and limits of a file the API's, all at once or not at all.

    What the gateway's own file defines is refused: an object has one owner. Variables (${NAME}) are filled in from here.
    """
    document = _document(admin, file)
    wanted = {name: value for name, value in document.items() if name in SECTIONS}
    for name in document.keys() - wanted.keys():
        admin.output.note(f"left out: {name} can only stand in a file")
    if not wanted:
        admin.output.fail(f"{file} has none of {', '.join(SECTIONS)}.", code=2)
    body = {"config": wanted, "dry_run": dry_run, "replace": replace, "reason": reason}
    done = admin.post(f"{CONFIG}/import", body)
    lines = [f"{did}: {', '.join(done[did])}" for did in ("created", "changed", "deleted", "unchanged") if done[did]]
    lines += [f"  {one['path']}: {whole(one.get('before'))} -> {whole(one.get('after'))}" for one in done["differences"]]
    admin.output.show(done, "\n".join([*(["nothing was changed (--dry-run)"] if dry_run else []), *lines]) or "nothing to do")


def _document(admin: Admin, file: Path) -> dict[str, Any]:
    """The file's data, variables filled in."""
    problems = Problems()
    try:
        root, _ = read_root(file, {}, problems)
        Interpolation(environment(), problems).fill(root)
        problems.raise_if_any()
    except ConfigErrors as errors:
        admin.output.fail(str(errors), code=2, details=errors.as_data())
    found = _plain(root)
    return found if isinstance(found, dict) else {}


def _plain(node: Node) -> Any:
    value = node.value
    if isinstance(value, dict):
        return {key: _plain(child) for key, child in value.items()}
    if isinstance(value, list):
        return [_plain(child) for child in value]
    return value.isoformat() if isinstance(value, date) else value


def _owner(one: Difference, api: dict[str, list[str]]) -> str:
    """Whose the object is in the gateway."""
    for kind, names in api.items():
        for name in names:
            begin = render(KINDS[kind].path(name))
            if one.path == begin or one.path.startswith((f"{begin}.", f"{begin}[")):
                return "api"
    return "file"


for command in (diff, export, take):
    config_group.add_command(command)
