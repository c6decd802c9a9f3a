"""Realtime sessions through a whole gateway: what tests of the edge and of the relay share."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from websockets.asyncio.client import ClientConnection, connect

from llm_gateway.simulator import Simulator, SimulatorOptions
from serving import until
from whole_gateway import KEY, Gateway, one_provider, whole_gateway

AUTHORIZED = {"Authorization": f"Bearer {KEY}"}


@asynccontextmanager
async def between(options: SimulatorOptions | None = None, **sections: Any) -> AsyncIterator[tuple[Gateway, Simulator]]:
    """A gateway in front of a simulated provider: the model "m", and whatever is asked for as "a/NAME"."""
    simulator = await Simulator.start(options or SimulatorOptions())
    try:
        async with whole_gateway({**one_provider(f"{simulator.url}/v1", kind="openai"), **sections}) as gateway:
            yield gateway, simulator
    finally:
        await simulator.stop()


def dial(gateway: Gateway, query: str = "model=m", headers: dict[str, str] | None = None, **options: Any) -> connect:
    """An independent client of the gateway."""
    options.setdefault("ping_interval", None)
    return connect(
        f"ws://127.0.0.1:{gateway.port}/v1/realtime?{query}",
        additional_headers=AUTHORIZED if headers is None else headers,
        proxy=None,
        **options,
    )


async def say(session: ClientConnection, text: str) -> None:
    """What a user says, and the wish for an answer in text."""
    content = [{"type": "input_text", "text": text}]
    item = {"type": "message", "role": "user", "content": content}
    await session.send(msgspec.json.encode({"type": "conversation.item.create", "item": item}).decode())
    wanted = {"type": "response.create", "response": {"output_modalities": ["text"]}}
    await session.send(msgspec.json.encode(wanted).decode())


async def events(session: ClientConnection, last: str = "response.done") -> list[dict[str, Any]]:
    """Everything up to the first event of type `last`."""
    found = []
    while not found or found[-1]["type"] != last:
        found.append(msgspec.json.decode(await asyncio.wait_for(session.recv(), 5)))
    return found


async def line(gateway: Gateway, count: int = 1) -> dict[str, Any]:
    """The access line number `count`, once it is there."""
    await until(lambda: len(gateway.access()) >= count, 5)
    return gateway.access()[count - 1]
