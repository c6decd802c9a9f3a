"""One simulator that plays every provider, and a gateway before it: model m-NAME is of provider NAME."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from gateway_process import GatewayProcess, running_gateway
from llm_gateway.simulator import Mount, RunningSimulator, SimulatorOptions, running_simulator

PROVIDERS = {
    "openai": "/v1",
    "anthropic": "/v1",
    "gemini": "/v1beta",
    "cohere": "/v2",
    "ollama": "",
    "bedrock": "",
}
"""Provider type -> what its base URL has behind the mount."""
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}


@dataclass
class World:
    simulator: RunningSimulator
    gateway: GatewayProcess


@contextlib.contextmanager
def running_world(folder: Path) -> Iterator[World]:
    """Both, until the block is left."""
    mounts = tuple(Mount(prefix=f"/{name}") for name in PROVIDERS)
    with running_simulator(SimulatorOptions(mounts=mounts)) as simulator:
        providers = {
            name: {"base_url": f"http://127.0.0.1:{simulator.port}/{name}{rest}", "api_key": f"sk-secret-of-{name}-0123456789"}
            for name, rest in PROVIDERS.items()
        }
        models = {f"m-{name}": f"{name}/some-model" for name in PROVIDERS}
        with running_gateway({"providers": providers, "models": models}, folder) as gateway:
            yield World(simulator, gateway)
