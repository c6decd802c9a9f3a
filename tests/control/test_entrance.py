"""Who is let in at the operators' port, and as whom."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from llm_gateway.channel.messages import Web
from llm_gateway.config.schema import Config
from llm_gateway.control.app import application
from llm_gateway.control.entrance import Entrance
from llm_gateway.control.web import ask
from llm_gateway.core.errors import GatewayError
from llm_gateway.core.ids import Ids
from whole_gateway import config_of, one_provider

PROXIES = {"access": {"trusted_proxies": ["10.0.0.0/8"]}}


def config(**server: Any) -> Config:
    return config_of({**one_provider("http://127.0.0.1:1"), "server": server})


class Port:
    """The entrance, and what came through it."""

    def __init__(self, said: Config | None) -> None:
        self.refused: list[GatewayError] = []
        self.noted: list[tuple[str, str]] = []
        self.seen: list[Any] = []
        self._entrance = Entrance(self._app, lambda: said, self._refuse, lambda *facts: self.noted.append(facts))

    async def _app(self, scope: Any, _receive: Any, _send: Any) -> None:
        self.seen.append(scope["client"] and scope["client"][0])

    async def _refuse(self, _scope: Any, _receive: Any, _send: Any, error: GatewayError) -> None:
        self.refused.append(error)

    def ask(
        self, peer: str | None, *headers: tuple[bytes, bytes], path: str = "/admin/v1/me", server: Any = ("127.0.0.1", 9090)
    ) -> str | None:
        """The code of the refusal; None: it was let in."""
        client = None if peer is None else (peer, 7)
        scope = {"type": "http", "method": "GET", "path": path, "client": client, "headers": list(headers), "server": server}
        before = len(self.refused)
        asyncio.run(self._entrance(scope, None, None))
        return self.refused[-1].code if len(self.refused) > before else None


@pytest.mark.parametrize(
    ("server", "peer", "said", "wanted"),
    [
        (PROXIES, "10.0.0.1", b"203.0.113.9", "203.0.113.9"),
        (PROXIES, "10.0.0.1", b"6.6.6.6, 203.0.113.9, 10.0.0.2", "203.0.113.9"),
        (PROXIES, "192.0.2.1", b"203.0.113.9", "192.0.2.1"),
        (PROXIES, "10.0.0.1", b"unknown", "10.0.0.1"),
        (PROXIES, "10.0.0.1", b"1.1.1.1," * 600, "10.0.0.1"),
        ({}, "10.0.0.1", b"203.0.113.9", "10.0.0.1"),
        (PROXIES, None, b"203.0.113.9", None),
    ],
    ids=["proxy", "chain", "stranger", "unreadable", "too_long", "nobody_trusted", "socket"],
)
def test_a_trusted_proxy_is_believed_and_nobody_else(server: Any, peer: str | None, said: bytes, wanted: str | None):
    """The first address from behind that is no trusted proxy's; whoever else says something is not heard."""
    port = Port(config(**server))
    assert port.ask(peer, (b"x-forwarded-for", said)) is None
    assert port.seen == [wanted]


def test_several_lines_are_one_and_forwarded_is_read_where_it_is_asked_for():
    """RFC 9110 5.3: fields of one name are joined; of the two headers only the configured one counts."""
    lines = ((b"x-forwarded-for", b"203.0.113.9"), (b"x-forwarded-for", b"10.0.0.3"))
    port = Port(config(**PROXIES))
    port.ask("10.0.0.1", *lines)
    standard = Port(config(access={"trusted_proxies": ["10.0.0.0/8"], "header": "Forwarded"}))
    standard.ask("10.0.0.1", *lines)
    standard.ask("10.0.0.1", (b"forwarded", b'for="[2001:db8::1]:4";proto=https'))
    assert [*port.seen, *standard.seen] == ["203.0.113.9", "10.0.0.1", "2001:db8::1"]


@pytest.mark.parametrize("path", ["/admin/v1/keys", "/metrics", "/health/live"])
def test_the_main_ports_networks_hold_here_unless_there_are_others(path: str):
    """`server.access` guards both ports; `server.admin.access` takes its place on this one, whole. A scraper has to be in it, too."""
    main = Port(config(access={"allow": ["10.0.0.0/8"], "deny": ["10.9.0.0/16"]}))
    assert [main.ask(peer, path=path) for peer in ("10.1.1.1", "10.9.0.1", "192.0.2.1")] == [
        None,
        "address_not_allowed",
        "address_not_allowed",
    ]
    own = Port(config(access={"allow": ["10.0.0.0/8"]}, admin={"access": {"allow": ["192.0.2.0/24"]}}))
    assert [own.ask(peer, path=path) for peer in ("10.1.1.1", "192.0.2.1")] == ["address_not_allowed", None]
    assert own.noted == [("10.1.1.1", "address_not_allowed")]


def test_who_comes_through_a_trusted_proxy_is_judged_himself():
    """Not the proxy."""
    port = Port(config(admin={"access": {"trusted_proxies": ["127.0.0.1"], "deny": ["203.0.113.9"]}}))
    assert port.ask("127.0.0.1", (b"x-forwarded-for", b"203.0.113.9")) == "address_not_allowed"
    assert port.ask("127.0.0.1", (b"x-forwarded-for", b"203.0.113.8")) is None


@pytest.mark.parametrize(
    ("host", "main", "own"),
    [
        (b"api.example.com:9090", None, "invalid_host"),
        (b"ops.example.com", "invalid_host", None),
        (b"evil.example", "invalid_host", "invalid_host"),
        (b"10.1.2.3:9090", None, None),
        (b"[::1]:9090", None, None),
        (b"localhost:9090", None, None),
        (b"10.1.2.3.evil.example", "invalid_host", "invalid_host"),
        (b"", "invalid_host", "invalid_host"),
    ],
)
def test_a_name_that_was_made_to_point_here_reaches_nothing(host: bytes, main: str | None, own: str | None):
    """DNS rebinding comes with a name. A probe or a scraper comes with the pod's address, which nobody can make point elsewhere."""
    assert Port(config(allowed_hosts=["api.example.com"])).ask("10.0.0.1", (b"host", host)) == main
    there = config(allowed_hosts=["api.example.com"], admin={"allowed_hosts": ["ops.example.com"]})
    assert Port(there).ask("10.0.0.1", (b"host", host)) == own


def test_the_consoles_own_name_is_good_and_two_names_are_none():
    """auth.admin.url is where people come; of two Host headers nobody knows which one counts."""
    document = {**one_provider("http://127.0.0.1:1"), "server": {"admin": {"allowed_hosts": []}}}
    port = Port(config_of({**document, "auth": {"admin": {"url": "https://console.example.com"}}}))
    assert port.ask("10.0.0.1", (b"host", b"console.example.com")) is None
    assert port.ask("10.0.0.1", (b"host", b"console.example.com"), (b"host", b"evil.example")) == "invalid_host"


def test_what_a_worker_passes_on_is_judged_by_the_address_it_found():
    """`expose_admin` is no way round server.admin.access; the Host was the main port's matter, and headers were read there."""
    port = Port(
        config(admin={"access": {"allow": ["192.0.2.0/24"], "trusted_proxies": ["192.0.2.0/24"]}, "allowed_hosts": ["x.example"]})
    )
    said = (b"host", b"api.example.com"), (b"x-forwarded-for", b"10.0.0.1")
    assert port.ask("192.0.2.1", *said, server=None) is None
    assert port.seen == ["192.0.2.1"]
    assert port.ask("10.0.0.1", (b"x-forwarded-for", b"192.0.2.1"), server=None) == "address_not_allowed"


def test_until_something_is_known_there_is_health_alone():
    """A list that was not read yet keeps nobody out."""
    port = Port(None)
    assert port.ask("10.0.0.1", path="/health/live") is None
    assert port.ask("10.0.0.1", path="/metrics") == "starting"


def test_the_refusal_is_told_before_anybody_asks_for_a_key():
    """In the words of the data plane, with the headers of every answer; behind it nothing runs."""
    said = config(access={"allow": ["10.0.0.0/8"]})
    app = application([], Ids(lambda: 1.0), print, config=lambda: said)
    answer = asyncio.run(ask(app, Web("GET", b"/admin/v1/keys", peer="192.0.2.1")))
    assert answer.status == 403
    assert b'"address_not_allowed"' in answer.body
    assert (b"x-content-type-options", b"nosniff") in answer.headers
