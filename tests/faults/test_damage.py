"""Files of the state directory that were damaged while nobody looked: C31 of faults.md."""

from __future__ import annotations

import http.client
import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from faults.world import eventually
from gateway_process import KEY, GatewayProcess, running_gateway
from llm_gateway.simulator import RunningSimulator, running_simulator

pytestmark = pytest.mark.timeout(300)
ADMIN = "sk-admin-damage-0123456789abcdef"


@pytest.fixture(scope="module")
def simulator() -> Iterator[RunningSimulator]:
    with running_simulator() as made:
        yield made


def configuration(simulator: RunningSimulator) -> dict[str, Any]:
    return {
        "auth": {
            "keys": [{"name": "tests", "key": KEY, "budgets": [{"amount": 5}]}, {"name": "admin", "key": ADMIN, "kind": "admin"}]
        },
        "providers": {"sim": {"type": "openai", "base_url": f"{simulator.url}/v1", "api_key": "sk-provider-0123456789"}},
        "models": {"m": "sim/any"},
    }


def chat(gateway: GatewayProcess) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=15)
    body = msgspec.json.encode({"model": "m", "messages": [{"role": "user", "content": "Hi"}]})
    connection.request("POST", "/v1/chat/completions", body, {"Authorization": f"Bearer {KEY}"})
    status = connection.getresponse().status
    connection.close()
    return status


def database_works(gateway: GatewayProcess) -> bool:
    assert gateway.admin is not None
    connection = http.client.HTTPConnection(gateway.admin.removeprefix("http://"), timeout=10)
    connection.request("GET", "/admin/v1/keys", headers={"Authorization": f"Bearer {ADMIN}"})
    status = connection.getresponse().status
    connection.close()
    return status == 200


@pytest.fixture(scope="module")
def used(simulator: RunningSimulator, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state directory as a gateway left it that had a good day, and was killed in the end."""
    folder = tmp_path_factory.mktemp("used")
    with running_gateway(configuration(simulator), folder, status=-signal.SIGKILL) as gateway:
        for _ in range(20):
            assert chat(gateway) == 200
        assert eventually(lambda: database_works(gateway), 20)
        tree = [gateway.process.pid, *gateway.pids["workers"], gateway.pids["control"]]
        for pid in tree:
            os.kill(pid, signal.SIGKILL)
        gateway.process.wait(30)
    return folder / "state"


def damaged(file: Path, how: str) -> None:
    data = file.read_bytes()
    file.write_bytes(data[: len(data) // 2] if how == "cut" else os.urandom(max(len(data), 64)))


def groups(state: Path) -> dict[str, list[Path]]:
    """Files that belong together, by what they are: the database, the audit log, the write-ahead logs, each of the others."""
    found: dict[str, list[Path]] = {}
    for path in sorted(state.rglob("*")):
        name = path.relative_to(state)
        if path.is_file() and path.stat().st_size:
            found.setdefault(name.parts[0].removesuffix("-wal").removesuffix("-shm"), []).append(name)
    return found


@pytest.mark.long
@pytest.mark.parametrize("how", ["cut", "garbage"])
def test_a_damaged_file_stops_nobody_or_says_so(simulator: RunningSimulator, used: Path, tmp_path: Path, how: str) -> None:
    """C31: whichever file it is, the gateway serves what it can serve all the same, or says at the start which file is damaged and
    what to do; it never fails in the middle of a request, and reports no bug of its own."""
    served, refused = [], []
    for group, files in groups(used).items():
        folder = tmp_path / group
        folder.mkdir()
        shutil.copytree(used, folder / "state", ignore=shutil.ignore_patterns("*.sock"))
        for file in files:
            damaged(folder / "state" / file, how)
        try:
            with running_gateway(configuration(simulator), folder) as gateway:
                assert chat(gateway) == 200, group
                served.append(group)
        except AssertionError as error:
            text = str(error)
            assert "the gateway did not start" in text, (group, text)
            assert f"/{group}" in text, (group, text)
            assert "Traceback" not in text, (group, text)
            refused.append(group)
    assert {"gateway.db", "ledger", "snapshot", "audit"} <= set(served), (served, refused)
