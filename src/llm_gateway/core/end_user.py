"""Who an application asks for: the end user that its token, a header or the request's body names."""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

from llm_gateway.core.exchange import Exchange

HEADER = b"x-gateway-user"
LONGEST = 256
"""Characters; of longer names a hash stands for them."""


def end_user(ex: Exchange) -> str:
    """The end user's name, "" if none is named. What a token says goes before the header, and that before the body."""
    caller, view = ex.caller, ex.view
    user = "" if caller is None else caller.user
    if not user:
        said = ex.headers.get(HEADER)
        user = _text(said) if said is not None else "" if view is None else view.user
    return user if len(user) <= LONGEST else shortened(user)


def _text(said: bytes) -> str:
    """UTF-8, so that a name is the same in a header, in a body and in the admin API; else what it was in HTTP's older days."""
    try:
        return said.decode()
    except UnicodeDecodeError:
        return said.decode("latin-1")


def named(*candidates: Any) -> str:
    """The first text among what may stand in a body's place for a user; anything may stand there."""
    for candidate in candidates:
        if isinstance(candidate, str) and candidate:
            return candidate
    return ""


def shortened(user: str) -> str:
    """A hash for a name that is too long to be kept."""
    return blake2b(user.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def pseudonym(user: str, secret: bytes) -> str:
    """What stands for an end user in logs and traces: the same for the same name, and nothing that a name can be guessed from
    without `secret` (64 bytes at most are used).
    """
    return blake2b(user.encode("utf-8", "surrogatepass"), digest_size=16, key=secret[:64]).hexdigest()
