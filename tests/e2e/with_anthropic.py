"""The official Anthropic SDK at the gateway of these tests, and what it is asked."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from anthropic import Anthropic

from e2e.world import TIME_SCHEMA, WEATHER_SCHEMA, World

MODELS = ("claude", "gpt")
TOOLS = [
    {"name": "weather", "description": "Weather", "input_schema": WEATHER_SCHEMA},
    {"name": "time", "description": "Time", "input_schema": TIME_SCHEMA},
]


@pytest.fixture
def anthropic_client(world: World) -> Iterator[Anthropic]:
    with Anthropic(base_url=world.url, api_key=world.key, max_retries=0) as made:
        yield made


def user(content: object) -> list[dict[str, object]]:
    return [{"role": "user", "content": content}]
