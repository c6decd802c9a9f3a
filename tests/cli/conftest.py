"""A gateway that runs for all tests of commands that ask one, and a way to call them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner, Result

from gateway_process import KEY, GatewayProcess, running_gateway
from llm_gateway.cli.main import main

ROOT = "sk-admin-tests-0123456789abcdef"
CONFIGURATION = {
    "providers": {"sim": {"type": "simulator"}, "gone": {"type": "openai_compatible", "base_url": "http://127.0.0.1:1"}},
    "models": {
        "m": {"deployments": ["sim/gpt-sim"], "strategy": "weighted"},
        "broken": {"deployments": ["gone/x"], "retries": 0},
    },
    "catalogue": {"models": {"sim/gpt-sim": {"prices": {"input": 1.5, "output": 6}}}},
    "tenants": {"acme": {"budgets": [{"amount": 10, "period": "day"}]}, "agreed": {}},
    "telemetry": {"content": {"tenants": ["agreed"]}},
    "auth": {
        "keys": [
            {"name": "root", "key": ROOT, "kind": "admin"},
            {"name": "app", "key": KEY, "tenant": "acme"},
            {"name": "agreed", "key": "sk-content-0123456789abcdef", "tenant": "agreed"},
        ],
    },
}
Called = Callable[..., Result]


@pytest.fixture(scope="session")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    with running_gateway(CONFIGURATION, tmp_path_factory.mktemp("gateway")) as process:
        yield process


@pytest.fixture
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Called:
    """`llm-gateway ARGUMENTS` in an empty folder, with nothing of the gateway in the environment."""
    monkeypatch.chdir(tmp_path)
    for name in os.environ:
        if name.startswith("GATEWAY_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("COLUMNS", "250")

    def called(*arguments: str, stdin: str = "", **environ: str) -> Result:
        return CliRunner().invoke(main, arguments, input=stdin, env=environ, prog_name="llm-gateway", catch_exceptions=False)

    return called


@pytest.fixture
def asking(alone: Called, gateway: GatewayProcess) -> Called:
    """The same, as the administrator of the gateway that runs."""
    assert gateway.admin is not None

    def called(*arguments: str, **more: Any) -> Result:
        environ = {"GATEWAY_URL": gateway.url, "GATEWAY_ADMIN_URL": gateway.admin or "", "GATEWAY_API_KEY": ROOT}
        return alone(*arguments, **(environ | more))

    return called


@pytest.fixture
def data(asking: Called) -> Callable[..., Any]:
    """What a command says to scripts."""

    def called(*arguments: str, **more: Any) -> Any:
        done = asking("--json", *arguments, **more)
        assert done.exit_code == 0, done.stderr
        return msgspec.json.decode(done.stdout)

    return called
