"""Idempotency-Key (requirements I1): the same request again is answered as before, and done once.

The answer is kept for 24 hours with the change itself, in one transaction: a crash leaves both or neither. It may hold a key that
is shown once, so it is sealed.
"""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING

import msgspec
from sqlalchemy import Connection

from llm_gateway.control.api.refusals import refused
from llm_gateway.control.api.written import status_of, written
from llm_gateway.core.errors import Conflict
from llm_gateway.credentials.ring import Ring, Unsealable
from llm_gateway.store import idempotency

if TYPE_CHECKING:
    from llm_gateway.control.api.route import Answer, Asked

KEPT_MS = 24 * 3600 * 1000
RUNNING_MS = 120_000
"""A claim whose request never finished is free again after this: longer than any request takes."""
LONGEST = 255


class Replayed(msgspec.Struct, frozen=True):
    """What was answered before."""

    headers: dict[str, str]
    body: bytes


def key_of(given: str | None) -> str | None:
    """The header's value. Raises InvalidRequest for what is no key."""
    if given is None:
        return None
    if not 0 < len(given) <= LONGEST or not given.isascii() or not given.isprintable():
        raise refused(400, "invalid_idempotency_key", f"Idempotency-Key must have 1 to {LONGEST} printable ASCII characters.")
    return given


def request_hash(ring: Ring, method: str, target: bytes, body: bytes) -> bytes:
    """What makes two requests the same. Keyed: a body may hold a password, which its plain hash would give away."""
    return hmac.digest(ring.derive("idempotency"), b"\0".join((method.encode(), target, body)), "sha256")


def begin(connection: Connection, claim: tuple[str, bytes], principal: str, ring: Ring, now: int) -> Replayed | None:
    """None: it is the first one. Raises Conflict while that one runs, InvalidRequest if it was another request."""
    key, digest = claim
    found = idempotency.begin(connection, key, principal, digest, now=now, expires_at=now + RUNNING_MS)
    if found is None:
        return None
    if found.request_hash != digest:
        raise refused(422, "idempotency_key_reused", "This Idempotency-Key was used for another request.")
    if not found.status:
        raise Conflict("The first request with this Idempotency-Key is still running.", code="idempotency_key_in_use")
    try:
        body = ring.open(found.body, _row(principal, key)) if found.body else b""
    except Unsealable:
        raise Conflict("The answer to this Idempotency-Key cannot be read any more.", code="idempotency_key_in_use") from None
    return Replayed(msgspec.json.decode(found.headers, type=dict[str, str]), body)


def finish(connection: Connection, asked: Asked, answer: Answer, ring: Ring, now: int) -> None:
    """In the transaction of the change, or behind it where there is none."""
    assert asked.claim is not None  # noqa: S101 - the caller looked
    key, principal = asked.claim[0], asked.principal.id
    headers, body = written(answer, asked.route)
    idempotency.finish(
        connection,
        key,
        principal,
        status=status_of(answer, asked.route),
        headers=msgspec.json.encode(headers).decode(),
        body=ring.seal(body, _row(principal, key)) if body else b"",
        expires_at=now + KEPT_MS,
    )


def forget(connection: Connection, key: str, principal: str) -> None:
    """The request was refused: it may come again."""
    idempotency.forget(connection, key, principal)


def _row(principal: str, key: str) -> str:
    return f"idempotency/{principal}/{key}"
