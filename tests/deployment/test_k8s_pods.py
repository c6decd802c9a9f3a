"""What the pods of deployment/k8s run, run here: configurations, init containers, Redis's start, and a whole pod with its stores."""

from __future__ import annotations

import base64
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import yaml

from kubernetes_support import K8S, OVERLAYS, SECRETS, config_of, containers, gateway, kustomized, of, one, overlay
from servers import binary, free_port, postgres_server

pytestmark = [pytest.mark.deployment, pytest.mark.timeout(180)]
PEPPER = K8S / "base" / "pepper.py"


@pytest.fixture(autouse=True)
def _kubectl(tool) -> None:
    tool("kubectl")


@pytest.fixture
def secrets(tmp_path) -> Path:
    folder = tmp_path / "secrets"
    folder.mkdir()
    for name, value in SECRETS.items():
        (folder / name).write_text(value)
    return folder


def here(text: str, secrets: Path, state: Path) -> str:
    """A pod's text with the folders of this test."""
    return text.replace("/run/secrets/llm-gateway", str(secrets)).replace("/var/lib/llm-gateway", str(state))


def gateway_command(*words: str) -> list[str]:
    return [sys.executable, "-m", "llm_gateway", *words]


def clean() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if "PROXY" not in name.upper() and not name.startswith("GATEWAY_")}
    return {**kept, "REGION": "eu-west-1"}


@pytest.mark.parametrize("name", [*OVERLAYS, "base"])
def test_the_configuration_is_one(name, secrets, tmp_path) -> None:
    """The gateway takes each ConfigMap's configuration, with the Secret's files in place."""
    things = kustomized(K8S / "base") if name == "base" else overlay(name)
    file = tmp_path / "config.yaml"
    file.write_text(here(config_of(things)["data"]["config.yaml"], secrets, tmp_path / "state"))
    done = subprocess.run(gateway_command("validate", str(file)), capture_output=True, text=True, check=False, env=clean())
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", OVERLAYS)
def test_the_secret_has_what_the_configuration_names(name) -> None:
    """Every file that a configuration reads is a key that the example of the Secret lists, or is said to be the region's own."""
    listed = set(re.findall(r"^([A-Z_]+)=", (K8S / "overlays" / "small" / "secrets.env.example").read_text(), re.MULTILINE))
    named = set(re.findall(r"/run/secrets/llm-gateway/([A-Z_]+)", config_of(overlay(name))["data"]["config.yaml"]))
    assert named <= listed | ({"MISTRAL_API_KEY"} if name == "eu-west-1" else set())


def test_the_example_of_the_secret_starts_nothing(secrets, tmp_path) -> None:
    """Who forgets to replace the values of secrets.env.example gets no gateway that everybody knows the key of."""
    for name, value in re.findall(
        r"^([A-Z_]+)=(.*)$", (K8S / "overlays" / "small" / "secrets.env.example").read_text(), re.MULTILINE
    ):
        (secrets / name).write_text(value)
    file = tmp_path / "config.yaml"
    file.write_text(here(config_of(overlay("small"))["data"]["config.yaml"], secrets, tmp_path / "state"))
    done = subprocess.run(gateway_command("validate", str(file)), capture_output=True, text=True, check=False, env=clean())
    assert done.returncode != 0
    assert "auth.keys" in done.stdout + done.stderr


@pytest.mark.parametrize("name", OVERLAYS)
def test_workers_are_no_more_than_processors(name) -> None:
    """One worker for each processor of the limit; `auto` would count those of the node."""
    workers = yaml.safe_load(config_of(overlay(name))["data"]["config.yaml"])["server"]["workers"]
    assert workers == int(gateway(overlay(name))["resources"]["limits"]["cpu"])


def pepper(secrets: Path, state: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, str(PEPPER), str(secrets), str(state)], capture_output=True, text=True, check=False)


def test_the_pepper_is_the_secrets(secrets, tmp_path) -> None:
    """The first init container makes the files that the gateway reads, only for its own eyes, and again makes no difference."""
    from llm_gateway.worker.pepper import load_peppers

    older = base64.b64encode(b"o" * 32).decode()
    (secrets / "PEPPER_PREVIOUS").write_text(older + "\n")
    for _ in range(2):
        assert pepper(secrets, tmp_path).returncode == 0
    assert load_peppers(tmp_path) == (base64.b64decode(SECRETS["PEPPER"]), b"o" * 32)
    assert (tmp_path / "pepper").stat().st_mode & 0o777 == 0o600


def test_a_new_pepper_needs_the_old_one_beside_it(secrets, tmp_path) -> None:
    """On a volume that outlives the pod, a pepper that the Secret does not know is never overwritten."""
    assert pepper(secrets, tmp_path).returncode == 0
    old, new = SECRETS["PEPPER"], base64.b64encode(b"n" * 32).decode()
    (secrets / "PEPPER").write_text(new)
    refused = pepper(secrets, tmp_path)
    assert refused.returncode != 0
    assert "PEPPER_PREVIOUS" in refused.stderr
    assert (tmp_path / "pepper").read_bytes() == base64.b64decode(old)
    (secrets / "PEPPER_PREVIOUS").write_text(old)
    assert pepper(secrets, tmp_path).returncode == 0
    assert (tmp_path / "pepper").read_bytes() == b"n" * 32


@pytest.mark.parametrize("wrong", ["", "short", "bm90IDMyIGJ5dGVz", f"{SECRETS['PEPPER']} {SECRETS['PEPPER']}"])
def test_a_pepper_that_is_none_stops_the_pod(wrong, secrets, tmp_path) -> None:
    """Anything but 32 bytes in base64 is refused before the gateway could make one of its own."""
    (secrets / "PEPPER").write_text(wrong)
    assert pepper(secrets, tmp_path).returncode != 0
    assert not (tmp_path / "pepper").exists()


@pytest.fixture
def redis(secrets, tmp_path) -> Iterator[int]:
    """A Redis started by the component's own script and configuration; its port."""
    server = binary("redis-server", "/usr/bin/redis-server")
    data, port = tmp_path / "data", free_port()
    data.mkdir()
    (config,) = [thing for thing in of(overlay("small"), "ConfigMap") if "redis.conf" in thing["data"]]
    places = {
        "/run/secrets/redis": str(secrets),
        "/etc/redis": str(tmp_path),
        "/tmp/password.conf": str(tmp_path / "password.conf"),  # noqa: S108 - in the pod
    }
    for name in ("redis.conf", "start.sh"):
        text = config["data"][name]
        for old, new in (
            places | {"dir /data": f"dir {data}", "port 6379": f"port {port}", "bind * -::*": "bind 127.0.0.1"}
        ).items():
            text = text.replace(old, new)
        (tmp_path / name).write_text(text.replace("redis-server /", f"{server} /").replace("$(hostname)", "redis-0"))
    process = subprocess.Popen(["sh", str(tmp_path / "start.sh")], stdout=subprocess.DEVNULL)
    try:
        until(lambda: redis_says(port, SECRETS["REDIS_PASSWORD"]) == "PONG")
        yield port
    finally:
        process.terminate()
        process.wait(20)


def redis_says(port: int, password: str) -> str:
    ask = ["redis-cli", "-p", str(port), "ping"]
    return subprocess.run(
        ask, capture_output=True, text=True, check=False, env={**os.environ, "REDISCLI_AUTH": password}
    ).stdout.strip()


def until(true, seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "not within the time"
        time.sleep(0.1)


def test_redis_starts_with_its_password(redis, tmp_path) -> None:
    """The component's script and file start a Redis that keeps an AOF and takes no other password; its probe sees it."""
    assert "NOAUTH" in redis_says(redis, "") or "NOAUTH" in redis_says(redis, "wrong")
    assert (tmp_path / "data" / "appendonlydir").exists()
    (container,) = containers(one(overlay("small"), "StatefulSet", "redis"))
    probe = container["readinessProbe"]["exec"]["command"]
    here = probe[2].replace("/run/secrets/redis", str(tmp_path / "secrets")).replace("redis-cli", f"redis-cli -p {redis}")
    assert subprocess.run([probe[0], probe[1], here], check=False).returncode == 0


def status(url: str) -> int:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - of this test
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


def test_a_whole_pod_runs(redis, secrets, tmp_path) -> None:
    """Pepper, migration and gateway as `small` has them, with a real Redis and PostgreSQL: the probes pass, SIGTERM ends it."""
    things = overlay("small")
    postgres, database = postgres_server(), f"pod{os.getpid()}"
    with psycopg.connect(postgres.url(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {database}")
    (secrets / "REDIS_URL").write_text(f"redis://:{SECRETS['REDIS_PASSWORD']}@127.0.0.1:{redis}/0")
    (secrets / "DATABASE_URL").write_text(postgres.url(database))
    state, file = tmp_path / "state", tmp_path / "config.yaml"
    state.mkdir()
    file.write_text(here(config_of(things)["data"]["config.yaml"], secrets, state).replace("host: 0.0.0.0", "host: 127.0.0.1"))
    assert pepper(secrets, state).returncode == 0
    (migrate,) = containers(one(things, "Job", "llm-gateway-migrate"))
    words = [str(file) if word == "/etc/llm-gateway/config.yaml" else word for word in migrate["args"]]
    subprocess.run(gateway_command(*words), check=True, env=clean(), stdout=subprocess.DEVNULL)
    container, port, admin = gateway(things), free_port(), free_port()
    words = [str(file) if word == "/etc/llm-gateway/config.yaml" else word for word in container["args"]]
    process = subprocess.Popen(
        gateway_command(*words, "--port", str(port), "--metrics-port", str(admin)), env=clean(), stdout=subprocess.DEVNULL
    )
    try:
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            path = container[probe]["httpGet"]["path"]
            until(lambda path=path: status(f"http://127.0.0.1:{port}{path}") == 200)
        until(lambda: status(f"http://127.0.0.1:{admin}/health/live") == 200)
        assert status(f"http://127.0.0.1:{port}/v1/models") == 401
        assert status(f"http://127.0.0.1:{admin}/metrics") == 200  # as Prometheus asks: without a key
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
