"""eyeballs: the first address that answers wins, the dead ones cost little."""

from __future__ import annotations

import asyncio
import socket

import pytest

from llm_gateway.http import eyeballs
from llm_gateway.http.eyeballs import connect
from llm_gateway.http.resolver import Address
from scripted_upstream import Upstream

pytestmark = pytest.mark.anyio


def at(port: int, host: str = "127.0.0.1") -> Address:
    return Address(socket.AF_INET, (host, port))


@pytest.fixture
def full():
    """A port whose backlog is full: connecting to it hangs, as it does to a dead host."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(0)
    port = listener.getsockname()[1]
    held = []
    for _ in range(4):
        sock = socket.socket()
        sock.setblocking(False)
        sock.connect_ex(("127.0.0.1", port))
        held.append(sock)
    yield at(port)
    for sock in [listener, *held]:
        sock.close()


async def test_a_refused_address_is_passed_over_at_once():
    """A failure starts the next attempt without waiting for the stagger."""
    async with Upstream([]) as gone:
        dead = at(gone.port)
    async with Upstream([]) as upstream:
        begun = asyncio.get_running_loop().time()
        sock = await connect([dead, at(upstream.port)], stagger=15.0)
        assert sock.getpeername()[1] == upstream.port
        assert asyncio.get_running_loop().time() - begun < 10
        sock.close()


async def test_a_silent_address_costs_one_stagger(full):
    """RFC 8305 section 5: the next attempt begins while the first still hangs, and the loser is closed."""
    async with Upstream([]) as upstream:
        begun = asyncio.get_running_loop().time()
        sock = await connect([full, at(upstream.port)], stagger=0.05)
        assert sock.getpeername()[1] == upstream.port
        assert 0.04 < asyncio.get_running_loop().time() - begun < 10  # the first one would hang for longer
        sock.close()
        await asyncio.sleep(0.02)  # the loser's task ends; an open socket would be a ResourceWarning


async def test_all_refused():
    """The last failure is what the caller sees."""
    async with Upstream([]) as gone:
        port = gone.port
    with pytest.raises(ConnectionRefusedError):
        await connect([at(port), at(port)])


async def test_cancelling_closes_every_attempt(full):
    """Nothing is left open when the caller gives up."""
    task = asyncio.ensure_future(connect([full, full], stagger=0.01))
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.sleep(0.02)


async def test_the_socket_is_tuned():
    """Small writes are not delayed (TCP_NODELAY), long silences are probed (keep-alive)."""
    async with Upstream([]) as upstream:
        sock = await eyeballs.connect([at(upstream.port)])
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        sock.close()
