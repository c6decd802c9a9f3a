"""Where a request goes: scheme, host and port. The key of a connection pool."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import urlsplit

_DEFAULT_PORTS = {"http": 80, "https": 443}


class Origin(NamedTuple):
    """An origin (RFC 6454 section 4). `host` is lower-case ASCII without brackets.

    A tuple, so that hashing and comparing it for every request costs no Python call.
    """

    scheme: str
    host: str
    port: int

    @staticmethod
    def parse(url: str) -> tuple[Origin, str]:
        """Split a base URL into its origin and its path without a trailing slash.

        Raises ValueError, without repeating the URL, for anything that is not plain `http(s)://host[:port][/path]`:
        credentials, a query or a fragment in a base URL would be lost or leaked further on.
        """
        if any(character <= " " or character == "\\" for character in url):
            raise ValueError("a URL must not contain spaces, control characters or backslashes")
        parts = urlsplit(url)
        if parts.scheme not in _DEFAULT_PORTS:
            raise ValueError("a URL must begin with http:// or https://")
        if parts.username is not None or parts.password is not None:
            raise ValueError("a URL must not contain credentials")
        if parts.query or parts.fragment:
            raise ValueError("a base URL must not have a query or a fragment")
        if not parts.path.isascii():
            raise ValueError("the path of a URL must be percent-encoded ASCII")
        host = ascii_host(parts.hostname)
        port = _DEFAULT_PORTS[parts.scheme] if parts.port is None else parts.port
        if port == 0:
            raise ValueError("port 0 cannot be connected to")
        return Origin(parts.scheme, host, port), parts.path.rstrip("/")

    @property
    def authority(self) -> bytes:
        """The Host header's value: the port only where it is not the scheme's own (RFC 9110 section 7.2)."""
        host = bracketed(self.host)
        return (host if self.port == _DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}").encode("ascii")


def ascii_host(host: str | None) -> str:
    """The host as it goes on the wire: IDNA for a name in another script. ValueError if there is none."""
    if not host:
        raise ValueError("a URL must name a host")
    if not host.isascii():
        try:
            host = host.encode("idna").decode("ascii")
        except UnicodeError:
            raise ValueError("the host name cannot be encoded (IDNA)") from None
    if "%" in host:
        raise ValueError("a host must not have a zone or percent-encoding")
    return host


def bracketed(host: str) -> str:
    """An IPv6 address in brackets, everything else as it is."""
    return f"[{host}]" if ":" in host else host
