"""A provider that fails on demand behind a real gateway, both fronts before it: what the tests of this folder share.

A `Row` is one fault; `running_world` makes two model names of it, `openai-LABEL` and `anthropic-LABEL`, one
for each dialect a provider speaks. Asked through both fronts that gives the four lanes, two of them translated.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import re
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec

from faults.answers import Got
from gateway_process import KEY, GatewayProcess, running_gateway
from llm_gateway.simulator import RunningSimulator, Seen, SimulatorOptions, running_simulator

OPENAI_KEY = "sk-canary-openai-0123456789abcdef"
ANTHROPIC_KEY = "sk-ant-canary-0123456789abcdef"
FRONTS = ("openai", "anthropic")
LANES = tuple((front, back) for front in FRONTS for back in FRONTS)
PATHS = {"openai": "/v1/chat/completions", "anthropic": "/v1/messages"}
PATIENT = {"connect": "5s", "head": "20s", "first_token": "20s", "idle": "20s", "total": "30s"}
HASTY = {"connect": "1s", "head": "300ms", "first_token": "400ms", "idle": "300ms", "total": "1500ms"}
NO_GUARDS = {"circuit_breaker": {"enabled": False}, "shedding": {"enabled": False}, "health_check": {"enabled": False}}
"""For tests of one failure at a time: a deployment that fails on purpose is asked again and again, on a machine that is busy."""


@dataclass(frozen=True)
class Row:
    """What a model name does. `then`: a second deployment, healthy. `in_path`: the fault stands in the
    base URL instead of the model's name, which shows in logs and is only read with the request's body. `apart`: each lane and
    way has an account of its own (`apart`, below, names its model), because a provider that refuses our key is left alone for a
    minute."""

    fault: str = ""
    retries: int = 0
    hasty: bool = False
    then: bool = False
    in_path: bool = False
    apart: bool = False
    timeouts: Mapping[str, str] = field(default_factory=dict)


@dataclass
class World:
    simulator: RunningSimulator
    gateway: GatewayProcess

    def ask(
        self,
        front: str,
        model: str,
        text: str = "",
        *,
        stream: bool = False,
        tokens: int = 0,
        more: Mapping[str, Any] | None = None,
    ) -> Got:
        """One request on a connection of its own."""
        with self.client() as client:
            return client.ask(front, model, text, stream=stream, tokens=tokens, more=more)

    @contextlib.contextmanager
    def client(self) -> Iterator[Client]:
        """A client that keeps its connection."""
        made = Client(self.gateway.port)
        try:
            yield made
        finally:
            made.close()

    def raw(self) -> socket.socket:
        """A connection for bytes."""
        return socket.create_connection(("127.0.0.1", self.gateway.port), timeout=10)

    def seen(self, question: str) -> list[Seen]:
        """The requests that the provider was sent with `question` in their body, oldest first."""
        return [seen for seen in self.simulator.requests if question.encode() in seen.body]

    def well(self, front: str, back: str) -> None:
        """The next request through the same gateway gets its own answer, streamed and whole, and is sent once."""
        for stream in (True, False):
            asked = question()
            got = self.ask(front, f"{back}-well", asked, stream=stream)
            assert got.status == 200, got
            assert got.complete, got
            assert asked in got.text, got
            assert len(self.seen(asked)) == 1

    def access(self, model: str) -> dict[str, Any]:
        """The last line of the access log about `model`."""
        assert eventually(lambda: any(line["model"] == model for line in self.gateway.access_lines()))
        return [line for line in self.gateway.access_lines() if line["model"] == model][-1]


class Client:
    """http.client, kept open, with an eye on whether an answer was complete."""

    def __init__(self, port: int) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)

    def ask(
        self,
        front: str,
        model: str,
        text: str = "",
        *,
        stream: bool = False,
        tokens: int = 0,
        more: Mapping[str, Any] | None = None,
    ) -> Got:
        return self.send(front, payload(front, model, text, stream=stream, tokens=tokens, more=more))

    def send(self, front: str, body: bytes, headers: Mapping[str, str] | None = None) -> Got:
        """Any body."""
        started = time.monotonic()
        self.connection.request("POST", PATHS[front], body, {**head(front), **(headers or {})})
        answer = self.connection.getresponse()
        arrivals: list[tuple[float, bytes]] = []
        complete = True
        try:
            while piece := answer.read1(1 << 16):
                arrivals.append((time.monotonic() - started, piece))
        except (http.client.IncompleteRead, ConnectionError):
            complete = False
        read = b"".join(piece for _, piece in arrivals)
        if complete:
            answer.read()  # tells http.client that the connection is free
        length = answer.headers.get("content-length")
        if length is not None:
            complete = complete and len(read) == int(length)
        told = tuple((name.lower(), value) for name, value in answer.getheaders())
        return Got(front, answer.status, told, read, complete, time.monotonic() - started, tuple(arrivals))

    def close(self) -> None:
        self.connection.close()


def head(front: str) -> dict[str, str]:
    """The headers of a caller of that front."""
    if front == "openai":
        return {"Content-Type": "application/json", "Authorization": f"Bearer {KEY}"}
    return {"Content-Type": "application/json", "x-api-key": KEY, "anthropic-version": "2023-06-01"}


def payload(
    front: str, model: str, text: str = "", *, stream: bool = False, tokens: int = 0, more: Mapping[str, Any] | None = None
) -> bytes:
    """A request. `tokens`: how long the answer shall be, instead of one that repeats the text."""
    said = f"{text or question()}{f' [tokens={tokens}]' if tokens else ''}"
    made: dict[str, Any] = {"model": model, "messages": [{"role": "user", "content": said}], "stream": stream}
    if front == "anthropic":
        made["max_tokens"] = 100_000
    return msgspec.json.encode({**made, **(more or {})})


def request_bytes(front: str, body: bytes, *lines: str) -> bytes:
    """The same for a socket."""
    told = [f"{name}: {value}" for name, value in head(front).items()]
    return (
        "\r\n".join(
            [f"POST {PATHS[front]} HTTP/1.1", "Host: gateway", *told, f"Content-Length: {len(body)}", *lines, "", ""]
        ).encode()
        + body
    )


def read_until_closed(sock: socket.socket) -> bytes:
    """Everything until the gateway closes; a reset counts as closing."""
    data = b""
    with contextlib.suppress(ConnectionError):
        while piece := sock.recv(1 << 16):
            data += piece
    return data


def question() -> str:
    """Words that only one test sends, to find its request at the provider and its answer at the client."""
    return f"Hello {uuid.uuid4().hex[:12]}"


def nothing_leaked(world: World, got: Got) -> None:
    """No address, credential, path of a file or traceback is in what the client got."""
    told = "".join(f"{name}: {value}\n" for name, value in got.headers) + got.body.decode("utf-8", "replace")
    for secret in (
        f":{world.simulator.port}",
        "127.0.0.1",
        OPENAI_KEY,
        ANTHROPIC_KEY,
        KEY,
        "canary",
        "Traceback",
        ".py",
        "pwned",
    ):
        assert secret not in told, (secret, told)
    for name in ("set-cookie", "server", "openai-organization", "anthropic-organization-id", "x-echoed", "x-padding"):
        assert got.header(name) is None, (name, got)


def refused(world: World, got: Got, *statuses: int) -> None:
    """A whole error with one of `statuses`, in the front's shape, that gives nothing away."""
    assert got.status in statuses, got
    assert got.complete, got
    assert got.error
    nothing_leaked(world, got)


def eventually(check: Callable[[], bool], seconds: float = 15.0) -> bool:
    """Whether `check` becomes true in time."""
    end = time.monotonic() + seconds
    while not check():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


def configuration(simulator: RunningSimulator, rows: Mapping[str, Row]) -> dict[str, Any]:
    """Two providers on one simulator, and for each row a model name at each of them."""
    providers: dict[str, Any] = {"openai": provider("openai", simulator.url), "anthropic": provider("anthropic", simulator.url)}
    models: dict[str, Any] = {}
    for label, row in {"well": Row(), **rows}.items():
        for back in FRONTS:
            for name in _names(back, label) if row.apart else (f"{back}-{label}",):
                first = f"{back}/sim-model"
                if row.in_path or row.apart:
                    path = f"/f/{quote(row.fault, safe='')}" if row.in_path else ""
                    providers[name] = provider(back, simulator.url + path)
                    first = f"{name}/sim-model"
                if row.fault and not row.in_path:
                    first += f"@@{row.fault}"
                deployments = [first, f"{back}/sim-model"] if row.then else [first]
                timeouts = {**(HASTY if row.hasty else PATIENT), **row.timeouts}
                models[name] = {"deployments": deployments, "retries": row.retries, "timeouts": timeouts}
    return {"providers": providers, "models": models, "resilience": NO_GUARDS}


def apart(front: str, back: str, label: str, *, stream: bool) -> str:
    """The model of a row that is `apart`."""
    return f"{back}-{label}-{front}-{'stream' if stream else 'whole'}"


def _names(back: str, label: str) -> list[str]:
    return [apart(front, back, label, stream=stream) for front in FRONTS for stream in (True, False)]


def provider(kind: str, url: str) -> dict[str, str]:
    """An account at a provider that speaks `kind`."""
    return {"type": kind, "base_url": url, "api_key": OPENAI_KEY if kind == "openai" else ANTHROPIC_KEY}


@contextlib.contextmanager
def running_world(
    folder: Path,
    rows: Mapping[str, Row],
    change: Callable[[dict[str, Any], RunningSimulator], None] | None = None,
    **options: Any,
) -> Iterator[World]:
    """The simulator in a thread, the gateway in a process. `change` edits the configuration, `options` are the simulator's."""
    with running_simulator(SimulatorOptions(log_size=5000, **options)) as simulator:
        config = configuration(simulator, rows)
        if change is not None:
            change(config, simulator)
        with running_gateway(config, folder) as gateway:
            yield World(simulator, gateway)


@contextlib.contextmanager
def slowest_neighbour(world: World, path: str = "/health/live") -> Iterator[list[float]]:
    """How long each of another caller's requests took during the block (seconds), one after the other."""
    took: list[float] = [0.0]
    over = threading.Event()

    def ask() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", world.gateway.port, timeout=20)
        while not over.wait(0.005):
            started = time.monotonic()
            connection.request("GET", path)
            connection.getresponse().read()
            took.append(time.monotonic() - started)
        connection.close()

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield took
    finally:
        over.set()
        thread.join()


def peak_kb(world: World) -> int:
    """The most memory the gateway ever had (KiB)."""
    status = Path(f"/proc/{world.gateway.worker}/status").read_text()
    return int(re.findall(r"VmHWM:\s+(\d+)", status)[0])


def cpu_seconds(world: World) -> float:
    """What the gateway has computed so far: what it spends in one go, nobody else is served in. Unlike a wait, this does not grow
    with what else the machine does.
    """
    fields = Path(f"/proc/{world.gateway.worker}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
