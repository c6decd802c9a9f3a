"""Workload identity federation: a token of another cloud or of an OpenID Connect provider, exchanged for Google's.

AIP-4117 (external account credentials); RFC 8693 (token exchange). The other token comes from a file or a URL. Sources that run a
command or sign for AWS are refused with a text that says so.
"""

from __future__ import annotations

from typing import Any

import msgspec

from llm_gateway.core.json import MalformedJson, decode, encode
from llm_gateway.credentials.bearer import refused, token_of, usable
from llm_gateway.credentials.google.token import CLOUD, Source, impersonated
from llm_gateway.credentials.means import Means, read_file
from llm_gateway.credentials.refreshing import Fetched, Unavailable

_WHAT = "Google's Security Token Service"
_SUBJECT = "the source of the subject token"
_GRANT = "urn:ietf:params:oauth:grant-type:token-exchange"
_ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105 - a type's name


class Format(msgspec.Struct, frozen=True):
    """How the subject token is written down."""

    type: str = "text"
    subject_token_field_name: str | None = None


class SubjectSource(msgspec.Struct, frozen=True):
    """Where the subject token is."""

    file: str | None = None
    url: str | None = None
    headers: dict[str, str] | None = None
    format: Format = Format()
    environment_id: str | None = None
    executable: Any = None

    __repr__ = object.__repr__


class Impersonation(msgspec.Struct, frozen=True):
    token_lifetime_seconds: int = 3600


class ExternalAccount(msgspec.Struct, frozen=True):
    """A file of type external_account."""

    audience: str
    subject_token_type: str
    token_url: str
    credential_source: SubjectSource
    service_account_impersonation_url: str | None = None
    service_account_impersonation: Impersonation = Impersonation()
    client_id: str | None = None
    client_secret: str | None = None
    workforce_pool_user_project: str | None = None

    __repr__ = object.__repr__


def external_account(means: Means, account: ExternalAccount, scopes: tuple[str, ...]) -> Source:
    """Exchanges the subject token, which is read each time, and then acts as the service account if there is one."""
    url = account.service_account_impersonation_url

    async def exchanged() -> Fetched[str]:
        fields = {
            "grant_type": _GRANT,
            "audience": account.audience,
            "scope": CLOUD if url else " ".join(scopes),
            "requested_token_type": _ACCESS_TOKEN,
            "subject_token": await _subject_token(means, account.credential_source),
            "subject_token_type": account.subject_token_type,
        }
        if account.workforce_pool_user_project and not account.client_id:
            fields["options"] = encode({"userProject": account.workforce_pool_user_project}).decode()
        basic = (account.client_id, account.client_secret or "") if account.client_id else None
        answer = await means.http.form(_WHAT, account.token_url, fields, basic=basic)
        return token_of(answer, _WHAT, means.clock.now(), "look at the pool's provider and its attribute condition")

    if url is None:
        return exchanged
    return impersonated(means, exchanged, url, scopes, seconds=account.service_account_impersonation.token_lifetime_seconds)


async def _subject_token(means: Means, source: SubjectSource) -> str:
    if source.file:
        data = await read_file(source.file, "the subject token's file")
    elif source.url and not source.environment_id:
        answer = await means.http.send(_SUBJECT, b"GET", source.url, source.headers or {})
        if answer.status != 200:
            raise refused(answer, _SUBJECT)
        data = answer.body
    else:
        raise Unavailable("federation takes its subject token from a file or a URL here; commands and AWS are not supported")
    if source.format.type == "json":
        data = _member(data, source.format.subject_token_field_name or "")
    return usable(data.decode("utf-8", "replace").strip(), _SUBJECT)


def _member(data: bytes, name: str) -> bytes:
    try:
        document: Any = decode(data, Any)
    except MalformedJson:
        raise Unavailable(f"{_SUBJECT} did not give JSON") from None
    token = document.get(name) if isinstance(document, dict) else None
    if not isinstance(token, str):
        raise Unavailable(f"{_SUBJECT} gave JSON without the field that subject_token_field_name names")
    return token.encode()
