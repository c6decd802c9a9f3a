"""Responses and files that a real gateway keeps: several workers, both databases, and what is left when a process is killed."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from e2e.world import eventually
from gateway_process import KEY, GatewayProcess, running_gateway
from llm_gateway.simulator import RunningSimulator, SimulatorOptions, running_simulator
from servers import postgres_server
from store_support import new_database

pytestmark = pytest.mark.timeout(90)
OTHER = "sk-gateway-other-0123456789abcdef"
SECRET = "the-tide-is-high-4711"
TIMES = 10
"""New connections until every worker was asked, but once in a thousand."""


@pytest.fixture(scope="module")
def simulator() -> Iterator[RunningSimulator]:
    with running_simulator(SimulatorOptions()) as made:
        yield made


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.long)])
def database(request: pytest.FixtureRequest) -> dict[str, Any]:
    if request.param == "sqlite":
        return {}
    postgres_server()
    return {"database": {"url": new_database(), "migrate": "auto"}}


def configuration(simulator: RunningSimulator, **sections: Any) -> dict[str, Any]:
    provider = {"base_url": f"{simulator.url}/v1", "api_key": "sk-provider-0123456789"}
    return {
        "server": {"workers": 2},
        "auth": {"keys": [{"name": "tests", "key": KEY}, {"name": "other", "key": OTHER}]},
        "providers": {"sim": {"type": "openai", **provider}, "chat": {"type": "openai_compatible", **provider}},
        "models": {"m": "sim/x", "c": "chat/x", "slow": "chat/x@@rechunk:mode=event,delay=0.02"},
        "files": {"provider": "sim"},
        **sections,
    }


class Answer:
    """Of the gateway."""

    def __init__(self, reply: http.client.HTTPResponse) -> None:
        self.status_code = reply.status
        self.headers = {name.lower(): value for name, value in reply.getheaders()}
        self.text = reply.read().decode()

    def json(self) -> Any:
        return msgspec.json.decode(self.text)


@contextlib.contextmanager
def connected(gateway: GatewayProcess) -> Iterator[http.client.HTTPConnection]:
    """A connection of its own: any of the workers may get it."""
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=20)
    try:
        yield connection
    finally:
        connection.close()


def ask(gateway: GatewayProcess, method: str, path: str, body: Any = None, key: str = KEY) -> Answer:
    data = body if isinstance(body, bytes) else b"" if body is None else msgspec.json.encode(body)
    media = "multipart/form-data; boundary=xyz" if isinstance(body, bytes) else "application/json"
    with connected(gateway) as connection:
        connection.request(method, path, data, {"Authorization": f"Bearer {key}", "Content-Type": media})
        return Answer(connection.getresponse())


def upload(gateway: GatewayProcess) -> str:
    """The id of a new file."""
    head = b'--xyz\r\nContent-Disposition: form-data; name="'
    form = head + b'purpose"\r\n\r\nbatch\r\n' + head + b'file"; filename="a.jsonl"\r\n\r\n{}\r\n--xyz--\r\n'
    answered = ask(gateway, "POST", "/v1/files", form)
    assert answered.status_code == 200, answered.text
    return str(answered.json()["id"])


def create(gateway: GatewayProcess, model: str = "c", **more: Any) -> Answer:
    return ask(gateway, "POST", "/v1/responses", {"model": model, "input": SECRET, **more})


def kept(gateway: GatewayProcess, model: str = "c", **more: Any) -> str:
    """The id of a new response."""
    answered = create(gateway, model, **more)
    assert (answered.status_code, answered.headers.get("x-gateway-stored")) == (200, None), answered.text
    return str(answered.json()["id"])


def statuses(gateway: GatewayProcess, path: str, key: str = KEY, times: int = TIMES) -> set[int]:
    return {ask(gateway, "GET", path, key=key).status_code for _ in range(times)}


def ready(gateway: GatewayProcess) -> None:
    """Control has its store, and the workers have control."""
    assert eventually(lambda: '"event":"store_ready"' in gateway.events(), 20)
    assert eventually(lambda: gateway.events().count('"event":"control_linked"') >= 2, 20)


def test_two_workers_share_what_is_kept(simulator: RunningSimulator, tmp_path: Path, database: dict[str, Any]) -> None:
    """Whoever answered, the next worker finds it at once, streams too; what is deleted is gone everywhere; nobody else sees it.

    A whole new gateway goes on from there; on disk nobody reads what was said.
    """
    config = configuration(simulator, **database)
    with running_gateway(config, tmp_path) as gateway:
        ready(gateway)
        first = kept(gateway)
        assert statuses(gateway, f"/v1/responses/{first}") == {200}
        assert statuses(gateway, f"/v1/responses/{first}", OTHER) == {404}
        ident = first
        for _ in range(6):
            ident = kept(gateway, previous_response_id=ident)
        listed = ask(gateway, "GET", f"/v1/responses/{ident}/input_items?limit=100").json()["data"]
        assert len(listed) == 13
        for _ in range(6):
            with connected(gateway) as connection:
                body = {"model": "c", "input": "x", "stream": True, "previous_response_id": ident}
                connection.request("POST", "/v1/responses", msgspec.json.encode(body), {"Authorization": f"Bearer {KEY}"})
                for line in connection.getresponse():
                    if line.startswith(b"data:") and b'"response.completed"' in line:
                        ident = msgspec.json.decode(line[5:])["response"]["id"]
                        assert ask(gateway, "GET", f"/v1/responses/{ident}").status_code == 200
        assert ask(gateway, "DELETE", f"/v1/responses/{first}").json()["deleted"]
        assert statuses(gateway, f"/v1/responses/{first}") == {404}
        assert create(gateway, previous_response_id=ident).status_code == 404
        made = upload(gateway)
        assert statuses(gateway, f"/v1/files/{made}") == {200}
        assert statuses(gateway, f"/v1/files/{made}", OTHER) == {404}
        assert ask(gateway, "GET", "/v1/files", key=OTHER).json()["data"] == []
        another = kept(gateway)
    for file in (tmp_path / "state").rglob("*"):
        assert not file.is_file() or SECRET.encode() not in file.read_bytes(), file
    with running_gateway(config, tmp_path) as gateway:
        assert ask(gateway, "GET", f"/v1/responses/{another}").status_code == 200  # also while control is starting
        assert create(gateway, previous_response_id=another).status_code == 200
        assert ask(gateway, "GET", f"/v1/files/{made}").status_code == 200
        assert ask(gateway, "GET", f"/v1/files/{made}", key=OTHER).status_code == 404


@pytest.mark.long
def test_processes_are_killed_in_between(simulator: RunningSimulator, tmp_path: Path) -> None:
    """Conversations go on: what is asked waits until control is back, and what is answered meanwhile is kept.

    503 is for a machine on which control takes ten seconds to start; it is never said that nothing is there. A worker's death
    takes nothing with it that was answered while control was there.
    """
    with running_gateway(configuration(simulator), tmp_path) as gateway:
        ready(gateway)
        ident = kept(gateway)
        answers: list[Answer] = []
        over = threading.Event()

        def converse() -> None:
            last = ident
            while not over.is_set():
                answers.append(create(gateway, previous_response_id=last))
                if answers[-1].status_code == 200:
                    last = answers[-1].json()["id"]

        threads = [threading.Thread(target=converse) for _ in range(2)]
        for thread in threads:
            thread.start()
        for _ in range(2):
            before = len(answers)
            assert eventually(lambda before=before: len(answers) > before + 10, 10)  # type: ignore[misc]
            pid = control_of(gateway)
            os.kill(pid, signal.SIGKILL)
            assert eventually(lambda pid=pid: control_of(gateway) != pid, 15)  # type: ignore[misc]
        before = len(answers)
        assert eventually(lambda: len(answers) > before + 10, 10)
        over.set()
        for thread in threads:
            thread.join(20)
        assert {answer.status_code for answer in answers} <= {200, 503}
        good = [answer for answer in answers if answer.status_code == 200]
        assert len(good) > 30
        assert {answer.headers.get("x-gateway-stored") for answer in good} == {None}
        idents = [answer.json()["id"] for answer in good]
        assert {ask(gateway, "GET", f"/v1/responses/{ident}").status_code for ident in idents} == {200}
        for pid in gateway.pids["workers"]:
            os.kill(pid, signal.SIGKILL)
        assert {ask(gateway, "GET", f"/v1/responses/{ident}").status_code for ident in idents} == {200}


def control_of(gateway: GatewayProcess) -> int:
    """The process id of the newest control process."""
    started = [line for line in gateway.events().splitlines() if '"process":"control"' in line and '"process_started"' in line]
    return int(msgspec.json.decode(started[-1])["pid"]) if started else int(gateway.pids["control"])


@pytest.mark.long
def test_while_the_database_is_stopped(simulator: RunningSimulator, tmp_path: Path) -> None:
    """Plain requests go on and are kept later; what needs the database is told 503, and never that nothing is there."""
    server = postgres_server()
    config = configuration(simulator, database={"url": new_database(), "migrate": "auto", "timeout": "2s"})
    with running_gateway(config, tmp_path) as gateway:
        ready(gateway)
        ident = kept(gateway)
        server.stop("fast")  # "immediate" may lose what was committed: the tests' server does not wait for its disk
        try:
            for _ in range(4):
                answered = create(gateway, previous_response_id=ident)
                assert (answered.status_code, answered.json()["error"]["code"]) == (503, "store_unavailable")
                assert answered.headers["retry-after"] == "1"
                assert ask(gateway, "GET", f"/v1/responses/{ident}").status_code == 503
                assert ask(gateway, "DELETE", f"/v1/responses/{ident}").status_code == 503
                assert ask(gateway, "GET", "/v1/files/file-x").status_code == 503
            meanwhile = [kept(gateway) for _ in range(5)]
            assert ask(gateway, "POST", "/v1/responses", {"model": "m", "input": "x", "store": False}).status_code == 200
        finally:
            server.start()
        assert eventually(lambda: ask(gateway, "GET", f"/v1/responses/{ident}").status_code != 503, 20)
        assert ask(gateway, "GET", f"/v1/responses/{ident}").status_code == 200
        for one in meanwhile:
            assert eventually(lambda one=one: statuses(gateway, f"/v1/responses/{one}", times=4) == {200}, 10)  # type: ignore[misc]


def test_in_memory_nothing_is_on_disk(simulator: RunningSimulator, tmp_path: Path) -> None:
    """As the configuration says; it is this worker's, and control may be away."""
    config = configuration(simulator, responses={"store": "memory"}, server={"workers": 1})
    with running_gateway(config, tmp_path) as gateway:
        ident = kept(gateway)
        os.kill(gateway.pids["control"], signal.SIGKILL)
        assert ask(gateway, "GET", f"/v1/responses/{ident}").status_code == 200
        assert create(gateway, previous_response_id=ident).status_code == 200
    with running_gateway(config, tmp_path) as gateway:
        assert ask(gateway, "GET", f"/v1/responses/{ident}").status_code == 404
