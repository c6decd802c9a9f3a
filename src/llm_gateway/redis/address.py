"""Where Redis is: `redis://[user:password@]host:port/database`, `rediss://` for TLS, `unix:///path?db=1`."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from urllib.parse import parse_qs, unquote, urlsplit

PORT = 6379


@dataclass(frozen=True)
class Address:
    """`path` of a Unix socket, or else `host` and `port`."""

    host: str = ""
    port: int = PORT
    path: str = ""
    user: str = ""
    password: str = field(default="", repr=False)
    database: int = 0
    tls: ssl.SSLContext | None = field(default=None, repr=False)

    @property
    def shown(self) -> str:
        """For logs: without credentials."""
        return self.path or f"{self.host}:{self.port}"


def parse_address(url: str, ca_file: str | None = None) -> Address:
    """Raises ValueError, whose text does not repeat the URL, and OSError for a `ca_file` that cannot be read."""
    try:
        parts = urlsplit(url)
        port = parts.port or PORT
    except ValueError:
        raise ValueError("the address of Redis cannot be read") from None
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    if parts.scheme == "unix":
        told = parse_qs(parts.query).get("db", ["0"])[-1]
        if not parts.path:
            raise ValueError("the address of Redis names no socket: unix:///path")
        return Address(path=unquote(parts.path), user=user, password=password, database=_number(told))
    if parts.scheme not in {"redis", "rediss"}:
        raise ValueError("the address of Redis must begin with redis://, rediss:// or unix://")
    if not parts.hostname:
        raise ValueError("the address of Redis names no host")
    tls = None
    if parts.scheme == "rediss":
        tls = ssl.create_default_context(cafile=ca_file)
    database = _number(parts.path.strip("/") or "0")
    return Address(parts.hostname, port, "", user, password, database, tls)


def _number(text: str) -> int:
    if not text.isdecimal() or len(text) > 6:
        raise ValueError("the address of Redis ends with a database, a number such as /0")
    return int(text)
