"""Tokens for a service account's key (RFC 7523 section 2.1), and for the file of `gcloud auth application-default login`."""

from __future__ import annotations

import asyncio

import msgspec

from llm_gateway.credentials.bearer import token_of
from llm_gateway.credentials.google.token import TOKEN_URL, Source
from llm_gateway.credentials.jwt import signed
from llm_gateway.credentials.means import Means
from llm_gateway.credentials.refreshing import Fetched

_WHAT = "Google's token endpoint"
_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_LIFE = 3600


class ServiceAccount(msgspec.Struct, frozen=True):
    """A key file of type service_account."""

    client_email: str
    private_key: str
    private_key_id: str = ""
    token_uri: str = TOKEN_URL

    __repr__ = object.__repr__


class AuthorizedUser(msgspec.Struct, frozen=True):
    """A file of type authorized_user: a person's refresh token."""

    client_id: str
    client_secret: str
    refresh_token: str
    token_uri: str = TOKEN_URL

    __repr__ = object.__repr__


def service_account(means: Means, account: ServiceAccount, scopes: tuple[str, ...]) -> Source:
    """Exchanges an assertion signed with the key."""

    async def source() -> Fetched[str]:
        now = int(means.clock.now())
        claims = {
            "iss": account.client_email,
            "scope": " ".join(scopes),
            "aud": account.token_uri,
            "iat": now,
            "exp": now + _LIFE,
        }
        named = {"kid": account.private_key_id} if account.private_key_id else {}
        assertion = await asyncio.to_thread(signed, account.private_key.encode(), named, claims, "the service account's file")
        answer = await means.http.form(_WHAT, account.token_uri, {"grant_type": _GRANT, "assertion": assertion})
        return token_of(
            answer, _WHAT, means.clock.now(), "the service account's key may be deleted, or this machine's clock wrong"
        )

    return source


def authorized_user(means: Means, user: AuthorizedUser) -> Source:
    """Exchanges the refresh token. The scopes are those that the person agreed to."""
    fields = {
        "grant_type": "refresh_token",
        "client_id": user.client_id,
        "client_secret": user.client_secret,
        "refresh_token": user.refresh_token,
    }

    async def source() -> Fetched[str]:
        answer = await means.http.form(_WHAT, user.token_uri, fields)
        return token_of(answer, _WHAT, means.clock.now(), "log in again with gcloud auth application-default login")

    return source
