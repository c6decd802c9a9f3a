"""The two cookies of signing in (RFC 6265bis): who is signed in, and where someone is on the way to an identity provider.

Over HTTPS their names begin with __Host-: a browser then takes them only from this very host, over HTTPS, for every path, so
that no neighbour on another name or port without TLS can plant one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

SESSION = "gateway_session"
FLOW = "gateway_signin"
_LONGEST = 4096
_PAIR = re.compile(rb"([A-Za-z0-9_-]{1,64})=([A-Za-z0-9._~-]{0,3800})")


def found(header: bytes, name: str, *, secure: bool) -> str:
    """The value of one of ours in a Cookie header; "": it is not there, or not once. Fields that were joined by a comma count."""
    wanted = _full(name, secure=secure).encode()
    values = set()
    for piece in header[: 4 * _LONGEST].replace(b",", b";").split(b";"):
        pair = _PAIR.fullmatch(piece.strip())
        if pair is not None and pair[1] == wanted:
            values.add(pair[2])
    return values.pop().decode() if len(values) == 1 else ""


def set_line(name: str, value: str, *, secure: bool, seconds: int) -> tuple[bytes, bytes]:
    """A Set-Cookie header. Lax, not Strict: who comes from an identity provider, or follows a link, is signed in; what changes
    something is protected by its token (same_origin.py).
    """
    parts = [f"{_full(name, secure=secure)}={value}", "Path=/", f"Max-Age={seconds}", "HttpOnly", "SameSite=Lax"]
    return b"set-cookie", "; ".join([*parts, *_secured(secure=secure)]).encode()


def clear_line(name: str, *, secure: bool) -> tuple[bytes, bytes]:
    """A Set-Cookie header after which the browser has it no more."""
    return set_line(name, "", secure=secure, seconds=0)


def _full(name: str, *, secure: bool) -> str:
    return f"__Host-{name}" if secure else name


def _secured(*, secure: bool) -> Iterable[str]:
    return ("Secure",) if secure else ()
