"""nginx and HAProxy as deployment/proxies configures them, for real, in front of a real gateway."""

from __future__ import annotations

import asyncio
import http.client
import socket
import ssl
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from websockets.asyncio.client import connect

from gateway_process import KEY, GatewayProcess, running_gateway
from proxied import CLIENT, PROXIES, Proxy, running_proxy
from servers import free_port

pytestmark = [pytest.mark.deployment, pytest.mark.timeout(120)]
ADMIN = "sk-admin-tests-0123456789abcdef"
AUTHORISED = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
CONFIG = {
    "server": {
        "port": 0,
        "drain": "5s",
        "admin": {"port": 0},
        "access": {"trusted_proxies": ["127.0.0.1"]},
        "expose_admin": True,  # so that it is the proxy who keeps callers away from it
    },
    "auth": {
        "keys": [{"name": "tests", "key": KEY}, {"name": "operator", "key": ADMIN, "kind": "admin"}],
        "mtls": {"rules": [{"subject": {"CN": "web"}, "grants": {"tenant": "acme"}}]},
    },
    "providers": {"fake": {"type": "simulator", "tokens_per_second": 20}},
    "models": {"fake": "fake/any"},
}


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    with running_gateway(CONFIG, tmp_path_factory.mktemp("gateway")) as running:
        end = time.monotonic() + 30
        while administered(running) == 503 and time.monotonic() < end:  # control begins beside the worker that serves already
            time.sleep(0.05)
        yield running


def administered(gateway: GatewayProcess) -> int:
    """What the admin API says without a proxy."""
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=30)
    connection.request("GET", "/admin/v1/keys", headers={"Authorization": f"Bearer {ADMIN}"})
    status = connection.getresponse().status
    connection.close()
    return status


@pytest.fixture(scope="module", params=["nginx", "haproxy"])
def proxy(request: pytest.FixtureRequest, gateway: GatewayProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    with running_proxy(request.param, gateway.port, tmp_path_factory.mktemp(request.param)) as running:
        yield running


def question(text: str = "one two three", **more: object) -> bytes:
    return msgspec.json.encode({"model": "fake", "messages": [{"role": "user", "content": text}], **more})


def pieces(connection: http.client.HTTPSConnection) -> list[float]:
    """When each piece of a streamed answer came."""
    connection.request("POST", "/v1/chat/completions", question(stream=True), AUTHORISED)
    answer = connection.getresponse()
    assert answer.status == 200
    came = []
    while piece := answer.read1(65536):
        came.append(time.monotonic())
        last = piece
    assert last.endswith(b"data: [DONE]\n\n")
    return came


def line_of(gateway: GatewayProcess, request_id: str) -> dict[str, object]:
    """The access log's line of a request."""
    end = time.monotonic() + 20
    while time.monotonic() < end:
        for line in gateway.access_lines():
            if line["request_id"] == request_id:
                return line
        time.sleep(0.05)
    raise AssertionError(f"no line of {request_id}")


def test_a_stream_arrives_as_it_is_made(proxy: Proxy) -> None:
    """The first piece of a paced stream is there long before the last one, and they come one by one."""
    connection = proxy.connect()
    came = pieces(connection)
    connection.close()
    assert len(came) >= 5
    assert came[-1] - came[0] > 0.25


def test_a_proxy_that_collects_is_noticed(gateway: GatewayProcess, tmp_path: Path) -> None:
    """The test above fails where nginx buffers: the gateway's own X-Accel-Buffering is ignored here for it to do so."""
    wrong = {"proxy_buffering off;": "proxy_buffering on; proxy_ignore_headers X-Accel-Buffering; proxy_buffers 8 64k;"}
    with running_proxy("nginx", gateway.port, tmp_path, wrong) as collecting:
        connection = collecting.connect()
        came = pieces(connection)
        connection.close()
    assert came[-1] - came[0] < 0.25


def test_the_address_is_the_clients_and_not_what_it_says(proxy: Proxy, gateway: GatewayProcess) -> None:
    """What the proxy saw counts; X-Forwarded-For and Forwarded of the client do not."""
    said = {"X-Forwarded-For": "203.0.113.9", "Forwarded": "for=203.0.113.9", "X-Request-ID": f"address-{proxy.https}"}
    answer = proxy.ask("POST", "/v1/chat/completions", question(), AUTHORISED | said)
    assert answer.status == 200
    assert answer.headers["x-request-id"] == f"address-{proxy.https}"
    assert line_of(gateway, f"address-{proxy.https}")["peer"] == CLIENT


def test_a_request_without_an_id_gets_one(proxy: Proxy, gateway: GatewayProcess) -> None:
    """The proxy makes an id, and the gateway's log and answer have the same."""
    answer = proxy.ask("POST", "/v1/chat/completions", question(), AUTHORISED)
    made = answer.headers["x-request-id"]
    assert not made.startswith("req_")
    assert line_of(gateway, made)["status"] == 200


@pytest.mark.parametrize("path", ["/admin/v1/keys", "/admin", "/metrics", "/api/v1/metrics/cost"])
def test_what_is_for_operators_is_not_there(proxy: Proxy, path: str) -> None:
    """The admin API and metrics answer 404 through the proxy, even with an admin key and a gateway that exposes them."""
    assert proxy.ask("GET", path, headers={"Authorization": f"Bearer {ADMIN}"}).status == 404


def test_the_gateway_itself_would_show_it(gateway: GatewayProcess) -> None:
    """The test above has something to keep away: without a proxy the same request is answered."""
    assert administered(gateway) == 200


def test_a_certificate_that_a_client_claims_is_nothing(proxy: Proxy, gateway: GatewayProcess) -> None:
    """X-SSL-Client-* of a client do not reach the gateway, which would believe its proxy."""
    claimed = {"X-SSL-Client-DN": "CN=web", "X-SSL-Client-Verify": "SUCCESS"}
    assert proxy.ask("GET", "/v1/models", headers=claimed).status == 401
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=30)
    connection.request("GET", "/v1/models", headers=claimed)
    assert connection.getresponse().status == 200  # from the proxy's address it would count
    connection.close()


@pytest.mark.parametrize(("size", "path", "status"), [
    (9 << 20, "/v1/chat/completions", 404),
    ((10 << 20) + 1, "/v1/chat/completions", 413),
    (11 << 20, "/v1/files", 400),
])  # fmt: skip
def test_bodies(proxy: Proxy, size: int, path: str, status: int) -> None:
    """10 MB pass, more is refused in the API's form, and paths that take files take more. (404: the model; 400: no form.)"""
    body = question("x" * (size - 60), model="nobody")
    body += b" " * (size - len(body))
    answer = proxy.ask("POST", path, body, AUTHORISED)
    assert answer.status == status, answer.body[:300]
    assert "error" in msgspec.json.decode(answer.body)


def test_a_caller_that_goes_away_is_noticed(proxy: Proxy, gateway: GatewayProcess) -> None:
    """Who hangs up in the middle of a stream does not leave the gateway asking on for nobody."""
    connection = proxy.connect()
    name = f"gone-{proxy.https}"
    connection.request("POST", "/v1/chat/completions", question("long " * 200, stream=True), AUTHORISED | {"X-Request-ID": name})
    answer = connection.getresponse()
    assert answer.read1(1024)
    answer.close()
    connection.close()
    assert line_of(gateway, name)["outcome"] == "client_gone"


def test_plain_http_leads_to_https(proxy: Proxy) -> None:
    """308, which keeps the method, and no request without TLS reaches the gateway."""
    connection = http.client.HTTPConnection("127.0.0.1", proxy.http, timeout=30)
    connection.request("POST", "/v1/chat/completions", question(), {"Host": "api.example.com"})
    answer = connection.getresponse()
    assert answer.status == 308
    assert answer.headers["Location"] == "https://api.example.com/v1/chat/completions"
    connection.close()


def test_http2_is_offered_and_old_tls_is_not(proxy: Proxy) -> None:
    """HTTP/2 is agreed on when the client offers it; TLS 1.1 is refused."""
    proxy.context.set_alpn_protocols(["h2", "http/1.1"])
    wire = socket.create_connection(("127.0.0.1", proxy.https), timeout=30)
    with proxy.context.wrap_socket(wire, server_hostname="localhost") as secured:
        assert secured.selected_alpn_protocol() == "h2"
    proxy.context.set_alpn_protocols(["http/1.1"])
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.check_hostname = False
    old.verify_mode = ssl.CERT_NONE
    old.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        old.maximum_version = ssl.TLSVersion.TLSv1_1
    with socket.create_connection(("127.0.0.1", proxy.https), timeout=30) as wire, pytest.raises(ssl.SSLError):
        old.wrap_socket(wire)


def test_a_realtime_session(proxy: Proxy) -> None:
    """A WebSocket session goes through."""

    async def main() -> str:
        url = f"wss://localhost:{proxy.https}/v1/realtime?model=fake"
        proxy.context.set_alpn_protocols(["http/1.1"])
        async with connect(url, ssl=proxy.context, additional_headers={"Authorization": f"Bearer {KEY}"}, proxy=None) as session:
            return str(msgspec.json.decode(await session.recv())["type"])

    assert asyncio.run(main()) == "session.created"


@pytest.mark.parametrize("name", ["nginx", "haproxy"])
def test_nobody_is_there(name: str, tmp_path: Path) -> None:
    """Where no gateway answers, the proxy says so with 503, in the API's form."""
    with running_proxy(name, free_port(), tmp_path, status=503) as proxy:
        answer = proxy.ask("POST", "/v1/chat/completions", question(), AUTHORISED)
    assert answer.status == 503
    assert msgspec.json.decode(answer.body)["error"]["code"] == "gateway_unavailable"
    assert answer.headers["retry-after"] == "5"


def test_timeouts_are_those_of_long_answers() -> None:
    """300 seconds in each of the three files."""
    assert "proxy_read_timeout 300s;" in (PROXIES / "nginx.conf").read_text()
    assert "proxy_send_timeout 300s;" in (PROXIES / "nginx.conf").read_text()
    assert "timeout server 300s" in (PROXIES / "haproxy.cfg").read_text()
    assert "timeout client 300s" in (PROXIES / "haproxy.cfg").read_text()
    assert "stream_idle_timeout: 300s" in (PROXIES / "envoy.yaml").read_text()
