"""Who may sign in to the admin pages, and their sessions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, update
from sqlalchemy import delete as delete_from

from llm_gateway.store import marks
from llm_gateway.store.mapping import add, change, chosen, every, one, remove
from llm_gateway.store.paging import Page, page
from llm_gateway.store.rows import PersonRow, SessionRow
from llm_gateway.store.tables import people, sessions

_ALL = chosen(people, PersonRow)
_SESSION = chosen(sessions, SessionRow)
CHANGEABLE = frozenset({"login", "name", "password", "roles", "tenant", "status"})


def get(connection: Connection, ident: str) -> PersonRow | None:
    return one(connection, _ALL.where(people.c.id == ident), PersonRow)


def by_login(connection: Connection, login: str) -> PersonRow | None:
    return one(connection, _ALL.where(people.c.login == login), PersonRow) if "\0" not in login else None


def listed(connection: Connection, *, tenant: str | None = None, limit: int = 100, cursor: str | None = None) -> Page[PersonRow]:
    """Oldest first. Raises BadCursor."""
    query = _ALL if tenant is None else _ALL.where(people.c.tenant == tenant)
    return page(connection, query, PersonRow, (people.c.created_at, people.c.id), limit=limit, cursor=cursor)


def create(connection: Connection, row: PersonRow) -> None:
    """Raises Conflict if somebody has the login."""
    add(connection, people, row)
    marks.changed(connection, "people")


def change_person(connection: Connection, ident: str, values: Mapping[str, Any], *, version: int | None = None) -> PersonRow:
    """Sets some of CHANGEABLE; whoever's password, roles, tenant or status changed is signed out everywhere.

    Raises Conflict, NotThere, and ValueError for any other column.
    """
    if not values.keys() <= CHANGEABLE:
        raise ValueError(f"not changeable: {', '.join(sorted(values.keys() - CHANGEABLE))}")
    change(connection, people, {"id": ident}, values, version)
    if not values.keys() <= {"login", "name"}:
        sign_out(connection, ident)
    marks.changed(connection, "people")
    row = get(connection, ident)
    assert row is not None  # noqa: S101 - of this transaction
    return row


def delete(connection: Connection, ident: str, *, version: int | None = None) -> None:
    """With all sessions. Raises Conflict and NotThere."""
    remove(connection, people, {"id": ident}, version)
    sign_out(connection, ident)
    marks.changed(connection, "people")


def failed(connection: Connection, ident: str, locked_until: int | None) -> int:
    """One more wrong password, and how many there are now since the last right one. Counts as no change of the person."""
    statement = update(people).where(people.c.id == ident).values(failures=people.c.failures + 1, locked_until=locked_until)
    return connection.execute(statement.returning(people.c.failures)).scalar() or 0


def signed_in(connection: Connection, ident: str, now: int) -> None:
    """Forgets wrong passwords. Counts as no change of the person."""
    values = {"failures": 0, "locked_until": None, "last_login_at": now}
    connection.execute(update(people).where(people.c.id == ident).values(values))


def renew_password(connection: Connection, ident: str, password: str) -> None:
    """The same password, kept in a better way. Counts as no change of the person."""
    connection.execute(update(people).where(people.c.id == ident).values(password=password))


def session(connection: Connection, ident: bytes, now: int) -> SessionRow | None:
    """If it has not expired."""
    return one(connection, _SESSION.where(sessions.c.id == ident, sessions.c.expires_at > now), SessionRow)


def open_session(connection: Connection, row: SessionRow) -> None:
    add(connection, sessions, row)


def touch_session(connection: Connection, ident: bytes, now: int, expires_at: int) -> None:
    """It was used, and lasts longer by that."""
    connection.execute(update(sessions).where(sessions.c.id == ident).values(used_at=now, expires_at=expires_at))


def sessions_of(connection: Connection, person: str) -> list[SessionRow]:
    """A person's, the newest first; also those that have expired and were not removed yet."""
    query = _SESSION.where(sessions.c.person == person).order_by(sessions.c.created_at.desc(), sessions.c.id)
    return every(connection, query, SessionRow)


def close_session(connection: Connection, ident: bytes) -> bool:
    """Whether there was one."""
    return connection.execute(delete_from(sessions).where(sessions.c.id == ident)).rowcount > 0


def sign_out(connection: Connection, person: str) -> int:
    """Ends all sessions of a person; how many there were."""
    return connection.execute(delete_from(sessions).where(sessions.c.person == person)).rowcount


def expire_sessions(connection: Connection, now: int) -> int:
    return connection.execute(delete_from(sessions).where(sessions.c.expires_at <= now)).rowcount
