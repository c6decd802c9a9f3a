"""Tokens of Microsoft Entra ID for an application: its secret, its certificate, or another issuer's token in place of both.

Microsoft identity platform, "OAuth 2.0 client credentials flow" and "Application authentication certificate credentials".
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote

from llm_gateway.credentials.bearer import token_of
from llm_gateway.credentials.jwt import signed, thumbprint
from llm_gateway.credentials.means import Means, read_file, read_secret
from llm_gateway.credentials.refreshing import Fetched

Source = Callable[[], Awaitable[Fetched[str]]]
"""Fetches an access token. Raises Unavailable."""
Proof = Callable[[str], Awaitable[Mapping[str, str]]]
"""The token endpoint's address to the form fields that prove who asks."""

_WHAT = "Microsoft Entra ID"
_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_LIFE = 600


@dataclass(frozen=True)
class Application:
    """Who asks, where, and for what."""

    authority: str
    tenant: str
    client: str
    scope: str

    @property
    def url(self) -> str:
        return f"{self.authority.rstrip('/')}/{quote(self.tenant)}/oauth2/v2.0/token"


@dataclass(frozen=True)
class Certificate:
    """A PEM file with certificate and key."""

    file: str
    password: str | None = field(default=None, repr=False)


def token(means: Means, application: Application, proof: Proof, hint: str) -> Source:
    """The client credentials flow."""

    async def source() -> Fetched[str]:
        fields = {"grant_type": "client_credentials", "client_id": application.client, "scope": application.scope}
        answer = await means.http.form(_WHAT, application.url, {**fields, **await proof(application.url)})
        return token_of(answer, _WHAT, means.clock.now(), hint)

    return source


def with_secret(means: Means, application: Application, secret: str) -> Source:
    """By client secret."""

    async def proof(_url: str) -> Mapping[str, str]:
        return {"client_secret": secret}

    return token(means, application, proof, "the client secret may be wrong or expired, or tenant and client not belong together")


def with_certificate(means: Means, application: Application, certificate: Certificate) -> Source:
    """By an assertion that the certificate's key signs. The file is read each time: it is rotated."""

    async def proof(url: str) -> Mapping[str, str]:
        pem = await read_file(certificate.file, "the client certificate's file")
        now = int(means.clock.now())
        claims = {
            "aud": url,
            "iss": application.client,
            "sub": application.client,
            "jti": means.token(),
            "iat": now,
            "nbf": now,
            "exp": now + _LIFE,
        }
        return _assertion(await asyncio.to_thread(_signed, pem, claims, certificate.password))

    return token(means, application, proof, "the certificate may not be the application's, or have expired")


def with_federation(means: Means, application: Application, file: str) -> Source:
    """By a token of another issuer, such as a Kubernetes cluster. The file is read each time: it is rotated."""

    async def proof(_url: str) -> Mapping[str, str]:
        return _assertion(await read_secret(file, "the federated token's file"))

    return token(means, application, proof, "look at the application's federated credentials: issuer, subject, audience")


def _assertion(assertion: str) -> Mapping[str, str]:
    return {"client_assertion_type": _BEARER, "client_assertion": assertion}


def _signed(pem: bytes, claims: Mapping[str, object], password: str | None) -> str:
    what = "the client certificate's file"
    return signed(pem, {"x5t#S256": thumbprint(pem, what)}, claims, what, password)
