"""Answers that are given again to a request that comes again with the same Idempotency-Key."""

from __future__ import annotations

from sqlalchemy import Connection, delete, update

from llm_gateway.store.mapping import chosen, one
from llm_gateway.store.marks import upsert
from llm_gateway.store.rows import AnswerRow
from llm_gateway.store.tables import idempotency

_ALL = chosen(idempotency, AnswerRow)


def begin(
    connection: Connection, key: str, principal: str, request_hash: bytes, *, now: int, expires_at: int
) -> AnswerRow | None:
    """None: the key is the caller's, who must `finish` or `forget` it. Else what there is: its `status` is 0 while the first
    request runs, and if its `request_hash` is another one, the key was used for something else.
    """
    mine = (idempotency.c.key == key) & (idempotency.c.principal == principal)
    connection.execute(delete(idempotency).where(mine, idempotency.c.expires_at <= now))
    values = {"key": key, "principal": principal, "request_hash": request_hash, "created_at": now, "expires_at": expires_at}
    statement = upsert(connection)(idempotency).values(**values, status=0, headers="{}", body=b"")
    if connection.execute(statement.on_conflict_do_nothing().returning(idempotency.c.key)).first() is not None:
        return None
    return one(connection, _ALL.where(mine), AnswerRow)


def finish(
    connection: Connection, key: str, principal: str, *, status: int, headers: str, body: bytes, expires_at: int | None = None
) -> None:
    """`expires_at`: a claim may be shorter than what an answer is kept for; None: as it was claimed."""
    mine = (idempotency.c.key == key) & (idempotency.c.principal == principal)
    values = {"status": status, "headers": headers, "body": body}
    if expires_at is not None:
        values["expires_at"] = expires_at
    connection.execute(update(idempotency).where(mine).values(**values))


def forget(connection: Connection, key: str, principal: str) -> None:
    """The request came to nothing, and may come again."""
    connection.execute(delete(idempotency).where(idempotency.c.key == key, idempotency.c.principal == principal))


def expire(connection: Connection, now: int) -> int:
    return connection.execute(delete(idempotency).where(idempotency.c.expires_at <= now)).rowcount
