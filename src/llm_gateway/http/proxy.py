"""HTTP proxies between us and an origin: which one, if any, and how to ask it.

Plain `http` origins are asked for in absolute form, `https` origins through a CONNECT tunnel (RFC 9110 section 9.3.6).
"""

from __future__ import annotations

import asyncio
import base64
import ipaddress
import socket
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from llm_gateway.http.errors import ConnectFailed, ProtocolViolation
from llm_gateway.http.origin import Origin, ascii_host, bracketed

_REPLY_CAP = 16 * 1024


@dataclass(frozen=True, slots=True)
class Proxy:
    """One proxy: where it listens and the credentials header for it, both of which never show in a repr."""

    host: str
    port: int
    authorization: bytes = field(default=b"", repr=False)
    """A whole header line with its CRLF, or empty."""

    @staticmethod
    def parse(url: str) -> Proxy:
        """Read `http://[user:password@]host[:port]`. Raises ValueError, without repeating the URL."""
        parts = urlsplit(url if "://" in url else f"http://{url}")
        if parts.scheme != "http":
            raise ValueError("only http:// proxies are supported (https origins are tunnelled through them)")
        line = b""
        if parts.username is not None:
            pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}".encode()
            line = b"Proxy-Authorization: Basic " + base64.b64encode(pair) + b"\r\n"
        return Proxy(ascii_host(parts.hostname), parts.port or 80, line)


class Proxies:
    """The proxies of a deployment: one for http origins, one for https origins, and who is reached without.

    `direct` has the entries of NO_PROXY: `*`, a host, a domain (with or without a leading dot; subdomains included),
    any of these with `:port`, an IP address, or a network such as `10.0.0.0/8`.
    """

    def __init__(self, http: str | None = None, https: str | None = None, direct: Sequence[str] = ()) -> None:
        self._http = Proxy.parse(http) if http else None
        self._https = Proxy.parse(https) if https else None
        self._direct = [_Rule(entry.strip()) for entry in direct if entry.strip()]

    @staticmethod
    def from_variables(variables: Mapping[str, str]) -> Proxies:
        """The usual variables (HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY); the lower-case spelling wins."""

        def get(name: str) -> str:
            return variables.get(name.lower()) or variables.get(name) or ""

        every = get("ALL_PROXY")
        return Proxies(get("HTTP_PROXY") or every, get("HTTPS_PROXY") or every, get("NO_PROXY").split(","))

    def route(self, origin: Origin) -> Proxy | None:
        """The proxy for an origin, or None to go there directly."""
        proxy = self._https if origin.scheme == "https" else self._http
        if proxy is None or any(rule.covers(origin) for rule in self._direct):
            return None
        return proxy


class _Rule:
    """One entry of NO_PROXY."""

    __slots__ = ("_name", "_network", "_port")

    def __init__(self, entry: str) -> None:
        self._network: ipaddress.IPv4Network | ipaddress.IPv6Network | None = None
        self._port: int | None = None
        host = entry.lower()
        if host.count(":") == 1 or host.startswith("["):
            head, _, port = host.rpartition(":")
            if port.isdigit():
                host, self._port = head, int(port)
        host = host.strip("[]")
        self._name = host.lstrip(".") if host != "*" else host
        with suppress(ValueError):  # a name
            self._network = ipaddress.ip_network(host, strict=False)

    def covers(self, origin: Origin) -> bool:
        if self._port is not None and self._port != origin.port:
            return False
        if self._name == "*":
            return True
        if self._network is not None:
            try:
                return ipaddress.ip_address(origin.host) in self._network
            except ValueError:
                return False
        return origin.host == self._name or origin.host.endswith("." + self._name)


async def tunnel(sock: socket.socket, origin: Origin, proxy: Proxy) -> None:
    """Ask the proxy on `sock` for a tunnel to `origin`; afterwards the socket speaks to the origin itself.

    Raises ConnectFailed if the proxy refuses, ProtocolViolation if its answer is not one.
    """
    loop = asyncio.get_running_loop()
    target = f"{bracketed(origin.host)}:{origin.port}".encode("ascii")
    request = b"CONNECT %b HTTP/1.1\r\nHost: %b\r\n%b\r\n" % (target, target, proxy.authorization)
    await loop.sock_sendall(sock, request)
    reply = b""
    while b"\r\n\r\n" not in reply:
        data = await loop.sock_recv(sock, 4096)
        if not data:
            raise ConnectFailed("the proxy closed the connection")
        reply += data
        if len(reply) > _REPLY_CAP:
            raise ProtocolViolation("the proxy's answer is too large")
    head, _, rest = reply.partition(b"\r\n\r\n")
    words = head.split(b"\r\n", 1)[0].split(b" ", 2)
    if len(words) < 2 or not words[0].startswith(b"HTTP/1.") or not words[1].isdigit() or len(words[1]) != 3:
        raise ProtocolViolation("the proxy's answer is not HTTP")
    if words[1] == b"407":
        raise ConnectFailed("the proxy asks for other credentials (407)")
    if not words[1].startswith(b"2"):
        raise ConnectFailed(f"the proxy refused the tunnel ({words[1].decode()})")
    if rest:  # the origin cannot have spoken before our TLS hello: these bytes are not its
        raise ProtocolViolation("the proxy sent bytes behind its answer")
