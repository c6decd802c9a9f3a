"""The official OpenAI SDK at the gateway of these tests, and what it is asked."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from openai import OpenAI

from e2e.world import TIME_SCHEMA, WEATHER_SCHEMA, World

MODELS = ("gpt", "claude")
TOOLS = [
    {"type": "function", "function": {"name": "weather", "description": "Weather", "parameters": WEATHER_SCHEMA}},
    {"type": "function", "function": {"name": "time", "description": "Time", "parameters": TIME_SCHEMA}},
]


@pytest.fixture
def openai_client(world: World) -> Iterator[OpenAI]:
    with OpenAI(base_url=f"{world.url}/v1", api_key=world.key, max_retries=0) as made:
        yield made


def user(text: str) -> list[dict[str, object]]:
    return [{"role": "user", "content": text}]
