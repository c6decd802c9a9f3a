"""health-check.sh and smoke-tests.sh against a gateway that runs, and against broken ones."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from deployment.scripts import SCRIPTS, answering, run
from gateway_process import KEY, GatewayProcess, running_gateway
from llm_gateway.simulator import RunningSimulator, running_simulator
from servers import free_port

pytestmark = [pytest.mark.deployment, pytest.mark.timeout(120)]
ALL = sorted(path.name for path in SCRIPTS.glob("*.sh") if os.access(path, os.X_OK))
ADMIN = "sk-gateway-admin-0123456789abcdef"
MODEL = {"SMOKE_MODEL": "m", "API_KEY": KEY}
WELL = (
    b'{"status":"healthy","version":"1","providers":[{"name":"a","healthy":true}],"dependencies":{"redis":%s,"disk_space_gb":9}}'
)


@pytest.fixture(scope="module")
def simulator() -> Iterator[RunningSimulator]:
    with running_simulator() as made:
        yield made


def configuration(url: str, **more: Any) -> dict[str, Any]:
    keys = [{"name": "tests", "key": KEY}, {"name": "admin", "key": ADMIN, "kind": "admin"}]
    return {
        "auth": {"keys": keys},
        "providers": {"sim": {"type": "openai", "base_url": f"{url}/v1", "api_key": "sk-provider-0123456789"}},
        "models": {"m": "sim/one"},
        **more,
    }


@pytest.fixture(scope="module")
def gateway(simulator: RunningSimulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    with running_gateway(configuration(simulator.url), tmp_path_factory.mktemp("gateway")) as made:
        yield made


def smoke(gateway: GatewayProcess, **environ: str) -> subprocess.CompletedProcess[str]:
    return run("smoke-tests.sh", gateway.url, METRICS_URL=f"{gateway.admin}/metrics", ADMIN_KEY=ADMIN, **MODEL | environ)


@pytest.mark.parametrize("script", ALL)
def test_help_is_told(script: str) -> None:
    """--help says how the script is called; an unknown option is status 2, and says so."""
    told = run(script, "--help")
    assert (told.returncode, told.stdout.startswith(script)) == (0, True)
    assert "#!" not in told.stdout
    wrong = run(script, "--nonsense")
    assert (wrong.returncode, script in wrong.stderr) == (2, True)


def test_smoke_tests_pass(gateway: GatewayProcess) -> None:
    """All eight against a gateway that is well; the key is in no output."""
    done = smoke(gateway)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "8 passed, 0 failed" in done.stdout
    assert KEY not in done.stdout + done.stderr


def test_health_check_passes(gateway: GatewayProcess) -> None:
    """Providers, Redis that is not configured, disk and a chat completion."""
    done = run("health-check.sh", gateway.url, **MODEL)
    assert done.returncode == 0, done.stdout + done.stderr
    for told in ("2 health: healthy", "3 providers: all 1 are healthy", "4 Redis: disabled", "5 disk", "6 chat: m answered"):
        assert told in done.stdout
    assert done.stdout.endswith("healthy\n")


def test_a_wrong_key(gateway: GatewayProcess) -> None:
    """The chat test fails with the gateway's own words and what to do; a health check only warns."""
    done = smoke(gateway, API_KEY="sk-gateway-of-nobody-0123456789")
    assert done.returncode == 1
    assert "FAILED: 3 chat" in done.stderr
    assert "API_KEY is not known here" in done.stderr
    assert "2 failed" in done.stdout  # and the stream
    soft = run("health-check.sh", gateway.url, SMOKE_MODEL="m")
    assert (soft.returncode, "API_KEY is not set" in soft.stderr) == (0, True)


def test_a_model_that_is_not_there(gateway: GatewayProcess) -> None:
    """It says that SMOKE_MODEL should be one that there is."""
    done = smoke(gateway, SMOKE_MODEL="none-such")
    assert (done.returncode, "there is no model none-such" in done.stderr) == (1, True)


def test_nobody_listens() -> None:
    """Both say so, and where; nothing counts as passed."""
    url = f"http://127.0.0.1:{free_port()}"
    done = run("smoke-tests.sh", url, METRICS_URL=f"{url}/metrics", **MODEL)
    assert done.returncode == 1
    assert "nobody listens there" in done.stderr
    assert "0 passed, 8 failed" in done.stdout
    checked = run("health-check.sh", url)
    assert (checked.returncode, "nobody listens there" in checked.stderr) == (1, True)


def test_no_provider_is_healthy(tmp_path: Path) -> None:
    """/health is 503 after failures in a row; both scripts say which provider fails."""
    config = configuration(f"http://127.0.0.1:{free_port()}")
    config["server"] = {"cors": {"origins": ["https://other.example.com"]}}
    with running_gateway(config, tmp_path) as gateway:
        with httpx.Client(base_url=gateway.url, trust_env=False) as client:
            for _ in range(10):
                body = {"model": "m", "messages": [{"role": "user", "content": "Hi"}]}
                client.post("/v1/chat/completions", headers={"Authorization": f"Bearer {KEY}"}, json=body)
                if client.get("/health").status_code == 503:
                    break
        checked = run("health-check.sh", gateway.url)
        assert checked.returncode == 1
        assert "these providers fail: sim" in checked.stderr
        done = smoke(gateway)
        assert done.returncode == 1
        assert "FAILED: 1 health: not 200" in done.stderr
        assert "FAILED: 5 web pages may not call: no Access-Control-Allow-Origin for https://app.example.com" in done.stderr
        assert "server.cors.origins" in done.stderr
        assert "FAILED: 5" not in smoke(gateway, SMOKE_CORS="no").stderr
        assert "FAILED: 5" not in smoke(gateway, SMOKE_ORIGIN="https://other.example.com").stderr


def test_something_slow() -> None:
    """An answer over SMOKE_MILLISECONDS is a failure that tells the time; none within TIMEOUT is one, too."""
    with answering({"/health": (200, WELL % b'"disabled"')}) as (server, url):
        server.delay_seconds = 0.05
        done = run("smoke-tests.sh", url, SMOKE_MILLISECONDS="40", METRICS_URL=f"{url}/metrics")
        assert done.returncode == 1
        assert "FAILED: 7 speed: /health is too slow" in done.stderr
        server.delay_seconds = 3
        checked = run("health-check.sh", url, TIMEOUT="0.2")
        assert (checked.returncode, "no answer within 0.2s" in checked.stderr) == (1, True)


def test_something_else_answers() -> None:
    """A page with status 200 in a gateway's place fails what asks for content, errors and metrics."""
    page = (200, b"<html>hello</html>")
    with answering(dict.fromkeys(("/health", "/metrics", "/v1/chat/completions"), page)) as (_, url):
        done = run("smoke-tests.sh", url, METRICS_URL=f"{url}/metrics", **MODEL)
    assert done.returncode == 1
    for told in ("http_requests_total is missing", "no choices[0].message.content", "not answered with an error", "it was cut"):
        assert told in done.stderr


@pytest.mark.parametrize(
    ("redis", "status"), [(b"true", 0), (b'"connected"', 0), (b'"disabled"', 0), (b'"failed"', 1), (b"null", 1)]
)
def test_redis(redis: bytes, status: int) -> None:
    """Connected, or not configured; a Redis that is away is a failure of the health check."""
    with answering({"/health": (200, WELL % redis)}) as (_, url):
        done = run("health-check.sh", url)
    assert done.returncode == status
    assert ("4 Redis is not connected" in done.stderr) == bool(status)


def test_limited_health_checks_are_a_warning_only() -> None:
    """429 for /health is told, and no failure of its own."""
    with answering({"/health": (429, b"{}")}) as (_, url):
        done = run("smoke-tests.sh", url, METRICS_URL=f"{url}/metrics")
    assert "warning: 6 limits: request 1" in done.stderr
    assert "FAILED: 6" not in done.stderr


def test_header_names_have_no_case() -> None:
    """A proxy that writes header names small passes."""
    with answering({}) as (server, url):
        server.headers = {"access-control-allow-origin": "*"}
        assert "ok      5 web pages" in run("smoke-tests.sh", url, METRICS_URL=f"{url}/metrics").stdout


def test_without_python_jq_reads_json(tmp_path: Path) -> None:
    """The same answers with jq; with neither, the reason is told."""
    if shutil.which("jq") is None:
        pytest.skip("jq is not installed")
    programs = (
        "awk",
        "bash",
        "cat",
        "cp",
        "curl",
        "cut",
        "dirname",
        "grep",
        "head",
        "mktemp",
        "paste",
        "rm",
        "sed",
        "tail",
        "tr",
        "wc",
    )
    for name in (*programs, "jq"):
        found = shutil.which(name)
        assert found is not None
        (tmp_path / name).symlink_to(found)
    with answering({"/health": (200, WELL % b'"connected"')}) as (_, url):
        command = [str(tmp_path / "bash"), str(SCRIPTS / "health-check.sh"), url]
        done = subprocess.run(command, env={"PATH": str(tmp_path)}, capture_output=True, text=True, timeout=30, check=False)
        assert done.returncode == 0, done.stderr
        assert "all 1 are healthy" in done.stdout
        (tmp_path / "jq").unlink()
        done = subprocess.run(command, env={"PATH": str(tmp_path)}, capture_output=True, text=True, timeout=30, check=False)
        assert "neither python3 nor jq" in done.stderr


def test_shellcheck(tool: Callable[[str], str], tmp_path: Path) -> None:
    """Every script is clean; a variable without quotes is not."""
    command = [tool("shellcheck"), "--external-sources", "--source-path", str(SCRIPTS.parents[1])]
    done = subprocess.run([*command, *map(str, SCRIPTS.glob("*.sh"))], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout
    planted = tmp_path / "planted.sh"
    planted.write_text("#!/usr/bin/env bash\nrm -rf $1/state\n")
    done = subprocess.run([*command, str(planted)], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, "SC2086" in done.stdout) == (1, True)


def test_an_environment_needs_its_address() -> None:
    """production and staging are known by PRODUCTION_URL and STAGING_URL; what is neither a word nor a URL is refused."""
    done = run("health-check.sh", "production")
    assert (done.returncode, "PRODUCTION_URL is not set" in done.stderr) == (1, True)
    done = run("smoke-tests.sh", "staging")
    assert (done.returncode, "STAGING_URL is not set" in done.stderr) == (1, True)
    assert run("smoke-tests.sh", "nowhere").returncode == 2
