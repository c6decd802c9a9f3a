"""Changes while it runs: another configuration, another certificate, and requests that are on their way meanwhile."""

from __future__ import annotations

import signal
import ssl
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
import trustme
from openai import OpenAI

from e2e.world import eventually
from gateway_process import KEY, GatewayProcess, running_gateway
from llm_gateway.simulator import RunningSimulator, SimulatorOptions, running_simulator

pytestmark = pytest.mark.timeout(90)
HEADERS = {"Authorization": f"Bearer {KEY}"}


@pytest.fixture(scope="module")
def simulator() -> Iterator[RunningSimulator]:
    with running_simulator(SimulatorOptions(log_size=20_000)) as made:
        yield made


def configuration(simulator: RunningSimulator, model: str = "old", **more: Any) -> dict[str, Any]:
    return {
        "server": {"admin": {"port": 0}},
        "providers": {"sim": {"type": "openai", "base_url": f"{simulator.url}/v1", "api_key": "sk-provider-0123456789"}},
        "models": {"m": f"sim/{model}", "slow": f"sim/{model}@@rechunk:mode=event,delay=0.03"},
        **more,
    }


@pytest.fixture
def gateway(simulator: RunningSimulator, tmp_path: Path) -> Iterator[GatewayProcess]:
    with running_gateway(configuration(simulator), tmp_path) as made:
        yield made


def ask(client: httpx.Client, gateway: GatewayProcess, **body: Any) -> httpx.Response:
    document = {"model": "m", "messages": [{"role": "user", "content": "Hi"}], **body}
    return client.post(f"{gateway.url}/v1/chat/completions", headers=HEADERS, json=document)


def served_model(client: httpx.Client, gateway: GatewayProcess) -> str:
    return ask(client, gateway).headers["x-gateway-model"]


def count(gateway: GatewayProcess, event: str) -> int:
    return gateway.events().count(f'"event":"{event}"')


def test_no_request_is_dropped(gateway: GatewayProcess, simulator: RunningSimulator) -> None:
    """Four clients ask without pause while the configuration is replaced by file and by SIGHUP: every answer is a 200,
    each by the old or the new configuration, and the last ones by the new one."""
    over = threading.Event()
    answers: list[tuple[int, str]] = []

    def keep_asking() -> None:
        with httpx.Client(trust_env=False) as client:
            while not over.is_set():
                reply = ask(client, gateway)
                answers.append((reply.status_code, reply.headers["x-gateway-model"]))

    threads = [threading.Thread(target=keep_asking) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        assert eventually(lambda: len(answers) > 20)
        gateway.reload(configuration(simulator, "new"))
        assert eventually(lambda: count(gateway, "reloaded") == 1)
        for wanted in range(2, 5):
            gateway.process.send_signal(signal.SIGHUP)
            assert eventually(lambda wanted=wanted: count(gateway, "reloaded") >= wanted)
        after = len(answers)
        assert eventually(lambda: len(answers) > after + 50)
    finally:
        over.set()
        for thread in threads:
            thread.join(20)
    assert {status for status, _ in answers} == {200}
    assert {model for _, model in answers} == {"old", "new"}
    assert {model for _, model in answers[after + 8 :]} == {"new"}


def test_a_stream_keeps_what_it_began_with(gateway: GatewayProcess, simulator: RunningSimulator) -> None:
    """The model and the key are removed under a running stream: it ends as it began; the next request is refused."""
    mark = uuid.uuid4().hex[:12]
    with OpenAI(base_url=f"{gateway.url}/v1", api_key=KEY, max_retries=0) as client:
        messages: Any = [{"role": "user", "content": f"{mark} [tokens=60]"}]
        with client.chat.completions.create(model="slow", messages=messages, stream=True) as stream:
            first = next(iter(stream))
            changed = configuration(simulator)
            changed["models"] = {"other": "sim/other"}
            changed["auth"] = {"keys": [{"name": "new", "key": "sk-gateway-another-0123456789"}]}
            gateway.reload(changed)
            assert eventually(lambda: count(gateway, "reloaded") == 1)
            chunks = [first, *stream]
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert sum(bool(chunk.choices[0].delta.content) for chunk in chunks) == 60
    with httpx.Client(trust_env=False) as plain:
        assert ask(plain, gateway).status_code == 401


def test_a_bad_file_is_refused_and_the_old_one_serves(gateway: GatewayProcess, simulator: RunningSimulator) -> None:
    """Mistakes are written to the log with their place; serving goes on; the next good file is taken."""
    with httpx.Client(trust_env=False) as client:
        bad = configuration(simulator, "new")
        bad["servr"] = {}
        gateway.reload(bad)
        assert eventually(lambda: count(gateway, "reload_refused") == 1)
        line = next(line for line in gateway.events().splitlines() if "reload_refused" in line)
        assert "servr" in msgspec.json.decode(line)["why"]
        assert served_model(client, gateway) == "old"
        (gateway.folder / "gateway.json").write_text("{ not json")
        assert eventually(lambda: count(gateway, "reload_refused") == 2)
        assert served_model(client, gateway) == "old"
        (gateway.folder / "gateway.json").unlink()
        gateway.process.send_signal(signal.SIGHUP)
        assert eventually(lambda: count(gateway, "reload_refused") >= 3)
        assert served_model(client, gateway) == "old"
        gateway.reload(configuration(simulator, "new"))
        assert eventually(lambda: count(gateway, "reloaded") >= 1)
        assert served_model(client, gateway) == "new"


@pytest.mark.long
def test_level_and_form_of_the_log_hold_from_the_reload_on(simulator: RunningSimulator, tmp_path: Path) -> None:
    """In every process: none says more than a warning before, and control's and the worker's lines are text after it."""
    logging = {"access": str(tmp_path / "access.log")}
    with running_gateway(configuration(simulator, logging={**logging, "level": "error"}), tmp_path) as made:
        made.reload(configuration(simulator, "new", logging={**logging, "format": "text"}))
        assert eventually(lambda: " info reloaded " in made.events())
        made.reload(configuration(simulator, "old", logging={**logging, "format": "text"}))
        assert eventually(lambda: made.events().count(" info reloaded ") == 2)
    lines = made.events().splitlines()
    assert " info control_ended" in "\n".join(lines)
    assert not [line for line in lines if '"level":"info"' in line]


def test_what_needs_a_restart_is_said(gateway: GatewayProcess, simulator: RunningSimulator) -> None:
    """A changed listener takes effect with the next start only, and the log says so."""
    changed = configuration(simulator, "new")
    changed["server"] = {"admin": {"port": 0}, "timeouts": {"idle": "60s"}}
    gateway.reload(changed)
    assert eventually(lambda: count(gateway, "reloaded") == 1)
    line = next(line for line in gateway.events().splitlines() if '"reloaded"' in line)
    assert msgspec.json.decode(line)["restart_needed"] == ["server"]


def test_a_key_file_that_a_reload_added_is_watched_too(
    gateway: GatewayProcess, simulator: RunningSimulator, tmp_path: Path
) -> None:
    """The new configuration takes the provider's key from a file; when that file changes, the new key is sent."""
    secret = tmp_path / "provider.key"
    secret.write_text("sk-first-0123456789")
    changed = configuration(simulator)
    changed["providers"]["sim"]["api_key"] = "${file:" + str(secret) + "}"
    gateway.reload(changed)
    assert eventually(lambda: count(gateway, "reloaded") == 1)
    with httpx.Client(trust_env=False) as client:

        def key_sent() -> str | None:
            ask(client, gateway)
            return simulator.requests[-1].header("authorization")

        before = key_sent()
        secret.write_text("sk-second-0123456789")
        assert eventually(lambda: count(gateway, "reloaded") == 2)
        assert key_sent() != before


def test_the_admin_listener_serves_health_and_models_only(simulator: RunningSimulator, tmp_path: Path) -> None:
    """Health without a key, models with one, and no model operation."""
    with _free_port() as port:
        pass
    config = configuration(simulator, server={"admin": {"port": port}})
    with running_gateway(config, tmp_path), httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
        assert client.get("/health").status_code == 200
        assert client.get("/v1/models").status_code == 401
        assert [row["id"] for row in client.get("/v1/models", headers=HEADERS).json()["data"]]
        body = {"model": "m", "messages": [{"role": "user", "content": "Hi"}]}
        assert client.post("/v1/chat/completions", headers=HEADERS, json=body).status_code in (404, 405)


def _free_port() -> Any:
    """A port that nobody listens on now."""
    import contextlib
    import socket

    @contextlib.contextmanager
    def found() -> Iterator[int]:
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
        yield port

    return found()


def test_a_certificate_is_replaced_under_way(simulator: RunningSimulator, tmp_path: Path) -> None:
    """New handshakes see the new certificate, a connection that is open goes on, and a broken file changes nothing."""
    authority = trustme.CA()
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"

    def issue() -> bytes:
        made = authority.issue_cert("127.0.0.1")
        for file, blob in ((cert, made.cert_chain_pems[0].bytes()), (key, made.private_key_pem.bytes())):
            fresh = file.with_suffix(".new")
            fresh.write_bytes(blob)
            fresh.replace(file)
        return ssl.PEM_cert_to_DER_cert(made.cert_chain_pems[0].bytes().decode())

    first = issue()
    context = ssl.create_default_context()
    authority.configure_trust(context)
    config = configuration(simulator, server={"tls": {"cert": str(cert), "key": str(key)}})
    with running_gateway(config, tmp_path) as gateway, httpx.Client(verify=context, trust_env=False) as client:
        assert gateway.url.startswith("https://")
        assert ask(client, gateway).status_code == 200
        assert _certificate(gateway, context) == first
        second = issue()
        assert eventually(lambda: _certificate(gateway, context) == second, 10)
        assert ask(client, gateway).status_code == 200  # on the connection from before
        cert.write_text("broken")
        assert eventually(lambda: count(gateway, "tls_reload_failed") >= 1, 10)
        assert _certificate(gateway, context) == second


def _certificate(gateway: GatewayProcess, context: ssl.SSLContext) -> bytes:
    """What a new handshake is shown."""
    import socket

    with (
        socket.create_connection(("127.0.0.1", gateway.port)) as raw,
        context.wrap_socket(raw, server_hostname="127.0.0.1") as tls,
    ):
        shown = tls.getpeercert(binary_form=True)
        assert shown is not None
        return shown
