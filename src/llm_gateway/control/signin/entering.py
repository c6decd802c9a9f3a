"""Signing in: with a password, or at an identity provider. What comes of it is a session, and an entry in the audit log."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple

import msgspec
from sqlalchemy import Connection

from llm_gateway.config.schema import Auth, Config
from llm_gateway.config.schema.signin import Oidc
from llm_gateway.control.api.desk import Desk
from llm_gateway.control.audit import Event, placed
from llm_gateway.control.signin.attempts import Attempts
from llm_gateway.control.signin.flows import Flows
from llm_gateway.control.signin.granting import granted
from llm_gateway.control.signin.oidc import OidcProvider
from llm_gateway.control.signin.outside import Outside
from llm_gateway.control.signin.passwords import Passwords, login_of, unfit, usable_login
from llm_gateway.control.signin.sessions import Opened, Session, Sessions, principal_of_person
from llm_gateway.core.errors import Forbidden, GatewayError, InvalidRequest, NotFound, Overloaded, RateLimited, Unauthenticated
from llm_gateway.core.security_event import SecurityEvent
from llm_gateway.identity.keysets import KeySets
from llm_gateway.identity.roles import Principal
from llm_gateway.store import people
from llm_gateway.store.rows import PersonRow

SIGN_IN = "/admin/v1/signin"
CALLBACK = SIGN_IN + "/oidc/{name}/callback"
PASSWORD = "password"  # noqa: S105 - a way to sign in


class Visitor(NamedTuple):
    """Who asks, as far as a request tells."""

    ip: str
    user_agent: str = ""
    request_id: str = ""


class Entering:
    """One per control process."""

    def __init__(
        self,
        desk: Desk,
        sessions: Sessions,
        passwords: Passwords,
        outside: Outside,
        keysets: KeySets,
        config: Callable[[], Config | None],
    ) -> None:
        """`config`: what holds now."""
        self._desk = desk
        self._sessions = sessions
        self._passwords = passwords
        self._outside = outside
        self._keysets = keysets
        self._config = config
        self._attempts = Attempts(desk.clock)
        self._flows = Flows(desk.ring, desk.clock)
        self._providers: dict[str, OidcProvider] = {}

    @property
    def auth(self) -> Auth:
        """What holds now. Raises Overloaded while nothing is known yet."""
        return self._known().auth

    async def by_password(self, login: str, password: str, visitor: Visitor) -> Opened:
        """Raises Unauthenticated, in one wording and after the same work whatever is wrong; RateLimited, StoreError."""
        if not self.auth.admin.passwords:
            raise NotFound("Nobody signs in with a password here.", code="passwords_off")
        login = login_of(login)
        self._begin(login, visitor)
        person = await self._desk.read(lambda connection: people.by_login(connection, login)) if usable_login(login) else None
        kept = person.password if person is not None and person.status == "active" else None
        if not await self._passwords.matches(kept, password) or person is None:
            raise self._wrong(login, person, visitor)
        self._attempts.right(login, visitor.ip)
        principal = principal_of_person(person)
        await self._record("auth.signed_in", principal, visitor, {"via": PASSWORD})
        renewed = await self._passwords.keep(password) if self._passwords.old(kept or "") else None
        await self._desk.store.write(lambda connection: _signed_in(connection, person, renewed, self._desk.now))
        return await self._sessions.open(principal, PASSWORD, local=True, ip=visitor.ip, user_agent=visitor.user_agent)

    async def change_password(self, session: Session, current: str, new: str, visitor: Visitor) -> Opened:
        """A person's own; all sessions end, and a new one begins. Raises as `by_password` does, InvalidRequest, Forbidden."""
        if session.via != PASSWORD:
            raise Forbidden("You sign in elsewhere: change the password there.", code="no_password_here")
        person = await self._desk.read(lambda connection: people.get(connection, session.principal.id))
        if person is None:
            raise Unauthenticated("Your session is over. Sign in again.", code="session_expired")
        self._begin(person.login, visitor)
        if not await self._passwords.matches(person.password, current):
            raise self._wrong(person.login, person, visitor)
        self._attempts.right(person.login, visitor.ip)
        why = unfit(new, person.login) or ("is the old one" if new == current else "")
        if why:
            error = InvalidRequest(f"new: {why}", code="validation_error", param="new")
            error.status = 422
            raise error
        kept = await self._passwords.keep(new)
        await self._record("people.password_changed", session.principal, visitor, None, f"people/{person.id}")
        await self._desk.store.write(lambda connection: people.change_person(connection, person.id, {"password": kept}))
        return await self._sessions.open(session.principal, PASSWORD, local=True, ip=visitor.ip, user_agent=visitor.user_agent)

    async def begin(self, name: str, back: str) -> tuple[str, str]:
        """Where to send somebody who signs in there, and the cookie for meanwhile. Raises NotFound, IdentityUnavailable."""
        provider = self._provider(name)
        flow, cookie = self._flows.begin(name, back)
        return await provider.address(flow.state, flow.nonce, flow.challenge), cookie

    async def end(self, name: str, query: Mapping[str, str], cookie: str, visitor: Visitor) -> tuple[Opened, str]:
        """Somebody comes back from a provider: his session, and where he goes. Raises Unauthenticated, Forbidden,
        IdentityUnavailable, NotFound, StoreError.
        """
        provider = self._provider(name)
        try:
            flow = self._flows.end(cookie, name, query.get("state", ""))
            _check_answer(query, provider.config.issuer)
            principal = granted(provider.config, await provider.claims(query["code"], flow.verifier, flow.nonce))
        except (Unauthenticated, Forbidden) as refusal:
            self._failed("auth.failed", None, visitor, f"{name}: {refusal.code}")
            raise
        await self._record("auth.signed_in", principal, visitor, {"via": name, "roles": sorted(principal.roles)})
        opened = await self._sessions.open(principal, name, local=False, ip=visitor.ip, user_agent=visitor.user_agent)
        return opened, flow.back

    async def leave(self, session: Session, visitor: Visitor, *, everywhere: bool) -> None:
        """Sign out. Raises StoreError. The session ends even where that cannot be recorded."""
        if everywhere:
            await self._sessions.close_all(session.principal.id)
        else:
            await self._sessions.close(session.id)
        facts = {"everywhere": everywhere}
        self._desk.audit.note(_event("auth.signed_out", session.principal, visitor, facts))

    def _begin(self, login: str, visitor: Visitor) -> None:
        wait = self._attempts.begin(login, visitor.ip, self.auth.lockout)
        if wait:
            raise RateLimited(
                "Too many wrong passwords for this login came from this address.",
                code="too_many_failed_sign_ins",
                retry_after=wait,
            )

    def _wrong(self, login: str, person: PersonRow | None, visitor: Visitor) -> GatewayError:
        """What was typed as a login that nobody has may be a password: it is written down nowhere."""
        self._failed("auth.failed", person, visitor, "wrong login or password")
        if self._attempts.last(login, visitor.ip, self.auth.lockout):
            self._failed("auth.locked_out", person, visitor, "too many wrong passwords")
        return Unauthenticated("The login or the password is wrong.", code="invalid_login")

    def _provider(self, name: str) -> OidcProvider:
        """Raises NotFound."""
        config = self._known()
        found = next((one for one in config.auth.admin.oidc if one.name == name), None)
        if found is None:
            raise NotFound("There is no such identity provider.")
        redirect = redirect_uri(config.auth.admin.url or "", found)
        known = self._providers.get(name)
        try:
            self._outside.use(config.network)
        except (OSError, ValueError):
            raise Overloaded("Identity providers cannot be reached: see network.", code="identity_provider_unavailable") from None
        self._keysets.use(self._outside.client)
        if known is None or known.config != found or known.redirect_uri != redirect:
            known = OidcProvider(found, redirect, self._outside.http, self._keysets, self._desk.clock)
            self._providers = {
                **{one.name: self._providers[one.name] for one in config.auth.admin.oidc if one.name in self._providers},
                name: known,
            }
        return known

    async def _record(self, action: str, who: Principal, visitor: Visitor, facts: Any, resource: str = "") -> None:
        """Raises AuditUnavailable: nobody signs in unseen."""
        await self._desk.record(_event(action, who, visitor, facts, resource))

    def _failed(
        self, action: Literal["auth.failed", "auth.locked_out"], person: PersonRow | None, visitor: Visitor, why: str
    ) -> None:
        """For the audit log, where what happens again and again is one entry with a number."""
        actor, tenant = ("", "") if person is None else (person.id, person.tenant)
        event = SecurityEvent(self._desk.now, action, actor, visitor.ip, SIGN_IN, why, visitor.request_id, visitor.user_agent)
        self._desk.noted.add(msgspec.structs.replace(event, tenant=tenant))

    def _known(self) -> Config:
        config = self._config()
        if config is None:
            raise Overloaded("The control process is starting.", code="starting", retry_after=1.0)
        return config


def redirect_uri(url: str, provider: Oidc) -> str:
    """Where a provider sends people back to: exactly this must be entered there."""
    return url + CALLBACK.format(name=provider.name)


def _check_answer(query: Mapping[str, str], issuer: str) -> None:
    """Raises Unauthenticated."""
    if query.get("iss", issuer) != issuer:  # RFC 9207: another provider's answer
        raise Unauthenticated("The answer is another identity provider's.", code="signin_refused")
    if "code" not in query:
        raise Unauthenticated("The identity provider did not sign you in.", code="signin_refused")


def _signed_in(connection: Connection, person: PersonRow, renewed: str | None, now: int) -> None:
    people.signed_in(connection, person.id, now)
    if renewed is not None:
        people.renew_password(connection, person.id, renewed)


def _event(action: str, who: Principal, visitor: Visitor, facts: Any, resource: str = "") -> Event:
    return Event(
        action=action,
        actor=who.id,
        resource=placed(who.tenant, resource or "admin"),
        after=facts,
        ip=visitor.ip,
        user_agent=visitor.user_agent,
        request_id=visitor.request_id,
    )
