"""Access tokens of Google Cloud as every kind of credentials gives them, and acting as a service account with one of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import quote

import msgspec

from llm_gateway.core.json import encode
from llm_gateway.credentials.bearer import bearer_lines, refused, until, usable
from llm_gateway.credentials.means import Means
from llm_gateway.credentials.refreshing import Fetched, Unavailable
from llm_gateway.http.headers import header

Source = Callable[[], Awaitable[Fetched[str]]]
"""Fetches an access token. Raises Unavailable."""

CLOUD = "https://www.googleapis.com/auth/cloud-platform"
TOKEN_URL = "https://oauth2.googleapis.com/token"  # noqa: S105 - an address
_IAM = "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/{email}:generateAccessToken"
_WHAT = "Google's impersonation endpoint"


class _Generated(msgspec.Struct, frozen=True, rename="camel"):
    access_token: str
    expire_time: str

    __repr__ = object.__repr__


def impersonation_url(email: str) -> str:
    """Where tokens of a service account are made (IAM Credentials API, generateAccessToken)."""
    return _IAM.format(email=quote(email, safe="@"))


def impersonated(
    means: Means, base: Source, url: str, scopes: tuple[str, ...], delegates: tuple[str, ...] = (), seconds: int = 3600
) -> Source:
    """A service account's token, made with the token of `base`."""

    async def source() -> Fetched[str]:
        token = (await base()).value
        said: dict[str, Any] = {"scope": list(scopes), "lifetime": f"{seconds}s"}
        if delegates:
            said["delegates"] = list(delegates)
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        answer = await means.http.send(_WHAT, b"POST", url, headers, encode(said))
        if answer.status != 200:
            raise refused(answer, _WHAT, "the caller needs the role Service Account Token Creator on it")
        made = answer.json(_Generated, _WHAT)
        return Fetched(usable(made.access_token, _WHAT), until(made.expire_time, _WHAT, means.clock.now()))

    return source


def lines_of(source: Source, quota_project: str | None) -> Callable[[], Awaitable[Fetched[bytes]]]:
    """The header lines that carry a token, and say who pays."""

    async def fetch() -> Fetched[bytes]:
        token = await source()
        lines = bearer_lines(token.value, "Google")
        if quota_project:
            try:
                lines += header(b"X-Goog-User-Project", quota_project.encode("ascii"))
            except ValueError:
                raise Unavailable("the quota project is not a usable name") from None
        return Fetched(lines, token.lifetime)

    return fetch
