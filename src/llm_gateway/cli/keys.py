"""`llm-gateway keys`: keys of the admin API. A key is shown once, when it is made."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from llm_gateway.cli.gateway import Admin, admin_options, quoted
from llm_gateway.cli.objects import delete, document_of, patched
from llm_gateway.cli.shown import rows_of, told
from llm_gateway.identity.roles import ROLES

PATH = "/admin/v1/keys"
_HEADINGS = ("id", "name", "kind", "status", "tenant", "project", "begins with", "expires", "last used", "owner")
_FIELDS = ("id", "name", "kind", "status", "tenant", "project", "prefix", "expires_at", "last_used_at", "owner")
_fields = click.option(
    "--set", "fields", multiple=True, metavar="PATH=VALUE", help="Any other field, such as limits.requests.minute=60."
)
_file = click.option("-f", "--file", type=click.Path(path_type=Path, dir_okay=False), help="Fields from a JSON file.")


@click.group()
def keys() -> None:
    """Keys that callers present: made, replaced and revoked while the gateway runs."""


@keys.command(name="list")
@click.option("-t", "--tenant", help="Only this tenant's.")
@click.option("--project", help="Only this project's.")
@click.option("--status", type=click.Choice(["active", "disabled", "revoked"]), help="Only these.")
@click.option("--kind", type=click.Choice(["gateway", "admin", "readonly"]), help="Only these.")
@click.option("-n", "--limit", type=click.IntRange(1, 10_000), default=1000, show_default=True, help="Most that are shown.")
@admin_options
def list_keys(admin: Admin, tenant: str | None, project: str | None, status: str | None, kind: str | None, limit: int) -> None:
    """All keys that you may see, without the keys themselves."""
    found = admin.rows(PATH, limit, tenant=tenant, project=project, status=status, kind=kind)
    admin.output.table({"data": found}, _HEADINGS, rows_of(found, _FIELDS))


@keys.command()
@click.argument("key")
@admin_options
def show(admin: Admin, key: str) -> None:
    """All that is known of a key, by its id."""
    told(admin.output, admin.get(f"{PATH}/{quoted(key)}"))


@keys.command()
@click.argument("name")
@click.option(
    "--kind", type=click.Choice(["gateway", "admin", "readonly"]), help="What it is for; otherwise gateway: asking models."
)
@click.option("-t", "--tenant", help="Whose it is.")
@click.option("--project", help="The tenant's project that it belongs to.")
@click.option("--scope", "scopes", multiple=True, help='What it may do, such as "chat:create"; repeatable.')
@click.option("-m", "--model", "models", multiple=True, help='What it may ask for, such as "openai/*"; repeatable.')
@click.option("--role", "roles", multiple=True, type=click.Choice(ROLES), help="For the admin API; repeatable.")
@click.option("--tier", help="Its limits by name.")
@click.option("--expires", type=click.DateTime(), help="Refused from this moment on (UTC).")
@_fields
@_file
@admin_options
def create(admin: Admin, name: str, fields: tuple[str, ...], file: Path | None, expires: datetime | None, **given: Any) -> None:
    """Make a key. It is printed, and never again."""
    said = {field: list(value) if isinstance(value, tuple) else value for field, value in given.items() if value}
    if expires is not None:
        said["expires_at"] = expires.replace(tzinfo=UTC).isoformat()
    _made(admin, admin.post(PATH, {"name": name, **document_of(admin.output, fields, file), **said}))


@keys.command()
@click.argument("key")
@_fields
@_file
@admin_options
def change(admin: Admin, key: str, fields: tuple[str, ...], file: Path | None) -> None:
    """Change what a key may do; null puts a field back to its default."""
    told(admin.output, patched(admin, f"{PATH}/{quoted(key)}", document_of(admin.output, fields, file)))


@keys.command()
@click.argument("key")
@click.option("--overlap", help="For how long the old one is accepted still, otherwise 24h; 0: no longer.")
@admin_options
def rotate(admin: Admin, key: str, overlap: str | None) -> None:
    """Put a new key in a key's place. It is printed, and never again."""
    _made(admin, admin.post(f"{PATH}/{quoted(key)}/rotate", {} if overlap is None else {"overlap": overlap}))


@keys.command()
@click.argument("key")
@click.option("--yes", is_flag=True, help="Do not ask.")
@admin_options
def revoke(admin: Admin, key: str, *, yes: bool) -> None:
    """Refuse a key from now on, for good. Every worker knows it within a second."""
    if not yes:
        click.confirm(f"Revoke the key {key}? That cannot be taken back.", abort=True, err=True)
    revoked = admin.post(f"{PATH}/{quoted(key)}/revoke")
    admin.output.show(revoked, f"{revoked['name']} ({revoked['id']}) is revoked.")


@keys.command(name="delete")
@click.argument("key")
@click.option("--yes", is_flag=True, help="Do not ask.")
@admin_options
def delete_key(admin: Admin, key: str, *, yes: bool) -> None:
    """Forget a key; one that is in use is revoked by that."""
    delete(admin, f"{PATH}/{quoted(key)}", f"key {key}", yes=yes)


def _made(admin: Admin, made: dict[str, Any]) -> None:
    """The key alone on standard output: it can be piped into whatever keeps it."""
    if not admin.output.as_json:
        admin.output.note(f"{made['name']} ({made['id']}). This is the only time that the key is shown:")
        if made.get("signing_secret"):
            admin.output.note(f"its requests are signed with {made['signing_secret']}")
    admin.output.show(made, made["key"])
