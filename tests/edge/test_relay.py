"""A session's endings: what each side is told, what is on record, and that nothing is left over."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

import msgspec
import pytest
from websockets.exceptions import ConnectionClosed, ConnectionClosedError

from llm_gateway.simulator import SimulatorOptions
from realtime_sessions import between, dial, events, line, say
from serving import run, until

QUICK = {"server": {"realtime": {"ping": "100ms"}}}


async def ended(session: Any) -> tuple[list[dict[str, Any]], int | None, str]:
    """The events until the end, and the close frame that came."""
    found = []
    try:
        while True:
            found.append(msgspec.json.decode(await asyncio.wait_for(session.recv(), 5)))
    except ConnectionClosed as end:
        close = end.rcvd
        return found, close and close.code, close.reason if close else ""


@pytest.mark.parametrize("code", [1000, 1001, 3000, 4999])
def test_the_callers_goodbye_goes_to_the_provider(code) -> None:
    """Code and all; the session is completed."""

    async def main() -> None:
        async with between() as (gateway, simulator):
            async with dial(gateway) as session:
                await session.close(code, "enough")
            told = await line(gateway)
            assert (told["outcome"], told["session"]["ended"], told["session"]["code"]) == ("completed", "caller", code)
            assert simulator.requests[0].closed == code

    run(main)


def test_usage_that_comes_after_the_goodbye_counts() -> None:
    """The provider answers the goodbye in its turn: what it says until then is metered."""

    async def main() -> None:
        async with between(SimulatorOptions(tokens_per_second=200)) as (gateway, simulator):
            async with dial(gateway) as session:
                await events(session, "session.created")
                await say(session, "[tokens=3]")
                await events(session)
                await say(session, "[tokens=5]")
                await events(session, "response.done")
            told = await line(gateway)
            assert told["session"]["responses"] == 2
            assert told["tokens"] == {"input": 3 + 9, "output": 8, "cached": 6}
            assert simulator.requests[0].closed == 1000

    run(main)


@pytest.mark.parametrize(
    ("fault", "code", "outcome", "how", "reason"),
    [
        ("ws_close:after=3,code=1000,reason=bye", 1000, "completed", "provider", "bye"),
        ("ws_close:after=3,code=1000,reason=bye sk-secret-key-1234567890", 1000, "completed", "provider", "bye ***"),
        ("ws_close:after=3,code=4000,reason=no sk-secret-key-1234567890", 4000, "failed", "provider", "no ***"),
        ("ws_close:after=3,code=1011,reason=oops", 1011, "failed", "provider", "oops"),
        ("ws_cut:after=3", 1011, "failed", "provider_lost", "The provider broke the session off."),
        ("ws_reset:after=3", 1011, "failed", "provider_lost", "The provider broke the session off."),
        ("ws_garbage:after=3", 1014, "failed", "provider_lost", "The provider broke the WebSocket protocol."),
        ("ws_utf8:after=3", 1014, "failed", "provider_lost", "The provider broke the WebSocket protocol."),
        ("ws_big:after=3,bytes=20000000", 1014, "failed", "provider_lost", "The provider broke the WebSocket protocol."),
        ("ws_silent:after=3", 1011, "failed", "provider_lost", "The provider does not answer any more."),
    ],
)
def test_a_provider_that_ends_the_session(fault, code, outcome, how, reason) -> None:
    """Its own goodbye as it is, with credentials masked; where it said none, an `error` event and then 1011 or 1014."""

    async def main() -> None:
        async with between(SimulatorOptions(fault=fault.replace(" ", "%20")), **QUICK) as (gateway, _):
            async with dial(gateway) as session:
                await say(session, "hello")
                found, got, said = await ended(session)
            assert (got, said) == (code, reason)
            assert (found[-1]["type"] == "error") is (how == "provider_lost")
            assert [event["type"] for event in found[:3]] == [
                "session.created",
                "conversation.item.added",
                "conversation.item.done",
            ]
            told = await line(gateway)
            assert (told["outcome"], told["session"]["ended"], told["session"]["code"]) == (outcome, how, code)
            stats = gateway.stats.model("a", "real", gateway.shared.clock.monotonic())
            assert stats.errors == (outcome == "failed")

    run(main)


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        (b"\xff" * 20, 1002),
        (b"\x81\x05hello", 1002),  # not masked
        (b"\x81\x82\0\0\0\0\xc3\x28", 1007),
        (b"\x82\xff\0\0\0\0\0\x20\0\0\0\0\0\0", 1009),
        (b"\x01\x81\0\0\0\0a" + b"\x80\xff\0\0\0\0\0\x10\0\0\0\0\0\0", 1009),  # a byte too many, in two pieces
        (b"\x80\x80\0\0\0\0", 1002),  # goes on with nothing
        (b"\xc1\x81\0\0\0\0a", 1002),  # compressed, which nobody agreed to
        (b"\x89\xfe\x01\0\0\0\0\0" + b"a" * 256, 1002),  # a ping of 256 bytes
    ],
)
def test_a_caller_that_breaks_the_rules(frame, code) -> None:
    """It is told which; the provider is let go, and is not to blame."""

    async def main() -> None:
        async with between(server={"realtime": {"message": "1MB"}}) as (gateway, simulator):
            async with dial(gateway) as session:
                await events(session, "session.created")
                session.transport.write(frame)
                _, got, _ = await ended(session)
            assert got == code
            told = await line(gateway)
            assert (told["outcome"], told["session"]["ended"], told["error"]) == (
                "failed",
                "caller_fault",
                "websocket_protocol_error",
            )
            await until(lambda: simulator.requests[0].closed == 1001)
            assert gateway.stats.model("a", "real", gateway.shared.clock.monotonic()).errors == 0

    run(main)


@pytest.mark.parametrize("how", ["close", "abort", "eof"])
def test_a_caller_that_goes_without_a_goodbye(how) -> None:
    """The provider hears of it at once; the outcome is client_gone."""

    async def main() -> None:
        async with between() as (gateway, simulator):
            session = await dial(gateway)
            await events(session, "session.created")
            if how == "eof":
                session.transport.write_eof()
            else:
                getattr(session.transport, how)()
            await until(lambda: simulator.requests[0].closed == 1001, 1)
            told = await line(gateway)
            assert (told["outcome"], told["session"]["ended"], told["session"]["code"]) == ("client_gone", "caller_lost", 1006)
            session.transport.abort()
            await session.wait_closed()

    run(main)


def test_a_caller_that_is_silent_for_good() -> None:
    """It is pinged, and given up when it does not answer; one that answers pings stays."""

    async def main() -> None:
        async with between(**QUICK) as (gateway, simulator), dial(gateway) as alive:
            dead = await dial(gateway)
            await events(dead, "session.created")
            dead.transport.pause_reading()
            await until(lambda: simulator.requests[1].closed == 1001, 2)
            assert (await line(gateway))["session"]["ended"] == "caller_lost"
            assert await events(alive, "session.created")
            await say(alive, "hi")
            assert await events(alive)
            dead.transport.abort()
            await dead.wait_closed()

    run(main)


@pytest.mark.parametrize(("limit", "how", "code"), [("idle", "idle", "session_idle"), ("total", "total", "session_expired")])
def test_a_session_ends_in_time(limit, how, code) -> None:
    """By an `error` event and 1001; that is no failure."""

    async def main() -> None:
        async with between(server={"realtime": {limit: "150ms"}}) as (gateway, simulator):
            async with dial(gateway) as session:
                found, got, _ = await ended(session)
            assert (found[-1]["error"]["code"], got) == (code, 1001)
            told = await line(gateway)
            assert (told["outcome"], told["session"]["ended"]) == ("completed", how)
            assert told["latency_ms"] >= 150
            await until(lambda: simulator.requests[0].closed == 1001)

    run(main)


def test_the_drain() -> None:
    """A live session goes on in the grace time, and hears 1001 at its end, as the provider does."""

    async def main() -> None:
        async with between() as (gateway, simulator):
            async with dial(gateway) as session:
                await events(session, "session.created")
                draining = asyncio.create_task(gateway.server.drain(0.3))
                await asyncio.sleep(0.05)
                await say(session, "hi")
                assert await events(session)
                assert not draining.done()
                _, got, said = await ended(session)
                assert (got, said) == (1001, "the gateway is shutting down")
                await draining
            told = await line(gateway)
            assert (told["outcome"], told["session"]["ended"]) == ("drained", "drain")
            assert told["tokens"]["output"] > 0
            assert simulator.requests[0].closed == 1001

    run(main)


def test_fragments_and_both_kinds_of_messages() -> None:
    """A message in pieces is one message; binary stays binary; a character cut in two is whole again."""

    async def main() -> None:
        async with between() as (gateway, _):
            async with dial(gateway) as session:
                await events(session, "session.created")
                whole = msgspec.json.encode({"type": "é" * 30}).decode()
                await session.send([whole[:12], whole[12:20], "", whole[20:]])
                assert "é" * 30 in (await events(session, "error"))[0]["error"]["message"]
                await session.send(b'{"type":"input_audio_buffer.clear"}')
                assert await events(session, "input_audio_buffer.cleared")
            assert (await line(gateway))["session"]["messages_in"] == 2

    run(main)


def test_a_slow_reader_stops_the_fast_provider() -> None:
    """What a caller does not read is not collected here: the provider is not read from either, and all of it comes in the end."""

    async def main() -> None:
        async with between() as (gateway, simulator):
            async with dial(gateway, max_queue=1, max_size=None) as session:
                await events(session, "session.created")
                update = msgspec.json.encode({"type": "session.update", "session": {"instructions": "x" * 1_000_000}}).decode()
                for _ in range(40):
                    await session.send(update)
                seen, before = simulator.requests[0], -1
                while seen.sent != before:
                    before = seen.sent
                    await asyncio.sleep(0.2)
                assert seen.sent < 30_000_000, "the provider is still being read from"
                for _ in range(40):
                    assert len(await session.recv()) > 1_000_000
            told = await line(gateway)
            assert (told["outcome"], told["session"]["messages_out"]) == ("completed", 41)

    run(main)


def test_a_deaf_provider_stops_the_fast_caller() -> None:
    """The caller is held back by TCP, and the session ends when the provider reads nothing for too long."""

    async def main() -> None:
        async with between(SimulatorOptions(fault="ws_deaf:after=1"), **QUICK) as (gateway, _):
            async with dial(gateway) as session:
                await events(session, "session.created")
                session.transport.set_write_buffer_limits(0)
                sent = 0
                with suppress(TimeoutError, ConnectionClosedError):
                    while sent < 500:
                        await asyncio.wait_for(session.send("x" * 100_000), 0.1)
                        sent += 1
                assert sent < 200, "twenty megabytes were collected"
                found, got, _ = await ended(session)
            assert (found[-1]["error"]["message"], got) == ("The provider does not answer any more.", 1011)

    run(main)


def test_unfinished_messages_have_one_account() -> None:
    """Who overdraws it has to go; what he held is free again, and others are not touched."""

    async def main() -> None:
        settings = {"server": {"realtime": {"message": "1MB", "buffered": "1MB"}}}
        async with between(**settings) as (gateway, _):
            async with dial(gateway) as other, dial(gateway) as first, dial(gateway) as second:
                part = b"\x82\xff" + (900_000).to_bytes(8) + bytes(4) + bytes(600_000)
                first.transport.write(part)
                await until(lambda: gateway.shared.sessions.budget.held >= 600_000)
                second.transport.write(part)
                assert (await ended(second))[1] == 1013
                await say(other, "hi")
                assert await events(other)
                first.transport.abort()
            await line(gateway, 3)
            assert gateway.shared.sessions.budget.held == 0

    run(main)


def test_a_flood_of_pings_that_nobody_reads_is_not_collected() -> None:
    """Their answers fill no memory: the caller is not read from until it has read."""

    async def main() -> None:
        async with between() as (gateway, _):
            session = await dial(gateway)
            await events(session, "session.created")
            session.transport.pause_reading()
            session.transport.set_write_buffer_limits(0)
            flood = (b"\x89\xfd" + bytes(4) + bytes(125)) * 8000
            taken = 0
            with suppress(TimeoutError):
                while taken < 60:
                    session.transport.write(flood)
                    await asyncio.wait_for(session.drain(), 0.3)
                    taken += 1
            assert taken < 60, "sixty megabytes of pings were answered"
            session.transport.abort()
            await session.wait_closed()
            assert (await line(gateway))["outcome"] == "client_gone"

    run(main)
