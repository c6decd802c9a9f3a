"""A gateway between unmodified SDKs and a simulated provider that speaks OpenAI's dialect and Anthropic's."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from gateway_process import GatewayProcess, running_gateway
from llm_gateway.simulator import RunningSimulator, Seen, SimulatorOptions, running_simulator

OPENAI_KEY = "sk-provider-openai-0123456789abcdef"
ANTHROPIC_KEY = "sk-ant-provider-0123456789abcdef"
NARROW_KEY = "sk-gateway-narrow-0123456789abcdef"
STRICT_KEY = "sk-gateway-strict-0123456789abcdef"
BODY_LIMIT = 1 << 20
GPT = "gpt-sim"
CLAUDE = "claude-sonnet-4-5"  # has sampling parameters, and budgets for thinking
CLAUDE_NEW = "claude-sonnet-5"  # has neither: what the gateway sends depends on the generation
NATIVE = {"gpt": GPT, "claude": CLAUDE}
"""Alias -> the name that the provider is asked for."""

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="  # one pixel
PDF = "JVBERi0xLjQKJcOkw7zDtsOfCjEgMCBvYmoKPDw+PgplbmRvYmoKdHJhaWxlcgo8PD4+CiUlRU9G"


@dataclass
class World:
    simulator: RunningSimulator
    gateway: GatewayProcess

    @property
    def url(self) -> str:
        return self.gateway.url

    @property
    def key(self) -> str:
        return self.gateway.key

    def seen_by_provider(self, question: str) -> list[Seen]:
        """The requests that the provider was sent with `question` in their body, oldest first."""
        return [seen for seen in self.simulator.requests if question.encode() in seen.body]

    def body_at_provider(self, question: str) -> dict[str, Any]:
        """The last request with `question` in it, as the provider read it."""
        document: dict[str, Any] = msgspec.json.decode(self.seen_by_provider(question)[-1].body)
        return document


def configuration(simulator: RunningSimulator) -> dict[str, Any]:
    """Two providers on one simulator, each speaking its own dialect. `NAME@@FAULT` as a model's name asks for a fault."""
    return {
        "server": {"limits": {"body": BODY_LIMIT}},
        # A deployment fails here on purpose, again and again.
        "resilience": {
            "circuit_breaker": {"enabled": False},
            "shedding": {"enabled": False},
            "health_check": {"enabled": False},
        },
        "auth": {
            "keys": [
                {"name": "tests", "key": "sk-gateway-tests-0123456789abcdef"},
                {"name": "narrow", "key": NARROW_KEY, "models": ["gpt"]},
                {"name": "strict", "key": STRICT_KEY, "on_loss": "refuse"},
            ]
        },
        "providers": {
            "oai": {"type": "openai", "base_url": f"{simulator.url}/v1", "api_key": OPENAI_KEY},
            "ant": {"type": "anthropic", "base_url": simulator.url, "api_key": ANTHROPIC_KEY},
            "vllm": {"type": "vllm", "base_url": f"{simulator.url}/v1"},
            # Accounts that refuse the gateway's key are left alone for a while: each test's own.
            "oai-401": {"type": "openai", "base_url": f"{simulator.url}/v1", "api_key": OPENAI_KEY},
            "ant-401": {"type": "anthropic", "base_url": simulator.url, "api_key": ANTHROPIC_KEY},
        },
        "models": {
            "gpt": f"oai/{GPT}",
            "claude": f"ant/{CLAUDE}",
            "claude-new": f"ant/{CLAUDE_NEW}",
            "qwen": "vllm/qwen-sim",
            "embed": "oai/embed-sim",
            "failover": {"deployments": [f"oai/{GPT}@@500", f"ant/{CLAUDE}"]},
            "impatient": {
                "deployments": [f"oai/{GPT}@@stall:after=0,secs=5"],
                "retries": 0,
                "timeouts": {"head": "200ms", "first_token": "200ms", "total": "400ms"},
            },
        }
        | {
            f"{name}-{what}": {"deployments": [f"{account}{'-401' if what == '401' else ''}/{model}@@{fault}"], "retries": 0}
            for name, account, model in _WHERE
            for what, fault in _FAULTS
        },
    }


_WHERE = (("gpt", "oai", GPT), ("claude", "ant", CLAUDE))
_FAULTS = (
    *((str(code), str(code)) for code in (400, 401, 403, 404, 413, 422, 500, 503, 504, 529)),
    ("429", "429:retry_after=7"),
    ("cut", "close_mid:after=700"),
    ("error", "mid_error+rechunk:mode=event,delay=0.005"),  # apart, so that tokens were seen before the error comes
    ("garbage", "html_200"),
    ("null", "null_body"),
)


@contextlib.contextmanager
def running_world(folder: Path) -> Iterator[World]:
    """The simulator in a thread, the gateway in a process."""
    options = SimulatorOptions(reasoning_content=True, log_size=5000, log_body_bytes=64 * 1024)
    with running_simulator(options) as simulator, running_gateway(configuration(simulator), folder) as gateway:
        yield World(simulator, gateway)


def read_into(into: list[Any], stream: Iterable[Any]) -> None:
    """What a stream gives until it ends or raises."""
    for item in stream:
        into.append(item)  # noqa: PERF402 - what came before an exception counts


def eventually(check: Callable[[], bool], seconds: float = 20.0) -> bool:
    """Whether `check` becomes true in time."""
    import time

    end = time.monotonic() + seconds
    while not check():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


WEATHER_SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": "integer", "minimum": 1}},
    "required": ["city", "days"],
    "additionalProperties": False,
}
TIME_SCHEMA = {"type": "object", "properties": {"zone": {"type": "string"}}, "required": ["zone"], "additionalProperties": False}
