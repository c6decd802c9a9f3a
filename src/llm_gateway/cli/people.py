"""`llm-gateway people`: who may sign in to the admin API. The first one is made here, on the machine that has the database."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from llm_gateway.cli.check import config_option, set_option
from llm_gateway.cli.gateway import Admin, admin_options, quoted
from llm_gateway.cli.objects import patched
from llm_gateway.cli.offline import configured, opened_store, recorded
from llm_gateway.cli.output import Output
from llm_gateway.core.clock import SystemClock
from llm_gateway.core.ids import Ids
from llm_gateway.identity.roles import ROLES, SYSTEM_ADMIN

if TYPE_CHECKING:  # the store's libraries are heavy, and most commands need none of them
    from llm_gateway.store.rows import PersonRow

PATH = "/admin/v1/people"
_SHORT = "admin"
_HEADINGS = ("id", "login", "name", "roles", "tenant", "status", "last sign-in")
_roles = click.option(
    "--role", "roles", multiple=True, required=True, type=click.Choice([_SHORT, *ROLES]), help="What for; repeatable."
)


@click.group(name="people")
def people_group() -> None:
    """Who may sign in to the admin API and its pages.

    `people add` and `people password` work on the database of the configuration, whether or not a gateway runs; the others ask a
    running gateway.
    """


@people_group.command()
@click.argument("login")
@_roles
@click.option("--name", default="", help="What the person is called.")
@click.option("--tenant", default="", help="Whose administrator; without it, of the gateway as a whole.")
@config_option
@set_option
@click.pass_obj
def add(
    output: Output, login: str, roles: tuple[str, ...], name: str, tenant: str, path: Path | None, overrides: tuple[str, ...]
) -> None:
    """Let somebody sign in with a password, which is asked for, or read from a pipe."""
    from llm_gateway.control.audit import Event, placed  # noqa: PLC0415 - see above
    from llm_gateway.control.signin.passwords import Passwords, login_of, usable_login  # noqa: PLC0415 - see above
    from llm_gateway.store import people  # noqa: PLC0415 - see above
    from llm_gateway.store.errors import Conflict  # noqa: PLC0415 - see above
    from llm_gateway.store.rows import PersonRow  # noqa: PLC0415 - see above

    login = login_of(login)
    if not usable_login(login):
        output.fail("A login has 1 to 128 letters, digits and signs, and no blanks.", code=2)
    config = configured(output, path, overrides)
    if tenant and config.tenants and tenant not in config.tenants:
        output.note(f"The configuration has no tenant {tenant}; it is taken to be one of the admin API's.")
    password = _password(output, login)
    with opened_store(output, config) as store:
        clock = SystemClock()
        ids = Ids(clock.now)
        named = sorted({SYSTEM_ADMIN if role == _SHORT else role for role in roles})
        row = PersonRow(
            f"user_{ids.ulid()}",
            login,
            name or login,
            Passwords().kept(password),
            msgspec.json.encode(named).decode(),
            tenant,
            "active",
            0,
            None,
            None,
            int(clock.now() * 1000),
        )
        try:
            store.write(lambda connection: people.create(connection, row))
        except Conflict:
            output.fail(f"There is somebody with the login {login}. `llm-gateway people password {login}` gives a new password.")
        shown = _person(row)
        where = placed(row.tenant, f"people/{row.id}")
        recorded(output, config, Event(action="people.created", actor="command line", resource=where, after=shown))
    output.show(shown, f"{login} may sign in now, as {', '.join(named)}{f' of {tenant}' if tenant else ''}.")


@people_group.command()
@click.argument("login")
@config_option
@set_option
@click.pass_obj
def password(output: Output, login: str, path: Path | None, overrides: tuple[str, ...]) -> None:
    """Give somebody a new password. Everywhere he is signed in, he is signed out."""
    from llm_gateway.control.audit import Event, placed  # noqa: PLC0415 - see above
    from llm_gateway.control.signin.passwords import Passwords, login_of  # noqa: PLC0415 - see above
    from llm_gateway.store import people  # noqa: PLC0415 - see above

    config = configured(output, path, overrides)
    with opened_store(output, config) as store:
        found = store.read(lambda connection: people.by_login(connection, login_of(login)))
        if found is None:
            output.fail(f"There is nobody with the login {login}.")
        kept = Passwords().kept(_password(output, found.login))
        store.write(lambda connection: people.change_person(connection, found.id, {"password": kept}))
        where = placed(found.tenant, f"people/{found.id}")
        recorded(output, config, Event(action="people.password_changed", actor="command line", resource=where))
    output.show({"id": found.id, "login": found.login}, f"{found.login} has a new password.")


@people_group.command(name="list")
@admin_options
def list_people(admin: Admin) -> None:
    """Who may sign in with a password. Those of identity providers are known there."""
    found = admin.rows(PATH)
    admin.output.table({"data": found}, _HEADINGS, [_row(one) for one in found])


@people_group.command()
@click.argument("login")
@admin_options
def disable(admin: Admin, login: str) -> None:
    """Keep somebody out, at once. `enable` lets him in again."""
    _changed(admin, login, {"status": "disabled"}, "is disabled, and signed out everywhere")


@people_group.command()
@click.argument("login")
@admin_options
def enable(admin: Admin, login: str) -> None:
    """Let somebody in who was disabled."""
    _changed(admin, login, {"status": "active"}, "may sign in again")


@people_group.command()
@click.argument("login")
@_roles
@admin_options
def roles(admin: Admin, login: str, roles: tuple[str, ...]) -> None:
    """Give somebody other roles, in place of those he has. He is signed out everywhere."""
    named = sorted({SYSTEM_ADMIN if role == _SHORT else role for role in roles})
    _changed(admin, login, {"roles": named}, f"is {', '.join(named)} now")


@people_group.command()
@click.argument("login")
@click.option("--yes", is_flag=True, help="Do not ask.")
@admin_options
def remove(admin: Admin, login: str, *, yes: bool) -> None:
    """Remove somebody for good."""
    one = _one(admin, login)
    if not yes:
        click.confirm(f"Remove {one['login']} ({one['name']})?", abort=True, err=True)
    admin.ask("DELETE", f"{PATH}/{quoted(one['id'])}")
    admin.output.show({"id": one["id"], "login": one["login"], "removed": True}, f"{one['login']} is removed.")


def _changed(admin: Admin, login: str, change: dict[str, Any], text: str) -> None:
    one = _one(admin, login)
    made = patched(admin, f"{PATH}/{quoted(one['id'])}", change)
    admin.output.show(made, f"{one['login']} {text}.")


def _one(admin: Admin, login: str) -> dict[str, Any]:
    wanted = login.strip().casefold()
    found = next((one for one in admin.rows(PATH) if wanted in (one["login"], one["id"].casefold())), None)
    if found is None:
        admin.output.fail(f"There is nobody with the login {login}. `llm-gateway people list` shows who there is.")
    return found


def _row(one: dict[str, Any]) -> tuple[str, ...]:
    named = ", ".join(one["roles"])
    return (one["id"], one["login"], one["name"], named, one.get("tenant") or "", one["status"], one.get("last_login_at") or "")


def _person(row: PersonRow) -> dict[str, Any]:
    named = msgspec.json.decode(row.roles)
    return {
        "id": row.id,
        "login": row.login,
        "name": row.name,
        "roles": named,
        "tenant": row.tenant or None,
        "status": row.status,
    }


def _password(output: Output, login: str) -> str:
    from llm_gateway.control.signin.passwords import unfit  # noqa: PLC0415 - see above

    stdin = sys.stdin
    text: str = (
        click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
        if stdin.isatty()
        else (stdin.readline().rstrip("\r\n"))
    )
    why = unfit(text, login)
    if why:
        output.fail(f"The password {why}.", code=2)
    return text
