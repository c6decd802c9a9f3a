"""OpenID Connect at one provider: where people are sent, and what the code that they come back with is worth.

Authorization code flow with PKCE (OpenID Connect Core section 3.1, RFC 7636, RFC 9700). What the provider says is believed
only after it is signed, for us, of this very sign-in: signature, issuer, audience, times and nonce.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

import msgspec

from llm_gateway.config.schema.signin import Oidc
from llm_gateway.config.schema.tokens import Issuer
from llm_gateway.core.clock import Clock
from llm_gateway.core.errors import IdentityUnavailable, Unauthenticated
from llm_gateway.credentials.fetch import Answer, Http, address
from llm_gateway.credentials.refreshing import Unavailable
from llm_gateway.identity.jose import Refused, Token, taken_apart
from llm_gateway.identity.keysets import IssuerKeys, KeySets
from llm_gateway.identity.validity import check_audience, check_times, subject_of

REMEMBER_SECONDS = 3600.0
"""How long a discovery document is not asked for again."""
_WELL_KNOWN = "/.well-known/openid-configuration"
_ACCEPT = MappingProxyType({"Accept": "application/json"})
_WHO = "the identity provider"
Shape = TypeVar("Shape")


class Document(msgspec.Struct, frozen=True):
    """What we need of a discovery document (OpenID Connect Discovery section 3)."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)


class _Tokens(msgspec.Struct, frozen=True):
    id_token: str


class OidcProvider:
    """One. Raises IdentityUnavailable while it cannot be asked, Unauthenticated for what it does not confirm."""

    def __init__(self, config: Oidc, redirect_uri: str, http: Http, keysets: KeySets, clock: Clock) -> None:
        self.config = config
        self.redirect_uri = redirect_uri
        self._http = http
        self._keysets = keysets
        self._clock = clock
        self._document: Document | None = None
        self._asked = 0.0

    async def address(self, state: str, nonce: str, challenge: str) -> str:
        """Where to send somebody who wants to sign in."""
        document = await self._discovered()
        query = {
            "response_type": "code",
            "client_id": self.config.client_id,
            "redirect_uri": self.redirect_uri,
            "scope": " ".join(self.config.scopes),
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        begun = document.authorization_endpoint
        return begun + ("&" if "?" in begun else "?") + urlencode(query)

    async def claims(self, code: str, verifier: str, nonce: str) -> Mapping[str, Any]:
        """What the provider says of who came back with this code."""
        document = await self._discovered()
        text = await self._exchanged(document, code, verifier)
        keys = self._keysets.of(self._issuer(document))
        try:
            token = taken_apart(text.encode("ascii", "replace"))
            await self._checked(token, keys)
            self._check(token.claims, nonce)
        except Refused as refused:
            raise Unauthenticated(
                "The identity provider's answer is not one for this sign-in.", code="signin_refused"
            ) from refused
        return token.claims

    async def _checked(self, token: Token, keys: IssuerKeys) -> None:
        algorithm = token.header.alg
        if algorithm not in self._accepted():
            raise Refused("algorithm")
        found = keys.current()
        if found is None or not found.named(token.header.kid):
            await keys.ask()
            found = keys.current()
        if found is None:
            raise IdentityUnavailable("The identity provider's keys cannot be fetched at the moment.", retry_after=5.0)
        if not found.verifies(token):
            raise Refused("signature")

    def _check(self, said: Mapping[str, Any], nonce: str) -> None:
        if said.get("iss") != self.config.issuer:
            raise Refused("issuer")
        check_audience(said, frozenset({self.config.client_id}))
        party = said.get("azp")
        if party != self.config.client_id and (party is not None or (isinstance(said["aud"], list) and len(said["aud"]) > 1)):
            raise Refused("audience")  # OpenID Connect Core section 3.1.3.7, steps 4 and 5
        subject_of(said)
        check_times(said, self._clock.now(), float(self.config.leeway))
        if said.get("nonce") != nonce:
            raise Refused("nonce")

    async def _exchanged(self, document: Document, code: str, verifier: str) -> str:
        fields = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.redirect_uri,
            "code_verifier": verifier,
        }
        secret = self.config.client_secret
        basic = None
        if secret is None:
            fields["client_id"] = self.config.client_id
        elif "client_secret_basic" in document.token_endpoint_auth_methods_supported:
            basic = quote(self.config.client_id, safe=""), quote(secret.reveal(), safe="")  # RFC 6749 section 2.3.1
        else:
            fields |= {"client_id": self.config.client_id, "client_secret": secret.reveal()}
        try:
            answer = await self._http.form(_WHO, document.token_endpoint, fields, basic=basic)
            if answer.status not in (400, 401, 403):
                return _expected(answer, _Tokens).id_token
        except Unavailable as error:
            raise _away(error) from None
        raise Unauthenticated(f"The identity provider refuses the sign-in{answer.reason()}.", code="signin_refused")

    async def _discovered(self) -> Document:
        now = self._clock.monotonic()
        if self._document is not None and now < self._asked + REMEMBER_SECONDS:
            return self._document
        url = self.config.discovery_url or self.config.issuer.rstrip("/") + _WELL_KNOWN
        try:
            document = _expected(await self._http.send(_WHO, b"GET", url, _ACCEPT), Document)
            self._check_document(document)
        except Unavailable as error:
            if self._document is not None:
                return self._document  # an old one is better than nobody signing in
            raise _away(error) from None
        self._document, self._asked = document, now
        return document

    def _check_document(self, document: Document) -> None:
        """Raises Unavailable."""
        if document.issuer != self.config.issuer:  # OpenID Connect Discovery section 4.3
            raise Unavailable(f"{_WHO} says that it is another issuer than the configured one")
        for endpoint in (document.authorization_endpoint, document.token_endpoint, document.jwks_uri):
            address(endpoint, _WHO)

    def _issuer(self, document: Document) -> Issuer:
        return Issuer(self.config.issuer, (self.config.client_id,), document.jwks_uri)

    def _accepted(self) -> frozenset[str]:
        return Issuer(self.config.issuer, (self.config.client_id,)).accepted


def _expected(answer: Answer, shape: type[Shape]) -> Shape:
    """Raises Unavailable."""
    if answer.status != 200:
        raise Unavailable(f"{_WHO} answered with status {answer.status}")
    return answer.json(shape, _WHO)


def _away(error: Unavailable) -> IdentityUnavailable:
    text = str(error)
    return IdentityUnavailable(f"{text[:1].upper()}{text[1:]}.", retry_after=5.0)
