"""A worker's world from its start to its end, whoever tells it what to serve."""

from __future__ import annotations

import socket

import pytest

from llm_gateway.snapshot import NotServable
from llm_gateway.worker.serving import Effective, Serving
from scripted_upstream import ASK
from scripted_upstream import Upstream as Server
from serving import connected, run
from whole_gateway import BEARER, CHAT, chat, config_of, one_provider, request, said

pytestmark = pytest.mark.usefixtures("collector")


def document(tmp_path, url="http://127.0.0.1:1", **server):
    own = {"state": {"dir": str(tmp_path)}, "logging": {"access": "off"}, "server": {"port": 0, "drain": "1s", **server}}
    return config_of({**one_provider(url), **own})


def test_it_serves_on_sockets_that_were_bound_before(tmp_path):
    """What connected before it was there is answered; at the end its socket is closed."""

    async def test() -> None:
        sock = socket.create_server(("127.0.0.1", 0))
        sock.setblocking(False)
        port = sock.getsockname()[1]
        async with Server([ASK, said()]) as server, connected(port) as raw:
            raw.send(request(CHAT, chat()))
            config = document(tmp_path, server.url)
            serving = Serving(config, {})
            assert await serving.begin(Effective(config, {}, {}), [sock]) == port
            assert (await raw.reply())[0] == 200
            await serving.stop()
        with pytest.raises(OSError):
            socket.create_connection(("127.0.0.1", port), 1)

    run(test)


def test_a_swap_that_fails_changes_nothing(tmp_path):
    """A configuration that cannot be served raises, and the one before goes on."""

    async def test() -> None:
        async with Server([ASK, said()]) as server:
            config = document(tmp_path, server.url)
            serving = Serving(config, {})
            port = await serving.begin(Effective(config, {}, {}))
            broken = config_of({"providers": {"sim": {"type": "simulator"}}, "models": {"m": "sim/x"}})
            with pytest.raises(NotServable):
                serving.swap(Effective(broken, {}, {}))
            assert serving.config is config
            async with connected(port) as raw:
                raw.send(request(CHAT, chat()))
                assert (await raw.reply())[0] == 200
            await serving.stop()

    run(test)


def test_exposed_admin_without_control_is_told(tmp_path):
    """expose_admin forwards; where nobody is there to forward to, that is a 503, not a 404."""

    async def test() -> None:
        config = document(tmp_path, expose_admin=True)
        serving = Serving(config, {})
        port = await serving.begin(Effective(config, {}, {}))
        async with connected(port) as raw:
            raw.send(f"GET /admin/circuit-breakers HTTP/1.1\r\nHost: t\r\n{BEARER}\r\n".encode())
            status, _, body = await raw.reply()
            assert (status, b"control_unavailable" in body) == (503, True)
        await serving.stop()

    run(test)
