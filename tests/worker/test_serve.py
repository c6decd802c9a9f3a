"""A gateway from its start to its end."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from llm_gateway.config.errors import ConfigErrors, Problem, Where
from llm_gateway.snapshot import NotServable
from llm_gateway.worker.serve import Gateway, Running
from scripted_upstream import ASK
from scripted_upstream import Upstream as Server
from serving import connected, run, until
from whole_gateway import CHAT, DONE, KEY, LAST, SSE_HEAD, chat, chunk, config_of, one_provider, piece, request, said

pytestmark = pytest.mark.usefixtures("collector")


class World:
    """A gateway and the configuration that it reads on a reload."""

    def __init__(self, folder: Path, document: dict[str, Any]) -> None:
        self.folder = folder
        self.document = document
        self.fails: Exception | None = None
        self.gateway = Gateway(self.load(), self.load, {})
        self.running: Running

    def load(self):
        if self.fails is not None:
            raise self.fails
        server = {"port": 0, "drain": "2s", **self.document.get("server", {})}
        own = {"state": {"dir": str(self.folder)}, "logging": {"access": str(self.folder / "access")}, "server": server}
        return config_of({**self.document, **own})

    async def reload(self) -> None:
        self.gateway._reload_soon()
        await until(lambda: self.gateway._reloading is None)

    async def ask(self, model: str = "m", *, stream: bool = False) -> tuple[int, bytes]:
        async with connected(self.running.port) as raw:
            raw.send(request(CHAT, chat(model, stream=stream)))
            status, _, body = await raw.reply()
            return status, body

    def access(self) -> list[dict[str, Any]]:
        return [msgspec.json.decode(line) for line in (self.folder / "access").read_bytes().splitlines()]


@asynccontextmanager
async def served(folder: Path, document: dict[str, Any]) -> AsyncIterator[World]:
    world = World(folder, document)
    world.running = await world.gateway.start()
    try:
        yield world
    finally:
        await world.gateway.stop()


def test_it_serves_and_ends(tmp_path):
    """Requests are answered, and when it has ended the access log is complete."""

    async def test() -> None:
        async with Server([ASK, said()]) as server:
            async with served(tmp_path, one_provider(server.url)) as world:
                assert (await world.ask())[0] == 200
                assert (await world.ask("none"))[0] == 404
            assert [line["status"] for line in world.access()] == [200, 404]

    run(test)


def test_the_load_of_a_provider_is_read_while_the_configuration_wants_it(tmp_path):
    """From the start, over a reload, and no longer when the key is gone."""

    async def test() -> None:
        metrics = b"vllm:num_requests_running 2\nvllm:num_requests_waiting 1\n"
        page = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%b" % (len(metrics), metrics)
        async with Server([ASK, page] * 50) as server:
            document = one_provider(f"{server.url}/v1", kind="vllm")
            document["providers"]["a"]["load_every"] = "200ms"
            async with served(tmp_path, document) as world:
                load = world.gateway._health.load
                await until(lambda: load("a") is not None)
                assert load("a")[:3] == (2, 1, None)
                del document["providers"]["a"]["load_every"]
                await world.reload()
                assert load("a") is None
            assert server.requests[0][1].startswith(b"GET /metrics HTTP/1.1\r\n")

    run(test)


def test_sigterm_ends_it(tmp_path):
    """`run` returns after the signal, everything closed."""

    async def test() -> None:
        world = World(tmp_path, one_provider("http://127.0.0.1:1"))
        await world.gateway.start()
        asyncio.get_running_loop().call_later(0.02, signal.raise_signal, signal.SIGTERM)
        await world.gateway.run()

    run(test)


def test_a_drain_lets_streams_finish(tmp_path):
    """C30: not ready any more, no new connections, and the stream in flight is complete."""

    async def test() -> None:
        script = [ASK, SSE_HEAD, chunk(piece("a")), 0.2, chunk(piece(finish="stop"), DONE), LAST]
        async with Server(script) as server:
            async with served(tmp_path, one_provider(server.url)) as world, connected(world.running.port) as raw:
                raw.send(request(CHAT, chat(stream=True)))
                got = await raw.reader.readuntil(b'"a"')
                stopping = asyncio.ensure_future(world.gateway.stop())
                await asyncio.sleep(0.02)
                assert world.gateway._health.draining
                with pytest.raises(OSError):
                    await asyncio.open_connection("127.0.0.1", world.running.port)
                got += await raw.rest()
                await stopping
                assert got.endswith(DONE + b"\r\n" + LAST)
            assert [line["outcome"] for line in world.access()] == ["completed"]

    run(test)


def test_a_reload_takes_effect(tmp_path):
    """C31: the next request meets the new configuration, on the connection that is open already."""

    async def test() -> None:
        async with Server([ASK, said(), ASK, said()]) as server, served(tmp_path, one_provider(server.url)) as world:
            async with connected(world.running.port) as raw:
                raw.send(request(CHAT, chat()))
                assert (await raw.reply())[0] == 200
                world.document = {**world.document, "models": {"other": "a/real"}}
                await world.reload()
                raw.send(request(CHAT, chat()))
                assert (await raw.reply())[0] == 404
                raw.send(request(CHAT, chat("other")))
                assert (await raw.reply())[0] == 200
            assert server.connections == 1

    run(test)


@pytest.mark.parametrize(
    "error", [ConfigErrors([Problem(Where("f"), "models", "bad")]), NotServable("bad"), OSError("gone"), RuntimeError("bug")]
)
def test_a_reload_that_fails_changes_nothing(tmp_path, error):
    """A bad configuration, a missing file or even a bug: what is there goes on serving, and the next reload is tried."""

    async def test() -> None:
        async with Server([ASK, said(), ASK, said()]) as server, served(tmp_path, one_provider(server.url)) as world:
            world.fails = error
            await world.reload()
            assert (await world.ask())[0] == 200
            world.fails = None
            world.document = {**world.document, "models": {"other": "a/real"}}
            await world.reload()
            assert (await world.ask("other"))[0] == 200

    run(test)


def test_a_managed_provider_outlives_a_reload_that_fails(tmp_path):
    """Nothing the old world needs is ended before the new one serves."""

    async def test() -> None:
        document = {
            "providers": {"sim": {"type": "simulator"}},
            "models": {"m": "sim/gpt"},
            "auth": {"keys": [{"name": "t", "key": KEY}]},
        }
        async with served(tmp_path, document) as world:
            assert (await world.ask())[0] == 200
            bad = {
                **document,
                "providers": {
                    "other": {"type": "openai_compatible", "base_url": "http://127.0.0.1:1", "tls": {"ca_file": "/no"}}
                },
            }
            world.document = {**bad, "models": {"m": "other/gpt"}}
            await world.reload()
            assert (await world.ask())[0] == 200
            (child,) = world.gateway._managed._children.values()
            pid = child.pid
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)

    run(test)


def test_an_address_in_use_leaves_nothing_behind(tmp_path):
    """The start fails as a whole, and everything that was opened is closed again."""

    async def test() -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            document = {**one_provider("http://127.0.0.1:1"), "server": {"port": taken.getsockname()[1]}}
            world = World(tmp_path, document)
            with pytest.raises(OSError):
                await world.gateway.start()
            await world.gateway.abandon()

    run(test)
