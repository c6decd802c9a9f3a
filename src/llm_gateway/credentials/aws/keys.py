"""AWS credentials as their sources give them, checked before anything is signed with them."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable

import msgspec

from llm_gateway.credentials.aws.sigv4 import Credentials
from llm_gateway.credentials.bearer import until
from llm_gateway.credentials.means import Means
from llm_gateway.credentials.refreshing import Fetched, Unavailable

_KEY = re.compile(r"[\x21-\x7e]{1,256}")
_TOKEN = re.compile(r"[\x21-\x7e]{1,16384}")

Source = Callable[[], Awaitable[Fetched[Credentials]]]
"""Fetches credentials. Raises Unavailable."""


class KeysAnswer(msgspec.Struct, frozen=True, rename="pascal"):
    """What containers, instances and credential processes answer; the session token has two names among them."""

    access_key_id: str
    secret_access_key: str
    token: str | None = None
    session_token: str | None = None
    expiration: str | None = None

    __repr__ = object.__repr__

    def fetched(self, what: str, now: float) -> Fetched[Credentials]:
        """Raises Unavailable."""
        lifetime = None if self.expiration is None else until(self.expiration, what, now)
        token = self.token or self.session_token
        return Fetched(credentials(self.access_key_id, self.secret_access_key, token, what), lifetime)


def credentials(access_key: str, secret_key: str, token: str | None, what: str) -> Credentials:
    """Raises Unavailable for what no header could carry."""
    good = _KEY.fullmatch(access_key) and _KEY.fullmatch(secret_key) and (not token or _TOKEN.fullmatch(token))
    if not good:
        raise Unavailable(f"{what} gave keys that cannot be used: one is empty or holds strange characters")
    return Credentials(access_key, secret_key, token or None)


def fixed(made: Credentials) -> Source:
    """A source that always gives the same."""

    async def source() -> Fetched[Credentials]:
        return Fetched(made)

    return source


def from_environment(means: Means) -> Credentials | None:
    """AWS_ACCESS_KEY_ID and its siblings; None without both halves. Raises Unavailable."""
    access, secret = means.variable("AWS_ACCESS_KEY_ID"), means.variable("AWS_SECRET_ACCESS_KEY")
    if not access or not secret:
        return None
    return credentials(access, secret, means.variable("AWS_SESSION_TOKEN") or None, "the environment (AWS_ACCESS_KEY_ID)")
