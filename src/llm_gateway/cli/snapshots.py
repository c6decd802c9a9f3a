"""`llm-gateway snapshots`: which configurations held, what differs, and going back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from llm_gateway.cli.gateway import Admin, admin_options
from llm_gateway.cli.shown import told, whole

PATH = "/admin/v1/snapshots"


@click.group()
def snapshots() -> None:
    """Which configurations held, when and why; what differs between them; and going back to one."""


@snapshots.command(name="list")
@click.option("-n", "--limit", type=click.IntRange(1, 100), default=20, show_default=True, help="Most that are shown.")
@admin_options
def list_snapshots(admin: Admin, limit: int) -> None:
    """Those that are kept, the newest first."""
    found = admin.get(PATH, limit=limit)
    rows = [
        (
            str(one["number"]),
            "now" if one["current"] else "",
            one["created_at"],
            one["created_by"],
            one["reason"],
            whole(one["changed"]),
        )
        for one in found["data"]
    ]
    admin.output.table(found, ("number", "", "made", "by", "why", "what changed"), rows)


@snapshots.command()
@click.argument("number", type=click.IntRange(1))
@admin_options
def show(admin: Admin, number: int) -> None:
    """All of one, secrets hidden."""
    told(admin.output, admin.get(f"{PATH}/{number}"))


@snapshots.command()
@click.argument("number", type=click.IntRange(1))
@click.option("--against", type=click.IntRange(1), help="The earlier one; otherwise the one before it that is kept.")
@admin_options
def diff(admin: Admin, number: int, against: int | None) -> None:
    """What differs between two."""
    found = admin.get(f"{PATH}/{number}/diff", against=against)
    _differences(admin, found, found["differences"], f"from {found['before']} to {found['after']}")
    if found.get("more"):
        admin.output.note(f"and {found['more']} more")


@snapshots.command()
@click.argument("number", type=click.IntRange(1))
@click.option("--reason", default="", help="Why, for the history.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@admin_options
def rollback(admin: Admin, number: int, reason: str, *, yes: bool) -> None:
    """Set what the API owns back to what it was. What the file defines stays: that is changed in the file."""
    if not yes:
        click.confirm(f"Go back to snapshot {number}?", abort=True, err=True)
    done = admin.post(f"{PATH}/{number}/rollback", {"reason": reason})
    if admin.output.as_json:
        admin.output.show(done, "")
        return
    admin.output.show(done, f"set back: {whole(done['changed']) or 'nothing differed'}")
    if done["not_changed"]:
        _differences(admin, done, done["not_changed"], "still another than it was then")
    admin.output.note(done["note"])


def _differences(admin: Admin, data: Any, differences: list[Mapping[str, Any]], title: str) -> None:
    rows = [(str(one["path"]), whole(one.get("before")), whole(one.get("after"))) for one in differences]
    admin.output.table(data, ("where", "before", "after"), rows, title)
