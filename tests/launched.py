"""A gateway started by a command of the test's own: not from this tree, not as this user, not with these rights."""

from __future__ import annotations

import contextlib
import http.client
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from gateway_process import KEY


def configuration(port: int, admin: int, state: Path) -> bytes:
    """One simulated provider, which the gateway starts itself, with the same interpreter and rights."""
    return msgspec.json.encode(
        {
            "server": {"port": port, "drain": "10s", "admin": {"port": admin}},
            "auth": {"keys": [{"name": "tests", "key": KEY}]},
            "providers": {"fake": {"type": "simulator", "tokens_per_second": 20}},
            "models": {"fake": "fake/any"},
            "state": {"dir": str(state)},
        }
    )


@contextlib.contextmanager
def launched(command: Sequence[str], port: int, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Until it is ready; killed at the end if it still runs. What it says is in `folder`/said."""
    with (folder / "said").open("wb") as said:
        process = subprocess.Popen(command, stdout=said, stderr=subprocess.STDOUT, env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"})
    try:
        end = time.monotonic() + 30
        while time.monotonic() < end:
            assert process.poll() is None, (folder / "said").read_text()
            with contextlib.suppress(OSError):
                if asked(port, "GET", "/health/ready")[0] == 200:
                    break
            time.sleep(0.05)
        else:
            raise AssertionError(f"it is not ready: {(folder / 'said').read_text()}")
        yield process
    finally:
        if process.poll() is None:
            process.kill()
            process.wait(20)


def until(true: Callable[[], bool], seconds: float = 30.0) -> None:
    """Waits for something that happens by itself."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)


def asked(port: int, method: str, path: str, body: Any = None, key: str = KEY) -> tuple[int, bytes]:
    """One request."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        document = None if body is None else msgspec.json.encode(body)
        connection.request(method, path, document, {"Authorization": f"Bearer {key}"})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def serves_and_drains(process: subprocess.Popen[bytes], port: int, signalled: int) -> None:
    """It answers; on SIGTERM in the middle of a stream it ends that one first, and then itself with 0.

    `signalled`: the process to tell, which is not `process` where that one is a wrapper.
    """
    question = {"model": "fake", "messages": [{"role": "user", "content": "one two three four five six"}]}
    status, body = asked(port, "POST", "/v1/chat/completions", question)
    assert status == 200, body
    assert "one two three" in msgspec.json.decode(body)["choices"][0]["message"]["content"]
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request(
        "POST", "/v1/chat/completions", msgspec.json.encode({**question, "stream": True}), {"Authorization": f"Bearer {KEY}"}
    )
    answer = connection.getresponse()
    begun = answer.read1(1024)
    subprocess.run(["kill", f"-{signal.SIGTERM.value}", str(signalled)], check=True)
    rest = answer.read()
    connection.close()
    assert begun
    assert rest.endswith(b"data: [DONE]\n\n")
    assert process.wait(30) == 0
