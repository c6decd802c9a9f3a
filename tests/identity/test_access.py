"""The door."""

from __future__ import annotations

import timeit
from typing import Any
from urllib.parse import quote

import pytest
import trustme

from llm_gateway.config.schema import Access, Server
from llm_gateway.core.errors import Forbidden, InvalidRequest
from llm_gateway.http.request import Request
from llm_gateway.identity.access import Door, Hosts, door_of
from serving import connected, run
from whole_gateway import CHAT, KEY, one_provider


def asked(peer: str = "10.0.0.1", cert: dict[str, Any] | None = None, **headers: str) -> Request:
    named = {name.replace("_", "-").encode(): value.encode() for name, value in headers.items()}
    return Request(b"POST", b"/v1/chat/completions", b"", named, peer, 0.0, cert)


def door(certificates: bool = False, hosts: tuple[str, ...] | None = None, **access: Any) -> Door:
    made = door_of(Server(access=Access(**access), allowed_hosts=hosts), certificates=certificates)
    assert made is not None
    return made


def test_there_is_no_door_where_nothing_is_configured():
    """Who asks for nothing pays nothing."""
    assert door_of(Server()) is None


@pytest.mark.parametrize(
    ("access", "peer", "welcome"),
    [
        ({"allow": ("10.0.0.0/8",)}, "10.1.1.1", True),
        ({"allow": ("10.0.0.0/8",)}, "11.1.1.1", False),
        ({"allow": ("10.0.0.0/8",)}, "::ffff:10.1.1.1", True),
        ({"allow": ("10.0.0.0/8",), "deny": ("10.1.0.0/16",)}, "10.1.1.1", False),
        ({"deny": ("2001:db8::/32",)}, "2001:db8::1", False),
        ({"deny": ("2001:db8::/32",)}, "10.1.1.1", True),
        ({"allow": ()}, "10.1.1.1", False),
        ({"allow": ("10.0.0.0/8",)}, "", False),
        ({"deny": ("10.0.0.0/8",)}, "", True),
    ],
)
def test_who_is_let_in(access, peer, welcome):
    """Deny goes before allow; an allow list lets in nobody else; the second request is judged like the first."""
    made = door(**access)
    for _ in range(2):
        if welcome:
            made(asked(peer))
        else:
            with pytest.raises(Forbidden, match="this address") as caught:
                made(asked(peer))
            assert caught.value.code == "address_not_allowed"


def test_the_client_behind_a_trusted_proxy_is_the_peer():
    """Limits, logs and lists see the client; who is no proxy cannot say that he is somebody else."""
    made = door(trusted_proxies=("10.0.0.0/8",), deny=("203.0.113.0/24",))
    behind = asked("10.0.0.1", x_forwarded_for="198.51.100.7")
    made(behind)
    assert behind.peer == "198.51.100.7"
    liar = asked("198.51.100.9", x_forwarded_for="10.0.0.1", forwarded="for=10.0.0.1")
    made(liar)
    assert liar.peer == "198.51.100.9"
    with pytest.raises(Forbidden):
        made(asked("10.0.0.1", x_forwarded_for="203.0.113.5"))
    with pytest.raises(Forbidden):
        made(asked("203.0.113.5", x_forwarded_for="198.51.100.7"))


def test_only_the_configured_header_is_read():
    """The other one may be the client's own."""
    made = door(trusted_proxies=("10.0.0.0/8",), header="Forwarded")
    request = asked("10.0.0.1", x_forwarded_for="1.1.1.1", forwarded="for=198.51.100.7")
    made(request)
    assert request.peer == "198.51.100.7"


def test_what_is_remembered_is_bounded():
    """A stranger who invents addresses does not fill the memory, and neither does a long header."""
    made = door(trusted_proxies=("10.0.0.0/8",))
    for number in range(10_000):
        made(asked("10.0.0.1", x_forwarded_for=f"198.51.{number // 250}.{number % 250}"))
    made(asked("10.0.0.1", x_forwarded_for="1.1.1.1, " * 400 + "198.51.100.7"))
    assert len(made._remembered) <= 4096
    assert all(said is None or len(said) <= 256 for _, said in made._remembered)


CA = trustme.CA()
LEAF = CA.issue_cert("web.example.com", common_name="web", organization_name="acme")
PEM = LEAF.cert_chain_pems[0].bytes().decode()


@pytest.mark.parametrize("told", [quote(PEM), PEM.replace("\n", "\t"), "".join(PEM.split("\n")[1:-2])])
def test_a_trusted_proxy_tells_the_clients_certificate(told):
    """Percent-encoded, on one line, or its base64 alone: it takes the place of the proxy's own, and the headers are gone."""
    made = door(certificates=True, trusted_proxies=("10.0.0.0/8",))
    request = asked("10.0.0.1", {"subject": ()}, x_ssl_client_cert=told, x_ssl_client_verify="SUCCESS")
    made(request)
    assert request.client_cert is not None
    assert ("commonName", "web") in [part for rdn in request.client_cert["subject"] for part in rdn]
    assert ("DNS", "web.example.com") in request.client_cert["subjectAltName"]
    assert not any(name.startswith(b"x-ssl") for name in request.headers)


@pytest.mark.parametrize(
    ("peer", "certificates", "headers"),
    [
        ("198.51.100.9", True, {"x_ssl_client_dn": "CN=web"}),
        ("10.0.0.1", False, {"x_ssl_client_dn": "CN=web"}),
    ],
)
def test_nobody_else_is_believed(peer, certificates, headers):
    """Such headers of others are taken away, and what the connection itself showed stays."""
    shown = {"subject": ((("commonName", "own"),),)}
    request = asked(peer, shown, **headers)
    door(certificates=certificates, trusted_proxies=("10.0.0.0/8",))(request)
    assert request.client_cert is shown
    assert request.headers == {}


@pytest.mark.parametrize(
    "headers",
    [
        {"x_ssl_client_dn": "CN=web", "x_ssl_client_verify": "NONE"},
        {"x_ssl_client_dn": "CN=web", "x_ssl_client_verify": "FAILED:expired"},
        {"x_ssl_client_cert": "garbage", "x_ssl_client_dn": "CN=web"},
        {"x_ssl_client_dn": "garbage"},
    ],
)
def test_what_the_proxy_did_not_verify_is_nobody(headers):
    """A proxy that says so, or tells something that cannot be read, has told no certificate."""
    request = asked("10.0.0.1", {"subject": ()}, **headers)
    door(certificates=True, trusted_proxies=("10.0.0.0/8",))(request)
    assert request.client_cert is None


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("api.example.com", True),
        ("API.example.com:8443", True),
        ("api.example.com.", True),
        ("x.internal.example", True),
        ("internal.example", False),
        ("evilinternal.example", False),
        ("evil.example", False),
        ("[::1]:8080", True),
        ("", False),
    ],
)
def test_host_names(host, allowed):
    """Exact names, names below one, in any case, with and without a port."""
    assert Hosts(("api.example.com", "*.internal.example", "[::1]")).allows(host.encode()) is allowed
    assert Hosts(("*",)).allows(host.encode())


def test_another_host_name_is_refused():
    """A page of somebody else whose name was made to point here (DNS rebinding) gets nothing."""
    with pytest.raises(InvalidRequest) as caught:
        door(hosts=("api.example.com",))(asked(host="evil.example"))
    assert caught.value.code == "invalid_host"


@pytest.mark.parametrize("host", ["10.1.2.3:8080", "[2001:db8::1]:8080", "localhost"])
def test_a_probe_that_comes_by_address_is_answered_and_nothing_else_is(host: str):
    """A kubelet asks the pod's address for its health, and knows no name of it."""
    made, probe = door(hosts=("api.example.com",)), asked(host=host)
    probe.path = b"/health/ready"
    made(probe)
    with pytest.raises(InvalidRequest):
        made(asked(host=host))
    probe.headers[b"host"] = b"10.1.2.3.evil.example"
    with pytest.raises(InvalidRequest):
        made(probe)
    door(hosts=("api.example.com",))(asked(host="api.example.com"))


def test_it_costs_less_than_two_microseconds():
    """A request from where one came before is judged by one look-up (about 0.5 us on a free machine)."""
    made = door(trusted_proxies=("10.0.0.0/8",), allow=("0.0.0.0/0",))
    request = asked("10.0.0.1", x_forwarded_for="198.51.100.7")

    def once() -> None:
        request.peer = "10.0.0.1"
        made(request)

    assert min(timeit.repeat(once, number=1000, repeat=20)) / 1000 < 2e-6


def test_the_whole_gateway_has_a_door():
    """A request from an address that is not allowed is refused in its own dialect before its key is looked at."""
    from whole_gateway import whole_gateway

    async def main() -> None:
        config = {**one_provider("http://127.0.0.1:1"), "server": {"access": {"deny": ["127.0.0.0/8"]}}}
        async with whole_gateway(config) as gateway, connected(gateway.port) as raw:
            raw.send(f"POST {CHAT} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\nContent-Length: 2\r\n\r\n{{}}".encode())
            status, _, body = await raw.reply()
            assert status == 403
            assert b"address_not_allowed" in body

    run(main)
