"""One simulator that plays every provider, and a gateway before it: model m-NAME is of provider NAME."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway_process import GatewayProcess, running_gateway
from llm_gateway.simulator import Mount, RunningSimulator, SimulatorOptions, running_simulator

PROVIDERS = {
    "openai": "/v1",
    "anthropic": "/v1",
    "gemini": "/v1beta",
    "cohere": "/v2",
    "ollama": "",
    "bedrock": "",
    "mistral": "/v1",
}
"""Provider type -> what its base URL has behind the mount."""
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}


@dataclass
class World:
    simulator: RunningSimulator
    gateway: GatewayProcess


FAULTS = {
    "cut": "close_mid:after=900",
    "throttled": "429:retry_after=7",
    "full": "503",
    "broken": "500",
}


def failing_models() -> dict[str, Any]:
    """m-PROVIDER-FAULT for each of FAULTS."""
    return {
        f"m-{name}-{what}": {"deployments": [f"{name}/some-model@@{fault}"], "retries": 0}
        for name in PROVIDERS
        for what, fault in FAULTS.items()
    }


@contextlib.contextmanager
def running_world(folder: Path, change: Callable[[dict[str, Any]], None] = lambda _: None) -> Iterator[World]:
    """Both, until the block is left. `change` edits the configuration."""
    mounts = tuple(Mount(prefix=f"/{name}", speaks="mistral" if name == "mistral" else "") for name in PROVIDERS)
    with running_simulator(SimulatorOptions(mounts=mounts)) as simulator:
        providers: dict[str, Any] = {
            name: {"base_url": f"http://127.0.0.1:{simulator.port}/{name}{rest}", "api_key": f"sk-secret-of-{name}-0123456789"}
            for name, rest in PROVIDERS.items()
        }
        models: dict[str, Any] = {f"m-{name}": f"{name}/some-model" for name in PROVIDERS}
        config: dict[str, Any] = {"providers": providers, "models": models}
        change(config)
        with running_gateway(config, folder) as gateway:
            yield World(simulator, gateway)
