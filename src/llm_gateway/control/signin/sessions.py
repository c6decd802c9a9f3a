"""Sessions: who is signed in, until when. A row in the store for each, so that it can be ended from here.

The cookie holds 256 random bits and their signature; the row has the hash of the bits. Neither a copy of the database nor a
cookie of somebody's own making signs anybody in. Each sign-in makes a new one: what a browser had before it is worth nothing.
"""

from __future__ import annotations

import hmac
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Callable
from hashlib import sha256

import msgspec
from sqlalchemy import Connection

from llm_gateway.config.schema.signin import SignInSession
from llm_gateway.control.storing import Transactions
from llm_gateway.core.clock import Clock
from llm_gateway.credentials.ring import Ring
from llm_gateway.identity.roles import Principal
from llm_gateway.store import people
from llm_gateway.store.rows import PersonRow, SessionRow

MOST = 50
"""Sessions of one person; one more ends the oldest."""
TOUCH_SECONDS = 60.0
"""That a session was used is written down so often at most."""
_TOKEN = 43
_SHOWN = 200


class Kept(msgspec.Struct, frozen=True):
    """What a session's row holds besides its times. `principal` None: somebody whom the store knows, as it knows him now."""

    via: str
    principal: Principal | None = None
    ip: str = ""
    user_agent: str = ""


class Session(msgspec.Struct, frozen=True):
    """Somebody is signed in."""

    id: bytes
    principal: Principal
    csrf: str
    """What requests that change something send in X-CSRF-Token."""
    via: str
    """`password`, or the name of the identity provider."""
    created_at: int
    used_at: int
    ends_at: int
    """Unix milliseconds: whatever is done."""


class Opened(msgspec.Struct, frozen=True):
    cookie: str
    seconds: int
    """How long the browser need keep it."""
    session: Session


class Sessions:
    """One per control process."""

    def __init__(
        self,
        store: Transactions,
        ring: Ring,
        clock: Clock,
        settings: Callable[[], SignInSession],
        random_bytes: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        self._store = store
        self._keys = [ring.derive("sign-in sessions", key_id) for key_id in ring.key_ids]
        self._clock = clock
        self._settings = settings
        self._random_bytes = random_bytes

    async def open(self, principal: Principal, via: str, *, local: bool, ip: str = "", user_agent: str = "") -> Opened:
        """`local`: the store knows him; what he may do is looked up each time. Raises StoreError."""
        now = self._now()
        settings = self._settings()
        token = _text(self._random_bytes(32))
        kept = Kept(via, None if local else principal, ip[:_SHOWN], user_agent[:_SHOWN])
        ends = now + int(settings.longest * 1000)
        expires = min(now + int(settings.idle * 1000), ends)
        row = SessionRow(_hash(token), principal.id, msgspec.json.encode(kept).decode(), now, now, expires)

        def work(connection: Connection) -> None:
            people.expire_sessions(connection, now)
            for old in people.sessions_of(connection, principal.id)[MOST - 1 :]:
                people.close_session(connection, old.id)
            people.open_session(connection, row)

        await self._store.write(work)
        session = Session(row.id, principal, self._csrf(token), via, now, now, ends)
        return Opened(f"{token}.{self._signature(token)}", int(settings.longest), session)

    async def of(self, cookie: str) -> Session | None:
        """Whose cookie it is; None: nobody's who is signed in. Raises StoreError."""
        token = self._token(cookie)
        if token is None:
            return None
        now = self._now()
        row, person = await self._store.read(lambda connection: _found(connection, _hash(token), now))
        if row is None:
            return None
        kept = msgspec.json.decode(row.document, type=Kept)
        principal = kept.principal or _principal(person)
        settings = self._settings()
        ends = row.created_at + int(settings.longest * 1000)
        if principal is None or now >= min(ends, row.used_at + int(settings.idle * 1000)):  # the settings may be shorter by now
            return None
        if now >= row.used_at + TOUCH_SECONDS * 1000:
            await self._touch(row.id, now, min(now + int(settings.idle * 1000), ends))
        return Session(row.id, principal, self._csrf(token), kept.via, row.created_at, row.used_at, ends)

    async def close(self, ident: bytes) -> bool:
        """Whether there was one. Raises StoreError."""
        return await self._store.write(lambda connection: people.close_session(connection, ident))

    async def close_cookie(self, cookie: str) -> None:
        """End the session of a cookie, if it is one. Raises StoreError."""
        token = self._token(cookie)
        if token is not None:
            await self.close(_hash(token))

    async def close_all(self, person: str) -> int:
        """End all of a person's; how many there were. Raises StoreError."""
        return await self._store.write(lambda connection: people.sign_out(connection, person))

    async def all_of(self, person: str) -> list[tuple[SessionRow, Kept]]:
        """A person's, the newest first. Raises StoreError."""
        now = self._now()
        rows = await self._store.read(lambda connection: people.sessions_of(connection, person))
        return [(row, msgspec.json.decode(row.document, type=Kept)) for row in rows if row.expires_at > now]

    async def _touch(self, ident: bytes, now: int, expires: int) -> None:
        await self._store.write(lambda connection: people.touch_session(connection, ident, now, expires))

    def _token(self, cookie: str) -> str | None:
        token, _, signature = cookie.partition(".")
        if len(token) != _TOKEN or not cookie.isascii():
            return None
        good = any(hmac.compare_digest(signature, _signed(key, token)) for key in self._keys)
        return token if good else None

    def _signature(self, token: str) -> str:
        return _signed(self._keys[0], token)

    def _csrf(self, token: str) -> str:
        """Of the session alone; the master key may be another by the time it comes back."""
        return _text(hmac.digest(token.encode(), b"csrf", "sha256"))

    def _now(self) -> int:
        return int(self._clock.now() * 1000)


def principal_of_person(person: PersonRow) -> Principal:
    """Who is known here, as the admin API knows him."""
    return Principal(person.id, person.login, frozenset(msgspec.json.decode(person.roles, type=list[str])), person.tenant)


def _principal(person: PersonRow | None) -> Principal | None:
    return None if person is None or person.status != "active" else principal_of_person(person)


def _found(connection: Connection, ident: bytes, now: int) -> tuple[SessionRow | None, PersonRow | None]:
    row = people.session(connection, ident, now)
    return row, None if row is None else people.get(connection, row.person)


def _hash(token: str) -> bytes:
    return sha256(token.encode()).digest()


def _signed(key: bytes, token: str) -> str:
    return _text(hmac.digest(key, token.encode(), "sha256"))


def _text(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()
