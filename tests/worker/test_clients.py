"""The HTTP clients that a configuration needs."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from llm_gateway.http.client import Origin, Timeouts
from llm_gateway.snapshot import NotServable
from llm_gateway.worker import clients as module
from llm_gateway.worker.clients import Clients
from scripted_upstream import ASK
from scripted_upstream import Upstream as Server
from serving import run, until
from whole_gateway import config_of, said

OTHER = {"type": "openai_compatible", "base_url": "http://127.0.0.1:1"}


def document(network: dict[str, Any] | None = None, **providers: dict[str, Any]) -> dict[str, Any]:
    return {"network": network or {}, "providers": {name: {**OTHER, **options} for name, options in providers.items()}}


def made(
    before: Clients, network: dict[str, Any] | None = None, environ: dict[str, str] | None = None, **providers: Any
) -> Clients:
    return before.beside(config_of(document(network, **providers)), environ or {})


def test_providers_share_a_client_unless_they_differ():
    """Its own proxy, TLS or connection limit makes an own one; a disabled provider needs none."""
    found = made(
        Clients({}),
        plain={},
        proxied={"proxy": "http://127.0.0.1:9"},
        unsafe={"tls": {"insecure": True}},
        small={"max_connections": 1},
        off={"max_connections": 1, "enabled": False},
    )
    assert set(found.by_name) == {"", "proxied", "unsafe", "small"}
    assert len(set(map(id, found.by_name.values()))) == 4


def test_equal_settings_keep_the_client():
    """A reload keeps warm connections where nothing about them changed."""
    first = made(Clients({}), a={"max_connections": 5}, b={})
    again = made(first, a={"max_connections": 5, "api_key": "sk-other-key-0123"}, c={})
    assert again.by_name["a"] is first.by_name["a"]
    assert again.by_name[""] is first.by_name[""]
    changed = made(first, a={"max_connections": 6})
    assert changed.by_name["a"] is not first.by_name["a"]
    assert changed.by_name[""] is first.by_name[""]
    assert made(first, {"dns_ttl": "1s"}).by_name[""] is not first.by_name[""]
    assert made(first, environ={"https_proxy": "http://127.0.0.1:9"}).by_name[""] is not first.by_name[""]


def test_a_certificate_that_cannot_be_read_names_its_provider():
    """Before anything is swapped."""
    with pytest.raises(NotServable, match=r"providers\.a"):
        made(Clients({}), a={"tls": {"ca_file": "/nowhere.pem"}})
    with pytest.raises(NotServable, match="network"):
        made(Clients({}), {"ca_file": "/nowhere.pem"})


async def ask(clients: Clients, port: int) -> bytes:
    response = await clients.by_name[""].send(Origin("http", "127.0.0.1", port), b"POST", b"/", b"", b"", Timeouts())
    return await response.read()


def test_a_client_is_retired_when_its_last_answer_is_there(monkeypatch):
    """C31: what runs on the old client finishes; then it is closed. One that stays in use is not touched."""
    monkeypatch.setattr(module, "RETIRE_SECONDS", 0.02)

    async def test() -> None:
        async with Server([ASK, 0.1, said()]) as server:
            old = made(Clients({}))
            running = asyncio.ensure_future(ask(old, server.port))
            await until(lambda: len(server.requests) == 1)
            new = made(old, {"dns_ttl": "1s"})
            await old.retire(keeping=new)
            assert b"hello" in await running
            await server.until_left(1)
            await old.retire(keeping=old)
            await new.close()

    run(test)


def test_a_gateway_that_ends_does_not_wait_for_them(monkeypatch):
    """Cancelling the retirement closes what is left."""

    async def test() -> None:
        async with Server([ASK]) as server:
            old = made(Clients({}))
            running = asyncio.ensure_future(ask(old, server.port))
            await until(lambda: len(server.requests) == 1)
            new = made(old, {"dns_ttl": "1s"})
            retiring = asyncio.ensure_future(old.retire(keeping=new))
            await asyncio.sleep(0)
            retiring.cancel()
            await asyncio.wait([retiring, running])
            await server.until_left(1)
            assert running.exception() is not None
            await new.close()

    run(test)
