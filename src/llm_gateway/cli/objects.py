"""Objects of the admin API on the command line: for each kind the same words, made from one table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import click
import msgspec

from llm_gateway.cli.gateway import Admin, admin_options, quoted
from llm_gateway.cli.output import Output
from llm_gateway.cli.shown import rows_of, told

_fields = click.option(
    "--set",
    "fields",
    multiple=True,
    metavar="PATH=VALUE",
    help="A field, such as limits.requests.minute=60; JSON where it is no word.",
)
_file = click.option("-f", "--file", type=click.Path(path_type=Path, dir_okay=False), help="Fields from a JSON file.")
_yes = click.option("--yes", is_flag=True, help="Do not ask.")


class Kind(NamedTuple):
    """One kind of object."""

    many: str
    one: str
    path: str
    """Of the list; `{tenant}` becomes an argument."""
    columns: Mapping[str, str]
    """Heading -> field; a field may be a path with dots."""
    about: str
    made_by_put: bool = False
    """Whether they are made by PUT at their name, in place of POST with it."""

    @property
    def owned(self) -> bool:
        """Whether they belong to a tenant."""
        return "{tenant}" in self.path


_SCOPE = MappingProxyType(
    {
        "name": "name",
        "owner": "owner",
        "status": "disabled",
        "tier": "tier",
        "models": "models",
        "budgets": "budgets",
        "created": "created_at",
    }
)
KINDS = (
    Kind("tenants", "tenant", "/admin/v1/tenants", _SCOPE, "Tenants: who is served, with rights, limits and budgets."),
    Kind("projects", "project", "/admin/v1/tenants/{tenant}/projects", _SCOPE, "Projects of a tenant."),
    Kind(
        "users",
        "user",
        "/admin/v1/tenants/{tenant}/users",
        MappingProxyType({"user": "name", "owner": "owner", "blocked": "blocked", "tier": "tier", "budgets": "budgets"}),
        "End users of a tenant about whom something is said.",
        made_by_put=True,
    ),
    Kind(
        "providers",
        "provider",
        "/admin/v1/providers",
        MappingProxyType({"name": "name", "owner": "owner", "type": "type", "address": "base_url", "enabled": "enabled"}),
        "Providers: accounts at those who have models.",
    ),
    Kind(
        "routes",
        "route",
        "/admin/v1/models",
        MappingProxyType(
            {"name": "name", "owner": "owner", "deployments": "deployments", "fallback": "fallback", "strategy": "strategy"}
        ),
        "Routes: names that callers ask for, and which models serve them.",
    ),
    Kind(
        "rules",
        "rule",
        "/admin/v1/routing/rules",
        MappingProxyType({"name": "name", "owner": "owner", "when": "when", "then": "then"}),
        "Rules of routing.",
    ),
)


def group_of(kind: Kind) -> click.Group:
    """`list`, `show`, `create`, `change` and `delete` of one kind."""
    group = click.Group(kind.many, help=kind.about)
    for command in (_list(kind), _show(kind), _create(kind), _change(kind), _delete(kind)):
        group.add_command(command)
    return group


def _command(
    kind: Kind, name: str, text: str, *options: Callable[[Any], Any], named: bool = True
) -> Callable[[Any], click.Command]:
    """A command whose function is called with (admin, path of the list, name, **options)."""

    def made(function: Callable[..., None]) -> click.Command:
        def run(admin: Admin, tenant: str = "", name: str = "", **given: Any) -> None:
            path = kind.path.replace("{tenant}", quoted(tenant))
            function(admin, path, name, **given)

        decorated: Any = admin_options(run)
        for option in reversed(options):
            decorated = option(decorated)
        if named:
            decorated = click.argument("name", metavar=kind.one.upper())(decorated)
        if kind.owned:
            decorated = click.argument("tenant")(decorated)
        return click.command(name=name, help=text)(decorated)

    return made


def _list(kind: Kind) -> click.Command:
    @_command(kind, "list", f"All {kind.many} that you may see.", named=False)
    def listed(admin: Admin, path: str, _name: str) -> None:
        found = admin.rows(path)
        admin.output.table({"data": found}, list(kind.columns), rows_of(found, kind.columns.values()))

    return listed


def _show(kind: Kind) -> click.Command:
    @_command(kind, "show", f"All that is known of a {kind.one}.")
    def shown(admin: Admin, path: str, name: str) -> None:
        told(admin.output, admin.get(f"{path}/{quoted(name)}"))

    return shown


def _create(kind: Kind) -> click.Command:
    @_command(kind, "create", f"Make a {kind.one}.", _fields, _file)
    def created(admin: Admin, path: str, name: str, fields: tuple[str, ...], file: Path | None) -> None:
        document = document_of(admin.output, fields, file)
        if kind.made_by_put:
            made = admin.ask("PUT", f"{path}/{quoted(name)}", body=document).body
        else:
            made = admin.post(path, {"name": name, **document})
        told(admin.output, made)

    return created


def _change(kind: Kind) -> click.Command:
    @_command(kind, "change", f"Change fields of a {kind.one}; null puts one back to its default.", _fields, _file)
    def changed(admin: Admin, path: str, name: str, fields: tuple[str, ...], file: Path | None) -> None:
        document = document_of(admin.output, fields, file)
        told(admin.output, patched(admin, f"{path}/{quoted(name)}", document))

    return changed


def _delete(kind: Kind) -> click.Command:
    @_command(kind, "delete", f"Delete a {kind.one}.", _yes)
    def deleted(admin: Admin, path: str, name: str, *, yes: bool) -> None:
        delete(admin, f"{path}/{quoted(name)}", f"{kind.one} {name}", yes=yes)

    return deleted


def patched(admin: Admin, path: str, change: Mapping[str, Any]) -> Any:
    """A merge patch of what is there now, and of nothing else: somebody else's change meanwhile is not undone."""
    before = admin.ask("GET", path)
    if isinstance(before.body, dict) and before.body.get("owner") == "file":
        admin.output.fail(f"It is defined by the configuration file ({before.body.get('where')}): change it there.")
    tag = before.headers.get(b"etag", b"").decode("latin-1")
    return admin.ask("PATCH", path, body=change, headers={"If-Match": tag} if tag else {}).body


def delete(admin: Admin, path: str, what: str, *, yes: bool) -> None:
    """After a question, unless `yes`."""
    if not yes:
        click.confirm(f"Delete {what}?", abort=True, err=True)
    admin.ask("DELETE", path)
    admin.output.show({"deleted": what}, f"{what} is deleted.")


def document_of(output: Output, fields: tuple[str, ...], file: Path | None) -> dict[str, Any]:
    """What the command line says of an object."""
    document: dict[str, Any] = {}
    if file is not None:
        try:
            document = msgspec.json.decode(file.read_bytes(), type=dict[str, Any])
        except OSError as error:
            output.fail(f"{file}: {error.strerror or error}", code=2)
        except (msgspec.DecodeError, RecursionError):
            output.fail(f"{file} does not hold a JSON object.", code=2)
    for field in fields:
        path, sign, text = field.partition("=")
        steps = path.split(".")
        if not sign or not all(steps):
            output.fail(f"A field reads PATH=VALUE, not {field!r}.", code=2)
        at = document
        for step in steps[:-1]:
            at = at.setdefault(step, {})
            if not isinstance(at, dict):
                output.fail(f"{path}: {step} is no object.", code=2)
        at[steps[-1]] = _value(text)
    return document


def _value(text: str) -> Any:
    """JSON if it is some, else the text itself. A number stays as it was written: money is no floating point."""
    try:
        value = msgspec.json.decode(text)
    except msgspec.DecodeError:
        return text
    return text if isinstance(value, float) else value


tenants, projects, users, providers, routes, rules = map(group_of, KINDS)
