"""deployment/docker's Compose files: valid, complete, without secrets, and what they mount is what the gateway takes."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from launched import asked, launched
from servers import Postgres, RedisServer, free_port, postgres, redis_server  # noqa: F401 - fixtures

ROOT = Path(__file__).parents[2]
DOCKER = ROOT / "deployment" / "docker"
FILES = (ROOT / "docker-compose.yaml", DOCKER / "docker-compose.yaml", DOCKER / "docker-compose.dev.yaml")
COMPOSE: dict[str, Any] = yaml.safe_load(FILES[1].read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]


@pytest.fixture
def secrets(tmp_path: Path) -> dict[str, str]:
    """What make-env.sh writes."""
    file = tmp_path / "made.env"
    subprocess.run(["sh", str(DOCKER / "make-env.sh"), str(file)], check=True, timeout=20, capture_output=True)
    assert file.stat().st_mode & 0o777 == 0o600
    lines = (line.split("=", 1) for line in file.read_text().splitlines())
    return dict(lines) | {"OPENAI_API_KEY": "sk-none"}


@pytest.mark.deployment
@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_the_schema_of_compose(tool: Callable[[str], str], file: Path) -> None:
    """Valid by the schema of the Compose specification."""
    command = [tool("check-jsonschema"), "--builtin-schema", "vendor.compose-spec", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout


@pytest.mark.deployment
def test_the_schema_notices(tool: Callable[[str], str], tmp_path: Path) -> None:
    """A key with a typing error is found."""
    file = tmp_path / "docker-compose.yaml"
    file.write_text(FILES[1].read_text().replace("healthcheck:", "healtcheck:", 1))
    command = [tool("check-jsonschema"), "--builtin-schema", "vendor.compose-spec", str(file)]
    assert subprocess.run(command, capture_output=True, check=False, timeout=60).returncode != 0


def test_every_service_of_the_requirements() -> None:
    """Gateway, stores, and two profiles; nothing of the profiles runs without them."""
    profiles = {name: set(service.get("profiles", [])) for name, service in SERVICES.items()}
    assert {name for name, of in profiles.items() if not of} == {"gateway", "migrate", "redis", "postgres"}
    assert {name for name, of in profiles.items() if "monitoring" in of} == {"prometheus", "grafana", "redis-exporter"}
    assert {name for name, of in profiles.items() if "tracing" in of} == {"otel-collector", "jaeger"}
    assert SERVICES["gateway"]["deploy"]["resources"]["limits"] == {"cpus": "2", "memory": "2G"}
    assert "127.0.0.1:9091:9090" in SERVICES["prometheus"]["ports"]
    assert "127.0.0.1:3000:3000" in SERVICES["grafana"]["ports"]
    assert "--appendonly yes" in SERVICES["redis"]["command"]
    assert "noeviction" in SERVICES["redis"]["command"]


def test_whoever_is_waited_for_can_be_seen_to_be_ready() -> None:
    """`service_healthy` only of services with a health check (the gateway's is the image's), and without a circle."""
    after: dict[str, set[str]] = {}
    for name, service in SERVICES.items():
        waits = service.get("depends_on", {})
        after[name] = set(waits)
        for other, how in waits.items():
            if how["condition"] == "service_healthy":
                assert other == "gateway" or "test" in SERVICES[other]["healthcheck"], (name, other)
    while after:
        free = {name for name, waits in after.items() if not waits & set(after)}
        assert free, after
        after = {name: waits for name, waits in after.items() if name not in free}


def test_only_the_api_is_open_to_others() -> None:
    """Every published port but 8080 is on the loopback interface, and the stores publish none."""
    for name, service in SERVICES.items():
        for port in service.get("ports", []):
            assert port == "8080:8080" or port.startswith("127.0.0.1:"), (name, port)
    for store in ("redis", "postgres"):
        assert "ports" not in SERVICES[store]
        assert SERVICES[store]["networks"] == ["stores"]
    assert COMPOSE["networks"]["stores"] == {"internal": True}


def test_what_is_mounted_is_there() -> None:
    """Every path of this repository that is mounted exists; secrets' folders are the reader's."""
    for name, service in SERVICES.items():
        for mount in service.get("volumes", []):
            source = mount.partition(":")[0]
            if source.startswith(".") and source != "./alertmanager-secrets":
                assert (DOCKER / source).exists(), (name, source)
                assert mount.endswith(":ro"), mount
            elif not source.startswith("."):
                assert source in COMPOSE["volumes"], (name, source)


def test_no_secret_stands_in_a_file(secrets: dict[str, str]) -> None:
    """Passwords and keys come from .env, which Git ignores; make-env.sh makes all that are asked for, and never twice."""
    text = "".join(file.read_text() for file in FILES)
    for line in text.splitlines():
        named = re.match(r"\s*-?\s*(\w*(?:PASSWORD|_KEY|SECRET|TOKEN)\w*)\s*[:=]\s*(.+)", line)
        if named:
            assert named[2].startswith("${"), line
    assert set(re.findall(r"\$\{(\w+):\?", text)) <= set(secrets)
    assert ".env" in (ROOT / ".gitignore").read_text().split()
    assert set(re.findall(r"^(\w+)=", (DOCKER / ".env.example").read_text(), re.MULTILINE)) == set(secrets)
    assert all(len(secrets[name]) >= 24 for name in secrets if name not in ("TRACING", "OPENAI_API_KEY"))


def test_what_make_env_wrote_is_not_written_over(tmp_path: Path) -> None:
    """A second run leaves the file alone and ends with 1: the databases were made with these passwords."""
    file = tmp_path / ".env"
    file.write_text("POSTGRES_PASSWORD=mine\n")
    done = subprocess.run(["sh", str(DOCKER / "make-env.sh"), str(file)], check=False, timeout=20, capture_output=True, text=True)
    assert done.returncode == 1
    assert "old passwords" in done.stderr
    assert file.read_text() == "POSTGRES_PASSWORD=mine\n"


@pytest.mark.parametrize("folder", ["config", "config.dev"])
def test_the_configuration_gets_all_it_needs(secrets: dict[str, str], folder: str) -> None:
    """`llm-gateway validate` takes the file with the variables that the service gives it, and no others."""
    given = {name: value for name, value in secrets.items() if name in SERVICES["gateway"]["environment"]}
    command = [sys.executable, "-m", "llm_gateway", "validate", str(DOCKER / folder / "config.yaml")]
    done = subprocess.run(command, env={"PATH": os.defpath, **given}, capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.deployment
@pytest.mark.timeout(120)
def test_the_development_configuration_serves(
    secrets: dict[str, str],
    tmp_path: Path,
    postgres: Postgres,  # noqa: F811 - the fixture
    redis_server: RedisServer,  # noqa: F811 - the fixture
) -> None:
    """With a real PostgreSQL and a real Redis: `migrate run` first, then two workers that answer."""
    port, admin = free_port(), free_port()
    text = (DOCKER / "config.dev" / "config.yaml").read_text()
    for old, new in {
        "postgresql://gateway:${POSTGRES_PASSWORD}@postgres:5432/gateway": postgres.tcp_url(),
        "redis://:${REDIS_PASSWORD}@redis:6379/0": redis_server.url,
        "/var/lib/llm-gateway": str(tmp_path / "state"),
        "0.0.0.0": "127.0.0.1",
    }.items():
        assert old in text
        text = text.replace(old, new)
    file = tmp_path / "config.yaml"
    file.write_text(text)
    gateway = ["env", *(f"{name}={secrets[name]}" for name in ("ADMIN_KEY", "APP_KEY", "MASTER_KEY", "TRACING"))]
    gateway += [sys.executable, "-m", "llm_gateway"]
    migrated = subprocess.run([*gateway, "migrate", "run", "--config", str(file)], check=False, timeout=60, capture_output=True)
    assert migrated.returncode == 0, migrated.stderr
    command = [*gateway, "serve", "--config", str(file), "--set", f"server.port={port}", "--set", f"server.admin.port={admin}"]
    with launched(command, port, tmp_path) as process:
        question = {"model": "practice", "messages": [{"role": "user", "content": "hello"}]}
        status, body = asked(port, "POST", "/v1/chat/completions", question, secrets["APP_KEY"])
        assert status == 200, body
        assert asked(admin, "GET", "/admin/v1/ledger/status", None, secrets["ADMIN_KEY"])[0] == 200
        process.terminate()
        assert process.wait(30) == 0
