"""The life of a simulator inside an event loop."""

from __future__ import annotations

import asyncio

import pytest

from llm_gateway.simulator import Simulator, SimulatorOptions, refused_port
from simulator.support import CHAT, chat, post

pytestmark = pytest.mark.anyio


async def ask(simulator, fault=""):
    reader, writer = await asyncio.open_connection(simulator.host, simulator.port)
    try:
        writer.write(post(fault + CHAT, chat()))
        return await reader.read()
    finally:
        writer.close()
        await writer.wait_closed()


async def test_start_and_stop():
    """It listens where its URL says, keeps a log as objects, and is gone after stop."""
    simulator = await Simulator.start(SimulatorOptions(seed=1))
    assert simulator.url == f"http://127.0.0.1:{simulator.port}"
    assert (await ask(simulator)).startswith(b"HTTP/1.1 200 OK")
    assert [seen.path for seen in simulator.log] == [CHAT]
    assert simulator.log[-1] is simulator.requests[0]
    await simulator.stop()
    with pytest.raises(ConnectionRefusedError):
        await ask(simulator)


async def test_refuse_and_accept():
    """The listener can be taken down and put up again on the same port."""
    simulator = await Simulator.start()
    port = simulator.port
    simulator.refuse()
    with pytest.raises(ConnectionRefusedError):
        await ask(simulator)
    await simulator.accept()
    assert simulator.port == port
    assert (await ask(simulator)).startswith(b"HTTP/1.1 200 OK")
    await simulator.stop()


async def test_stop_ends_running_answers():
    """stop does not wait for an answer that stalls, and leaves no connection."""
    simulator = await Simulator.start()
    asked = asyncio.ensure_future(ask(simulator, "/f/stall:after=10,secs=60"))
    await asyncio.sleep(0.1)
    assert len(simulator.log) == 1
    await asyncio.wait_for(simulator.stop(), 2)
    assert len((await asked).partition(b"\r\n\r\n")[2]) == 10
    assert not simulator.connections


async def test_stop_while_refusing():
    """A listener that was to come back does not after stop."""
    simulator = await Simulator.start()
    with pytest.raises(ConnectionResetError):
        await ask(simulator, "/f/refuse:secs=0.05")
    await simulator.stop()
    await asyncio.sleep(0.1)
    with pytest.raises(ConnectionRefusedError):
        await ask(simulator)


async def test_refused_port():
    """A reserved port refuses every connect."""
    port, holder = refused_port()
    with holder, pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)
