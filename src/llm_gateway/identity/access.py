"""The door: from where a request comes, and whether one from there is taken at all. Asked before anything else.

It sets `request.peer` to the client's address where a trusted proxy tells it, and `request.client_cert` where one tells
that; what others say about either is not believed. Where nothing of it is configured, there is no door (`door_of` gives None).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from llm_gateway.config.schema import Server
from llm_gateway.core.errors import Forbidden, InvalidRequest
from llm_gateway.http.request import Request
from llm_gateway.identity.certificate import told_certificate
from llm_gateway.identity.forwarded import client_of
from llm_gateway.identity.networks import Networks, address_of

_MOST_REMEMBERED = 4096
_LONGEST_REMEMBERED = 256
_LONGEST_HEADER = 4096
_MOST_CERTIFICATES = 256
HEALTH = b"/health"
_TOLD = (b"x-ssl-client-cert", b"x-ssl-client-dn", b"x-ssl-client-verify")

Verdict = tuple[str, bool, bool]
"""The client's address, whether it is let in, whether the connection's other end is a trusted proxy."""


class Hosts:
    """Names under which the gateway may be called: exact ones, and `*.example.com` for all below one."""

    def __init__(self, names: tuple[str, ...]) -> None:
        lowered = [name.lower().rstrip(".") for name in names]
        self._exact = frozenset(name for name in lowered if not name.startswith("*."))
        self._below = tuple(name[1:] for name in lowered if name.startswith("*."))
        self._everyone = "*" in self._exact

    def allows(self, host: bytes) -> bool:
        """`host`: a Host header, which may have a port."""
        if self._everyone:
            return True
        text = host.decode("latin-1").lower()
        name = text[: text.find("]") + 1] if text.startswith("[") else text.partition(":")[0]
        name = name.rstrip(".")
        return name in self._exact or (bool(self._below) and name.endswith(self._below))


def is_address(host: bytes) -> bool:
    """Whether a Host header is an address, or localhost: nobody can make these point elsewhere, as he can his own name."""
    text = host.decode("latin-1").lower()
    name = text[1 : text.find("]")] if text.startswith("[") else text.partition(":")[0]
    return name == "localhost" or address_of(name) is not None


class Door:
    """One per configuration. Costs a dictionary look-up for a connection from where requests came before."""

    def __init__(
        self,
        allow: Networks | None,
        deny: Networks,
        trusted: Networks,
        header: str = "X-Forwarded-For",
        hosts: Hosts | None = None,
        *,
        certificates: bool = False,
        by_address: bool = False,
    ) -> None:
        """`certificates`: whether trusted proxies are believed about client certificates; `by_address`: whether a Host that is an
        address is good for every path. For those of HEALTH it always is: that is how a kubelet asks.
        """
        self._allow = allow
        self._deny = deny
        self._trusted = trusted
        self._header = header.lower().encode("ascii")
        self._standard = header == "Forwarded"
        self._hosts = hosts
        self._certificates = certificates
        self._by_address = by_address
        self._remembered: dict[tuple[str, bytes | None], Verdict] = {}
        self._read = lru_cache(maxsize=_MOST_CERTIFICATES)(told_certificate)

    def __call__(self, request: Request) -> None:
        """Raises Forbidden (address_not_allowed) and InvalidRequest (invalid_host)."""
        headers = request.headers
        said = headers.get(self._header)
        verdict = self._remembered.get((request.peer, said)) or self._judge(request.peer, said)
        request.peer, welcome, trusted = verdict
        if not welcome:
            raise Forbidden("Requests from this address are not accepted here.", code="address_not_allowed")
        if self._hosts is not None and not self._served(headers.get(b"host", b""), request.path):
            raise InvalidRequest("This host name is not served here.", code="invalid_host")
        if not headers.keys().isdisjoint(_TOLD):
            self._told(request, trusted=trusted)

    def _served(self, host: bytes, path: bytes) -> bool:
        assert self._hosts is not None  # noqa: S101 - the caller looked
        if self._hosts.allows(host):
            return True
        return (self._by_address or path.startswith(HEALTH)) and is_address(host)

    def _judge(self, peer: str, said: bytes | None) -> Verdict:
        address = address_of(peer)
        trusted = address is not None and address in self._trusted
        if trusted and address is not None and said is not None and len(said) <= _LONGEST_HEADER:
            address = client_of(address, said.decode("latin-1"), self._trusted, standard=self._standard)
        if address is None:  # a Unix socket: no address to judge by
            verdict = (peer, self._allow is None, trusted)
        else:
            welcome = address not in self._deny and (self._allow is None or address in self._allow)
            verdict = (str(address), welcome, trusted)
        if said is None or len(said) <= _LONGEST_REMEMBERED:
            if len(self._remembered) >= _MOST_REMEMBERED:
                self._remembered.clear()
            self._remembered[peer, said] = verdict
        return verdict

    def _told(self, request: Request, *, trusted: bool) -> None:
        """What a proxy says of the client's certificate counts in place of its own; nobody else is believed, or passed on."""
        headers = request.headers
        told = {name: headers.pop(name) for name in _TOLD if name in headers}
        if trusted and self._certificates:
            request.client_cert = self._certificate(told)

    def _certificate(self, told: Mapping[bytes, bytes]) -> dict[str, Any] | None:
        verified = told.get(b"x-ssl-client-verify")
        if verified is not None and verified.strip().upper() != b"SUCCESS":
            return None
        return self._read(told.get(b"x-ssl-client-cert", b""), told.get(b"x-ssl-client-dn", b""))


def admin_doors(server: Server, url: str | None) -> tuple[Door, Door]:
    """The operators' port: `server.admin.access` and `server.admin.allowed_hosts`, each as for the main port where it is absent.

    The second one is for what a worker passes on from the main port: there the client's address is known already, and the Host
    was looked at. `url`: of the console, whose own name is always good.
    """
    admin = server.admin
    access = server.access if admin is None or admin.access is None else admin.access
    names = server.allowed_hosts if admin is None or admin.allowed_hosts is None else admin.allowed_hosts
    hosts = None if names is None else Hosts((*names, *_name_in(url)))
    allow = None if access.allow is None else Networks(access.allow)
    deny = Networks(access.deny)
    direct = Door(allow, deny, Networks(access.trusted_proxies), access.header, hosts, by_address=True)
    return direct, Door(allow, deny, Networks(()))


def _name_in(url: str | None) -> tuple[str, ...]:
    name = urlsplit(url or "").hostname
    return () if not name else (name,)


def door_of(server: Server, *, certificates: bool = False) -> Door | None:
    """None: everyone is let in, and nobody's word about others counts."""
    access = server.access
    hosts = Hosts(server.allowed_hosts) if server.allowed_hosts is not None else None
    allow = None if access.allow is None else Networks(access.allow)
    deny, trusted = Networks(access.deny), Networks(access.trusted_proxies)
    if allow is None and not deny and not trusted and hosts is None:
        return None
    return Door(allow, deny, trusted, access.header, hosts, certificates=certificates)
