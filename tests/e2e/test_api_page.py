"""docs/API.md tells the truth: its examples run, and its tables have every endpoint, error and header."""

from __future__ import annotations

import gc
import re
import shutil
import subprocess
import warnings
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from e2e.world import World
from llm_gateway.core import errors
from llm_gateway.dialects.anthropic_messages import ANTHROPIC_MESSAGES
from llm_gateway.dialects.anthropic_messages.errors import type_of
from llm_gateway.edge import health
from llm_gateway.worker.world import FRONTS

PAGE = (Path(__file__).parents[2] / "docs" / "API.md").read_text()
VERCEL = Path(__file__).parent / "vercel"


def examples(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def filled_in(text: str, world: World) -> str:
    assert "http://127.0.0.1:8080" in text
    return text.replace("http://127.0.0.1:8080", world.url).replace("YOUR-KEY", world.key)


@pytest.fixture
def forgiving() -> Iterator[None]:
    """Examples are short: they leave it to the end of the process to close LangChain's connections."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
        gc.collect()


@pytest.mark.usefixtures("forgiving")
@pytest.mark.parametrize("number", range(len(examples("python"))))
def test_python_examples(world: World, number: int, capsys: pytest.CaptureFixture[str]) -> None:
    """Each runs as it stands, and prints two answers."""
    exec(compile(filled_in(examples("python")[number], world), f"docs/API.md example {number}", "exec"), {})  # noqa: S102
    assert capsys.readouterr().out.count("You said: Hello!") == 2


def test_curl_example(world: World) -> None:
    """A stream to its end."""
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    (line,) = examples("bash")
    done = subprocess.run(["bash", "-c", filled_in(line, world)], capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout.rstrip().endswith("data: [DONE]")


@pytest.mark.timeout(180)
def test_javascript_example(world: World, ai_sdk: Path) -> None:
    """Both providers of the AI SDK."""
    (text,) = examples("js")
    done = subprocess.run(
        [ai_sdk, "--input-type=module", "-e", filled_in(text, world)],
        cwd=VERCEL,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.stdout.count("You said: Hello!") == 2, done.stderr


def test_every_endpoint_is_there() -> None:
    """Model operations and health, none missing."""
    for path in (*FRONTS, *health.PATHS, b"/v1/models", b"/health/providers"):
        assert re.search(rf"`(GET |POST )?{re.escape(path.decode())}`", PAGE), path


def kinds(base: type[errors.GatewayError]) -> Iterator[type[errors.GatewayError]]:
    yield base
    for kind in base.__subclasses__():
        yield from kinds(kind)


@pytest.mark.parametrize("kind", [*kinds(errors.GatewayError)], ids=lambda kind: kind.__name__)
def test_every_error_is_there(kind: type[errors.GatewayError]) -> None:
    """Status, type and code in both dialects, as one row of the table."""
    error = kind("x")
    row = f"| {error.status} | `{error.type}` | `{error.code}` | {ANTHROPIC_MESSAGES.status_of(error)} `{type_of(error)}` |"
    assert row in PAGE


def test_every_header_is_there(world: World) -> None:
    """Whatever a response carries beyond HTTP's own framing has its row."""
    own = {"content-type", "content-length", "transfer-encoding", "connection", "date", "server", "vary"}
    seen: set[str] = set()
    with httpx.Client(base_url=world.url, headers={"Authorization": f"Bearer {world.key}"}, trust_env=False) as client:
        for model in ("gpt", "claude", "failover", "gpt-503", "gpt-429", "nothing"):
            for more in ({}, {"stream": True, "seed": 1}):
                body = {"model": model, "messages": [{"role": "user", "content": "Hi"}], **more}
                seen |= set(client.post("/v1/chat/completions", json=body).headers)
        count = {"model": "gpt", "messages": [{"role": "user", "content": "Hi"}]}
        seen |= set(client.post("/v1/messages/count_tokens", json=count).headers)
        seen |= set(client.get("/v1/models").headers)
        seen |= set(client.get("/v1/messages").headers)
        seen |= set(client.get("/v1/models", headers={"Authorization": "Bearer wrong"}).headers)
    assert {"x-gateway-estimated", "x-gateway-dropped", "x-gateway-failover", "retry-after", "allow", "etag"} <= seen
    documented = {name.lower() for name in re.findall(r"`([A-Za-z-]+)`", PAGE)}
    assert seen - own - documented == set()
