"""The door: from where a request comes, and whether one from there is taken at all. Asked before anything else.

It sets `request.peer` to the client's address where a trusted proxy tells it, and `request.client_cert` where one tells
that; what others say about either is not believed. Where nothing of it is configured, there is no door (`door_of` gives None).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

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
    ) -> None:
        """`certificates`: whether trusted proxies are believed about client certificates."""
        self._allow = allow
        self._deny = deny
        self._trusted = trusted
        self._header = header.lower().encode("ascii")
        self._standard = header == "Forwarded"
        self._hosts = hosts
        self._certificates = certificates
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
        if self._hosts is not None and not self._hosts.allows(headers.get(b"host", b"")):
            raise InvalidRequest("This host name is not served here.", code="invalid_host")
        if not headers.keys().isdisjoint(_TOLD):
            self._told(request, trusted=trusted)

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


def door_of(server: Server, *, certificates: bool = False) -> Door | None:
    """None: everyone is let in, and nobody's word about others counts."""
    access = server.access
    hosts = Hosts(server.allowed_hosts) if server.allowed_hosts is not None else None
    allow = None if access.allow is None else Networks(access.allow)
    deny, trusted = Networks(access.deny), Networks(access.trusted_proxies)
    if allow is None and not deny and not trusted and hosts is None:
        return None
    return Door(allow, deny, trusted, access.header, hosts, certificates=certificates)
