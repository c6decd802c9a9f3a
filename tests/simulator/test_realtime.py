"""A simulated realtime session, asked by a client that shares nothing with it but the library."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from llm_gateway.simulator import Simulator, SimulatorOptions
from serving import connected, run

KEY = "sk-sim-0123456789"


def inside(test: Any, **options: Any) -> None:
    async def main() -> None:
        simulator = await Simulator.start(SimulatorOptions(**options))
        try:
            await test(simulator)
        finally:
            await simulator.stop()

    run(main)


def dial(simulator: Simulator, query: str = "model=m", path: str = "/v1/realtime", **headers: str) -> connect:
    return connect(f"ws://127.0.0.1:{simulator.port}{path}?{query}", additional_headers=headers, proxy=None, ping_interval=None)


async def ask(session: Any, event: Any, last: str) -> list[dict[str, Any]]:
    await session.send(event if isinstance(event, str) else msgspec.json.encode(event).decode())
    found = [msgspec.json.decode(await asyncio.wait_for(session.recv(), 3))]
    while found[-1]["type"] != last:
        found.append(msgspec.json.decode(await asyncio.wait_for(session.recv(), 3)))
    return found


def test_a_conversation_in_audio() -> None:
    """Sound is committed, transcribed and answered with sound; each turn's past is cached in the next."""

    async def test(simulator: Simulator) -> None:
        async with dial(simulator) as session:
            await session.recv()
            transcribe = {"type": "session.update", "session": {"audio": {"input": {"transcription": {"model": "whisper-1"}}}}}
            await ask(session, transcribe, "session.updated")
            await session.send(msgspec.json.encode({"type": "input_audio_buffer.append", "audio": "A" * 64000}).decode())
            done = await ask(
                session, {"type": "input_audio_buffer.commit"}, "conversation.item.input_audio_transcription.completed"
            )
            assert done[-1]["usage"] == {"type": "duration", "seconds": 1.0}
            first = (await ask(session, {"type": "response.create"}, "response.done"))[-1]["response"]["usage"]
            assert first["input_token_details"]["audio_tokens"] == 10
            assert first["output_token_details"]["audio_tokens"] > 0
            await ask(session, {"type": "input_audio_buffer.clear"}, "input_audio_buffer.cleared")
            second = (await ask(session, {"type": "response.create"}, "response.done"))[-1]["response"]["usage"]
            assert second["input_token_details"]["cached_tokens"] == second["input_tokens"] == first["total_tokens"]

    inside(test)


def test_the_names_of_the_beta() -> None:
    """By its header events have the names they had before."""

    async def test(simulator: Simulator) -> None:
        async with dial(simulator, **{"OpenAI-Beta": "realtime=v1"}) as session:
            await session.recv()
            kinds = {event["type"] for event in await ask(session, {"type": "response.create"}, "response.done")}
            assert kinds >= {"response.audio.delta", "response.audio_transcript.delta"}

    inside(test)


@pytest.mark.parametrize(
    "event", ["no json", "[]", '{"type":"nothing","event_id":"mine"}', '{"type":"input_audio_buffer.commit"}']
)
def test_what_it_does_not_know(event) -> None:
    """An `error` event; the session goes on."""

    async def test(simulator: Simulator) -> None:
        async with dial(simulator) as session:
            await session.recv()
            (error,) = await ask(session, event, "error")
            assert error["error"]["event_id"] == ("mine" if "mine" in event else None)
            assert await ask(session, {"type": "response.create"}, "response.done")

    inside(test)


@pytest.mark.parametrize(
    ("query", "headers", "options", "status"),
    [
        ("model=m", {}, {"keys": (KEY,)}, 401),
        ("", {"Authorization": f"Bearer {KEY}"}, {"keys": (KEY,)}, 400),
        ("model=m", {}, {"models": ("n",)}, 404),
        ("model=m@@503", {}, {}, 503),
        ("model=m", {"X-Simulator-Fault": "429:retry_after=3"}, {}, 429),
        ("model=m", {}, {"fault": "401"}, 401),
    ],
)
def test_a_handshake_that_is_refused(query, headers, options, status) -> None:
    """As any request would be, and it is in the log."""

    async def test(simulator: Simulator) -> None:
        with pytest.raises(InvalidStatus) as caught:
            await dial(simulator, query, **headers)
        assert caught.value.response.status_code == simulator.requests[0].status == status
        assert msgspec.json.decode(caught.value.response.body)["error"]["message"]

    inside(test, **options)


def test_an_offer_to_switch_elsewhere_is_ignored() -> None:
    """As most servers do: the request is answered, the connection is of no further use."""

    async def test(simulator: Simulator) -> None:
        async with connected(simulator.port) as raw:
            raw.send(b"GET /v1/models HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n")
            assert (await raw.reply())[0] == 200

    inside(test)
