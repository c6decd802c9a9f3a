"""`llm-gateway content`: what callers asked and were answered, of tenants that agreed to its being written down."""

from __future__ import annotations

from typing import Any

import click
import msgspec

from llm_gateway.cli.gateway import Admin, admin_options, quoted
from llm_gateway.cli.output import plain


@click.group()
def content() -> None:
    """What was asked and answered, of tenants that `telemetry.content` names. Each look at it is recorded in the audit log."""


@content.command()
@click.argument("tenant")
@click.option("-n", "--limit", type=click.IntRange(1, 100), default=20, show_default=True, help="How many, the newest first.")
@click.option("--since", help="Only from this moment on, such as 2026-11-23T10:00:00Z.")
@click.option("--until", help="Only from before this moment.")
@click.option("--request-id", help="This request alone.")
@click.option("--key", help="Only what was asked with the key of this name.")
@click.option("--model", help="Only what was asked for by this name.")
@admin_options
def show(admin: Admin, tenant: str, **narrowed: Any) -> None:
    """Show what was kept of a tenant's requests and answers."""
    found = admin.get(_path(tenant), **narrowed)
    if admin.output.as_json:
        admin.output.show(found, "")
        return
    for one in found["data"]:
        facts = f"{one['at']} {one['request_id']} {one.get('model', '-')} {one['status']} {one['outcome']}"
        admin.output.console.print(plain(facts), markup=False, highlight=False)
        for side in ("request", "answer"):
            if side in one:
                text = msgspec.json.encode(one[side]).decode()
                admin.output.console.print(plain(f"  {side}: {text}"), markup=False, highlight=False, soft_wrap=True)
    if found["has_more"]:
        admin.output.note("There are more: --until with the time of the last one shows the next.")
    if found["unreadable"]:
        admin.output.note(f"{found['unreadable']} records do not open: see secrets.old_master_keys.")


@content.command()
@click.argument("tenant")
@admin_options
def delete(admin: Admin, tenant: str) -> None:
    """Delete all that was kept of a tenant."""
    admin.ask("DELETE", _path(tenant))
    admin.output.show({"deleted": tenant}, f"What was kept of {tenant} is deleted.")


def _path(tenant: str) -> str:
    return f"/admin/v1/tenants/{quoted(tenant)}/content"
