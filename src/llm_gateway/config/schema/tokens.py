"""`auth.jwt`, `auth.introspection`, `auth.mtls`, `auth.signing` and `auth.lockout`: who calls without a key of this gateway."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

import msgspec

from llm_gateway.config.schema.addresses import is_secure
from llm_gateway.config.schema.base import Count, Fault, Section, Text, about
from llm_gateway.config.values import Duration, Secret
from llm_gateway.core.scopes import known

Algorithm = Literal["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "HS256"]
Role = Literal["system_admin", "tenant_admin", "operator", "developer", "analyst", "auditor", "service"]
"""Those of identity.roles; below it nothing can be imported from there."""
SHORTEST_SECRET = 32
"""Bytes: RFC 7518 section 3.2."""
_Some = Annotated[tuple[Text, ...], msgspec.Meta(min_length=1)]
_HOUR, _DAY = Duration(3600), Duration(86_400)


class Claims(Section, frozen=True):
    """Where a token says what: the name of a claim, or a path into it with dots (`realm_access.roles`)."""

    user: Annotated[Text, about("The end user, for limits and the ledger.")] = "sub"
    tenant: Annotated[Text | None, about("The tenant.")] = None
    project: Annotated[Text | None, about("The tenant's project.")] = None
    roles: Annotated[Text | None, about("Roles: a list, or words with blanks between them.")] = None
    scopes: Annotated[Text | None, about("Scopes; those that are none of the gateway's are passed over.")] = None
    tier: Annotated[Text | None, about("Limits by name (limits.tiers).")] = None
    models: Annotated[Text | None, about("What may be asked for, as in auth.keys[].models.")] = None


class Grants(Section, frozen=True):
    """What who is recognised so may do. Never more than its tenant and project."""

    tenant: Annotated[str, about("Whose requests they are.", max_length=128)] = ""
    project: Annotated[str, about("The tenant's project.", max_length=128)] = ""
    roles: Annotated[tuple[Role, ...], about("Roles, for the admin API.")] = ()
    scopes: Annotated[tuple[Text, ...] | None, about("Scopes; absent: those of a key for models.")] = None
    tier: Annotated[Text | None, about("Limits by name (limits.tiers).")] = None
    models: Annotated[tuple[Text, ...], about("What may be asked for: aliases, provider/model, and patterns.")] = ("*",)

    def check(self) -> Iterator[Fault]:
        for scope in self.scopes or ():
            if not known(scope):
                yield "scopes", "names no scope that there is; docs/IDENTITY.md lists them"


class Issuer(Section, frozen=True):
    """One that signs tokens."""

    issuer: Annotated[Text, about("What its tokens say in `iss`, letter by letter.")]
    audiences: Annotated[_Some, about("One of these must stand in `aud`.")]
    jwks_url: Annotated[Text | None, about("Where its public keys are; absent: as its discovery document says.")] = None
    discovery_url: Annotated[
        Text | None, about("Its discovery document; absent: the issuer with /.well-known/openid-configuration behind it.")
    ] = None
    secret: Annotated[
        Secret | None,
        about(f"For HS256, in place of public keys: {SHORTEST_SECRET} characters or more, which the issuer shares."),
    ] = None
    algorithms: Annotated[
        tuple[Algorithm, ...] | None,
        about("What tokens may be signed with; absent: RS256, PS256, ES256 and EdDSA, or HS256 if there is a secret."),
    ] = None
    types: Annotated[_Some, about("What may stand in a token's `typ`; one without it counts as JWT.")] = ("JWT", "at+jwt")
    leeway: Annotated[Duration, about("How far its clock may be from this machine's.")] = Duration(30)
    refresh: Annotated[
        Duration, about("Its keys are fetched again after this long, or sooner if it says so (Cache-Control).", positive=True)
    ] = _HOUR
    keep: Annotated[Duration, about("How long keys stay in use while the issuer cannot be asked.", positive=True)] = _DAY
    claims: Annotated[Claims, about("What its tokens say about who calls.")] = Claims()
    grants: Annotated[Grants, about("What holds where a token says nothing.")] = Grants()

    def check(self) -> Iterator[Fault]:
        for field in ("jwks_url", "discovery_url"):
            yield from _url(self, field)
        if self.jwks_url is not None and self.discovery_url is not None:
            yield "discovery_url", "is not asked where there is a jwks_url"
        if self.secret is None and self.jwks_url is None and self.discovery_url is None:
            yield from _url(self, "issuer", "is no address, so that discovery_url, jwks_url or secret is needed")
        if self.secret is not None:
            if self.jwks_url is not None or self.discovery_url is not None:
                yield "secret", "stands in place of public keys: remove jwks_url and discovery_url"
            if len(self.secret.reveal().encode()) < SHORTEST_SECRET:
                yield "secret", f"is shorter than {SHORTEST_SECRET} bytes (RFC 7518 section 3.2)"
        symmetric = [name.startswith("HS") for name in self.algorithms or ()]
        if self.algorithms is not None and not symmetric:
            yield "algorithms", "needs at least one"
        if any(symmetric) and self.secret is None:
            yield "algorithms", "HS256 needs a secret: a public key must never be one"
        if self.secret is not None and not all(symmetric):
            yield "algorithms", "only HS256 can be checked with a secret"
        if self.leeway > 600:
            yield "leeway", "may be 10m at most"

    @property
    def accepted(self) -> frozenset[str]:
        """The algorithms."""
        if self.algorithms is not None:
            return frozenset(self.algorithms)
        return frozenset({"HS256"} if self.secret is not None else {"RS256", "PS256", "ES256", "EdDSA"})


class Jwt(Section, frozen=True):
    """Signed tokens (RFC 7519, RFC 9068)."""

    issuers: Annotated[tuple[Issuer, ...], about("Whose tokens are accepted.")] = ()
    revoked: Annotated[tuple[Text, ...], about("Tokens that are refused, by their `jti`.")] = ()
    unknown_tenants: Annotated[
        Literal["refuse", "allow"], about("A token names a tenant that is not in `tenants`: refused, or served as a label only.")
    ] = "refuse"
    remembered: Annotated[Count, about("Most tokens whose signature is not checked again until they expire.")] = 10_000

    def check(self) -> Iterator[Fault]:
        seen: dict[str, int] = {}
        for index, one in enumerate(self.issuers or ()):
            if one is not None and one.issuer and seen.setdefault(one.issuer, index) != index:
                yield "issuers", f"entry {index} has the issuer of entry {seen[one.issuer]}"


class Introspection(Section, frozen=True):
    """Tokens that only their issuer can read: it is asked (RFC 7662)."""

    url: Annotated[Text, about("Its introspection endpoint.")]
    client_id: Annotated[Text, about("Who asks.")]
    client_secret: Annotated[Secret, about("Its secret.")]
    issuer: Annotated[Text | None, about("What answers must say in `iss`; absent: it is not looked at.")] = None
    audiences: Annotated[tuple[Text, ...], about("One of these must stand in `aud`; none: it is not looked at.")] = ()
    remember: Annotated[Duration, about("A good answer holds so long, or until the token expires.")] = Duration(60)
    remember_bad: Annotated[Duration, about("A token that is not active is refused so long without asking again.")] = Duration(10)
    remembered: Annotated[Count, about("Most tokens that are remembered.")] = 10_000
    timeout: Annotated[Duration, about("How long a request may wait for an answer.", positive=True)] = Duration(3)
    claims: Annotated[Claims, about("What answers say about who calls.")] = Claims()
    grants: Annotated[Grants, about("What holds where an answer says nothing.")] = Grants()

    def check(self) -> Iterator[Fault]:
        yield from _url(self, "url")


class CertificateRule(Section, frozen=True):
    """Which certificates, and what they may do. What is absent is not looked at."""

    subject: Annotated[dict[str, Text], about("Parts of the subject's name and patterns for them: {CN: web-*, O: acme}.")] = (
        msgspec.field(default_factory=dict)
    )
    san: Annotated[Text | None, about("Pattern for one of its other names: a host, an address, a URI.")] = None
    grants: Annotated[Grants, about("What they may do.")] = Grants()

    def check(self) -> Iterator[Fault]:
        if not self.subject and self.san is None:
            yield "", "needs subject or san: it would hold for every certificate"


class Mtls(Section, frozen=True):
    """Client certificates: shown to the gateway itself (server.tls.client_ca), or to a proxy in front.

    Proxies tell them in X-SSL-Client-Cert or X-SSL-Client-DN, which only server.access.trusted_proxies may send.
    """

    rules: Annotated[tuple[CertificateRule, ...], about("The first rule that a certificate meets holds.")] = ()


class Signing(Section, frozen=True):
    """Requests that are signed (X-Signature, X-Timestamp). Which keys need it is said at the key (require_signature)."""

    validity: Annotated[Duration, about("A signature is good for this long.", positive=True)] = Duration(300)
    skew: Annotated[Duration, about("How far ahead of this machine's the client's clock may be.")] = Duration(60)
    remembered: Annotated[
        int,
        about(
            "Most signatures that a worker remembers, so that none is taken twice; one more is refused (429).", ge=1000, le=10**7
        ),
    ] = 100_000


class Lockout(Section, frozen=True):
    """Wrong credentials again and again. Who has the right ones is served from the same address all the same."""

    failures: Annotated[int, about("So many are answered 401, more of them 429; 0: all are answered 401.", ge=0, le=10**6)] = 5
    window: Annotated[Duration, about("In this time.", positive=True)] = Duration(300)
    addresses: Annotated[Count, about("Most addresses that are remembered; the oldest is forgotten first.")] = 10_000


def _url(
    section: Section, field: str, text: str = "must be an address that begins with https:// (http:// on this machine only)"
) -> Iterator[Fault]:
    url = getattr(section, field)
    if url is not None and not is_secure(url):
        yield field, text
