"""`auth.admin`: how people sign in to the admin API and its pages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated
from urllib.parse import urlsplit

import msgspec

from llm_gateway.config.schema.addresses import is_secure
from llm_gateway.config.schema.base import NAME, Fault, Section, Text, about
from llm_gateway.config.schema.tokens import Role
from llm_gateway.config.values import Duration, Secret

_HALF_HOUR, _HALF_DAY = Duration(1800), Duration(43_200)
_LONGEST = Duration(30 * 86_400)


class SignInClaims(Section, frozen=True):
    """Where an ID token says what: the name of a claim, or a path into it with dots (`realm_access.roles`)."""

    name: Annotated[
        Text, about("What the person is called, for people and the audit log; where it is not there, the subject.")
    ] = "email"
    roles: Annotated[
        Text, about("Groups or roles: a list, or words with blanks between them. `roles` says what they are here.")
    ] = "groups"
    tenant: Annotated[
        Text | None,
        about("The tenant whose objects the person administers; a token without it is refused. Absent: see `tenant`."),
    ] = None


class Oidc(Section, frozen=True):
    """An identity provider that people sign in at: OpenID Connect, authorization code with PKCE."""

    name: Annotated[Text, about("In addresses: letters, digits, dots, hyphens.")]
    issuer: Annotated[Text, about("The issuer, letter by letter; its discovery document is asked for everything else.")]
    client_id: Annotated[Text, about("Who the gateway is there.")]
    client_secret: Annotated[Secret | None, about("Its secret; absent: a public client, which PKCE alone protects.")] = None
    label: Annotated[Text | None, about("What the way to sign in is called on pages; absent: its name.")] = None
    scopes: Annotated[tuple[Text, ...], about("What is asked for.")] = ("openid", "profile", "email")
    claims: Annotated[SignInClaims, about("What ID tokens say where.")] = SignInClaims()
    roles: Annotated[
        dict[str, tuple[Role, ...]], about("What a word in the claim of roles gives: {gateway-admins: [system_admin]}.")
    ] = msgspec.field(default_factory=dict)
    default_roles: Annotated[tuple[Role, ...], about("Roles of those who have none of these words; none: they are refused.")] = ()
    tenant: Annotated[
        str, about("The tenant that everyone who signs in so belongs to; empty: to the gateway as a whole.", max_length=128)
    ] = ""
    discovery_url: Annotated[
        Text | None, about("Its discovery document; absent: the issuer with /.well-known/openid-configuration behind it.")
    ] = None
    leeway: Annotated[Duration, about("How far its clock may be from this machine's.")] = Duration(30)

    def check(self) -> Iterator[Fault]:
        if self.name and not NAME.fullmatch(self.name):
            yield "name", "must be 1 to 64 letters, digits, dots, hyphens or underscores, and begin with a letter or a digit"
        for field in ("issuer", "discovery_url"):
            url = getattr(self, field)
            if url is not None and not is_secure(url):
                yield field, "must be an address that begins with https:// (http:// on this machine only)"
        if "openid" not in (self.scopes or ()):
            yield "scopes", "must have openid among them"
        if not self.roles and not self.default_roles:
            yield "roles", "says what nobody has: without it and without default_roles, everyone would be refused"
        if self.claims and self.claims.tenant is not None and self.tenant:
            yield "tenant", "is everyone's, so that claims.tenant is never looked at: remove one of them"
        if self.leeway > 600:
            yield "leeway", "may be 10m at most"


class SignInSession(Section, frozen=True):
    """How long people stay signed in."""

    idle: Annotated[Duration, about("Signed out when nothing was done for so long.", positive=True)] = _HALF_HOUR
    longest: Annotated[Duration, about("Signed out after this, whatever was done.", positive=True)] = _HALF_DAY

    def check(self) -> Iterator[Fault]:
        if self.idle > self.longest:
            yield "idle", "is more than `longest`"
        if self.longest > _LONGEST:
            yield "longest", "may be 30d at most"


class SignIn(Section, frozen=True):
    """How people sign in to the admin API and its pages."""

    url: Annotated[
        Text | None,
        about("How browsers reach the admin port: https://gateway.example.com:9090. Needed for oidc, and behind a TLS proxy."),
    ] = None
    passwords: Annotated[bool, about("Whether people that the gateway itself knows may sign in with a password.")] = True
    session: Annotated[SignInSession, about("How long people stay signed in.")] = SignInSession()
    oidc: Annotated[tuple[Oidc, ...], about("Identity providers that people may sign in at.")] = ()

    def check(self) -> Iterator[Fault]:
        if self.url is not None and not _origin(self.url):
            yield "url", "must be https://host[:port] without a path (http:// on this machine only)"
        if self.oidc and self.url is None:
            yield "url", "is needed with oidc: identity providers send people back there"
        seen: dict[str, int] = {}
        for index, one in enumerate(self.oidc or ()):
            if one is not None and one.name and seen.setdefault(one.name, index) != index:
                yield "oidc", f"entry {index} has the name of entry {seen[one.name]}"


def _origin(url: str) -> bool:
    if not is_secure(url):
        return False
    parts = urlsplit(url)
    return url == f"{parts.scheme}://{parts.netloc}" and url == url.lower()
