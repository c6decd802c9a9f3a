"""What goes wrong in a session that was opened as it should be, each fault by itself."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosedError

from llm_gateway.simulator import Mount, Simulator, SimulatorOptions
from serving import run

RESPOND = '{"type":"response.create","response":{"output_modalities":["text"]}}'


def ill(fault: str, test: Any) -> None:
    """`test` with a session at a mount that has `fault`, its first event read."""

    async def main() -> None:
        simulator = await Simulator.start(SimulatorOptions(mounts=(Mount(prefix="/ill", fault=fault),)))
        session = await connect(
            f"ws://127.0.0.1:{simulator.port}/ill/v1/realtime?model=m", proxy=None, ping_interval=None, close_timeout=1
        )
        try:
            assert b"session.created" in await session.recv(decode=False)
            await test(session)
            assert simulator.requests[0].applied == (fault.partition(":")[0],)
        finally:
            session.transport.abort()
            await session.wait_closed()
            await simulator.stop()

    run(main)


async def broken(session: Any, sent: int | None = None, received: int | None = None) -> None:
    """The session ends: with the code that the client had to send, or the one it was sent."""
    with pytest.raises(ConnectionClosedError) as caught:
        await asyncio.wait_for(session.recv(), 3)
    assert (caught.value.sent and caught.value.sent.code, caught.value.rcvd and caught.value.rcvd.code) == (sent, received)


def test_ws_close():
    """The code and the reason that were asked for."""
    ill("ws_close:code=4001,reason=bye", lambda session: broken(session, 4001, 4001))


def test_ws_cut():
    """No goodbye."""
    ill("ws_cut", broken)


def test_ws_reset():
    """None either, and what was sent may be lost."""
    ill("ws_reset", broken)


def test_ws_garbage():
    """Bytes that the client cannot take for a frame."""
    ill("ws_garbage", lambda session: broken(session, 1002))


def test_ws_utf8():
    """A text that the client must not take."""
    ill("ws_utf8", lambda session: broken(session, 1007))


def test_ws_big():
    """More than the client has room for."""
    ill("ws_big:bytes=2000000", lambda session: broken(session, 1009))


def test_ws_silent():
    """The connection stands, and not even a ping is answered."""

    async def test(session: Any) -> None:
        await session.send(RESPOND)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(session.recv(), 0.1)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(await session.ping(), 0.1)

    ill("ws_silent", test)


def test_ws_deaf():
    """What the client sends goes nowhere, until it cannot send any more."""

    async def test(session: Any) -> None:
        session.transport.set_write_buffer_limits(0)

        async def flood() -> None:
            while True:
                await session.send("x" * 1_000_000)

        with pytest.raises(TimeoutError):
            await asyncio.wait_for(flood(), 1)

    ill("ws_deaf", test)


def test_ws_no_usage():
    """Everything is said but what it used."""

    async def test(session: Any) -> None:
        await session.send(RESPOND)
        event: dict[str, Any] = {"type": ""}
        while event["type"] != "response.done":
            event = msgspec.json.decode(await asyncio.wait_for(session.recv(), 3))
        assert "usage" not in event["response"]

    ill("ws_no_usage", test)
