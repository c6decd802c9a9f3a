"""What was spent is not forgotten, whatever dies."""

from __future__ import annotations

import http.client
import os
import signal
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest

from e2e.crashing import configuration
from e2e.processes import children
from e2e.simulator_process import prompt, simulator_process
from gateway_process import KEY, GatewayProcess, running_gateway

ADMIN = "sk-admin-tests-0123456789abcdef"


def asked(gateway: GatewayProcess, number: int, tokens: int) -> tuple[int, Any]:
    body = {"model": "m", "max_tokens": tokens, "messages": [{"role": "user", "content": prompt("k", number, tokens)}]}
    return _asked(gateway.port, "POST", "/v1/chat/completions", KEY, body)


def admin(gateway: GatewayProcess, path: str) -> Any:
    assert gateway.admin is not None
    return _asked(int(gateway.admin.rpartition(":")[2]), "GET", path, ADMIN)[1]


def _asked(port: int, method: str, path: str, key: str, body: Any = None) -> tuple[int, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        connection.request(method, path, None if body is None else msgspec.json.encode(body), headers)
        answer = connection.getresponse()
        return answer.status, msgspec.json.decode(answer.read())
    finally:
        connection.close()


@pytest.mark.slow
def test_a_budget_that_was_spent_still_refuses_after_everything_was_killed(tmp_path: Path) -> None:
    """L#13280, L#34238, C31: spend, kill -9 everything at once, start again: what was spent is known, to the last request, and told
    by the usage of the admin API as well."""
    with simulator_process(tmp_path, None) as simulator:
        config = configuration(simulator.url, None, workers=1)
        price = 100 * 10_000  # and the prompt
        keys = [{"name": "tests", "key": KEY, "budgets": [{"amount": price * 5 / 1e9, "period": "day"}]}]
        config["auth"] = {"keys": [*keys, {"name": "admin", "key": ADMIN, "kind": "admin"}]}
        with running_gateway(config, tmp_path, status=-signal.SIGKILL) as gateway:
            statuses = [asked(gateway, number, 100)[0] for number in range(8)]
            for pid in (gateway.process.pid, *children(gateway.process.pid)):
                os.kill(pid, signal.SIGKILL)
        served = statuses.count(200)
        assert 2 <= served <= 5
        assert set(statuses[served:]) == {402}
        for _ in range(2):
            with running_gateway(config, tmp_path) as gateway:
                status, body = asked(gateway, 100, 100)
                assert status == 402, body
                assert body["error"]["details"]["settled"] >= served * price / 1e9
                end = time.monotonic() + 10
                while admin(gateway, "/admin/v1/usage?status=completed")["total"]["requests"] < served:
                    assert time.monotonic() < end
                    time.sleep(0.1)
                usage = admin(gateway, "/admin/v1/usage?group_by=key&status=completed")
                assert [(group["group"], group["requests"]) for group in usage["data"]] == [({"key": "tests"}, served)]
