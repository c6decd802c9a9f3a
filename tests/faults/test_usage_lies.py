"""A provider that lies of what was used, before a real gateway: C28 of faults.md."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator

import pytest

from faults.spent import BIG, OUTPUT, ask, configuration, priced, simulator
from faults.world import payload, question
from gateway_process import GatewayProcess, running_gateway
from llm_gateway.simulator import RunningSimulator

__all__ = ["simulator"]
pytestmark = pytest.mark.timeout(90)
LIES = {
    "nothing": b'{"prompt_tokens":0,"completion_tokens":0,"total_tokens":0}',
    "less-than-nothing": b'{"prompt_tokens":-5,"completion_tokens":-1000000,"total_tokens":-1000005}',
    "words": b'{"prompt_tokens":"many","completion_tokens":null}',
    "a-list": b"[1,2,3]",
    "more-than-there-is": b'{"prompt_tokens":9223372036854775807,"completion_tokens":9223372036854775807}',
    "null": b"null",
}


class Liar:
    """An upstream that says of its usage what the model's name asks for."""

    def __init__(self) -> None:
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while True:
            try:
                connection, _ = self._server.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(5)
                with contextlib.suppress(OSError):
                    data = b""
                    while b"\r\n\r\n" not in data or len(data.partition(b"\r\n\r\n")[2]) < _length(data):
                        data += connection.recv(1 << 16)
                    answer = _lying(data)
                    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"
                    connection.sendall(head % len(answer) + answer)

    def close(self) -> None:
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self._thread.join(5)


def _lying(request: bytes) -> bytes:
    usage = next(usage for name, usage in LIES.items() if f"priced-{name}".encode() in request)
    return (
        b'{"id":"c","object":"chat.completion","created":1,"model":"priced","choices":[{"index":0,"finish_reason":"stop",'
        b'"message":{"role":"assistant","content":"%b"}}],"usage":%b}' % (b"all that was written " * 20, usage)
    )


def _length(data: bytes) -> int:
    lower = data.lower()
    at = lower.find(b"content-length:")
    return int(lower[at + 15 :].split(b"\r\n", 1)[0])


@pytest.fixture(scope="module")
def lied_to(simulator: RunningSimulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    liar = Liar()
    try:
        config = configuration(simulator, [{"name": "big", "key": BIG, "budgets": [{"amount": 10, "period": "total"}]}])
        config["providers"]["openai"]["base_url"] = f"http://127.0.0.1:{liar.port}/v1"
        config["models"] = {lie: {"deployments": [f"openai/priced-{lie}"], "retries": 0} for lie in LIES}
        with running_gateway(config, tmp_path_factory.mktemp("lies")) as gateway:
            yield gateway
    finally:
        liar.close()


@pytest.mark.parametrize("lie", LIES)
def test_a_provider_that_lies_of_its_usage_is_not_for_nothing(lied_to: GatewayProcess, lie: str) -> None:
    """C28: usage that cannot be is replaced by an estimate of what was written; a budget is neither free nor gone for good, and the
    next request is served."""
    for _ in range(2):
        got = ask(lied_to, BIG, payload("openai", lie, question()))
        assert got.status == 200, got
        found = priced(lied_to, got, 40)
        assert found.estimated
        assert found.cost < 1000 * OUTPUT
