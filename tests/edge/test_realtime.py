"""GET /v1/realtime up to the switch: who may, what is asked for, and what is answered instead of a session."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest
from websockets.exceptions import InvalidStatus

from llm_gateway.simulator import Mount, SimulatorOptions
from providers.signing import Signing
from realtime_sessions import AUTHORIZED, between, dial, events, line, say
from scripted_upstream import ASK, Upstream
from serving import connected, run
from whole_gateway import KEY, answer, one_provider, whole_gateway

OTHER = "sk-gateway-other-0123456789"
HTML = b"<html><body>Bad gateway sk-provider-secret-000000</body></html>"


async def refusal(*args: Any, **options: Any) -> tuple[int, dict[str, Any], Any]:
    """Status, error and headers of a request that opens no session."""
    with pytest.raises(InvalidStatus) as caught:
        await dial(*args, **options)
    response = caught.value.response
    return response.status_code, msgspec.json.decode(response.body)["error"], response.headers


def test_a_session() -> None:
    """The model is renamed for the provider, events come through as they are, and one line says what happened."""

    async def main() -> None:
        async with between() as (gateway, simulator):
            async with dial(gateway) as session:
                assert session.response.headers["X-Gateway-Provider"] == "a"
                assert session.response.headers["X-Request-ID"]
                assert session.response.headers.get("Sec-WebSocket-Extensions") is None
                await events(session, "session.created")
                await say(session, "hello")
                text = "".join(event.get("delta", "") for event in await events(session))
                assert text == "I am a simulated model, real. You said: hello"
            told = await line(gateway)
            seen = simulator.requests[0]
            assert (seen.model, seen.header("authorization")[:7], seen.closed) == ("real", "Bearer ", 1000)
            assert (told["status"], told["outcome"], told["tokens"]["output"]) == (101, "completed", 12)
            assert told["session"].items() >= {"ended": "caller", "code": 1000, "messages_in": 2, "responses": 1}.items()
            assert told["session"]["bytes_out"] == told["bytes_out"] == seen.sent
            assert gateway.stats.model("a", "real", gateway.shared.clock.monotonic()).requests == 1
            assert gateway.shared.sessions.running == gateway.shared.sessions.budget.held == 0

    run(main)


@pytest.mark.parametrize(
    ("query", "headers", "status", "code", "param"),
    [
        ("model=m", {}, 401, "missing_api_key", None),
        ("model=m", {"x-api-key": "sk-gateway-wrong-000000"}, 401, "invalid_api_key", None),
        ("model=nothing", AUTHORIZED, 404, "model_not_found", "model"),
        ("", AUTHORIZED, 400, "missing_field", "model"),
        ("intent=transcription", AUTHORIZED, 400, "missing_field", "model"),
        ("model=m&model=m", AUTHORIZED, 400, "invalid_parameter_value", None),
        ("model=m&call_id=rtc_1", AUTHORIZED, 400, "invalid_parameter_value", "call_id"),
        ("model=m&intent=other", AUTHORIZED, 400, "invalid_parameter_value", "intent"),
        ("model=%ff", AUTHORIZED, 400, "invalid_parameter_value", None),
        ("model=m", {"Authorization": f"Bearer {OTHER}"}, 403, "model_not_accessible", "model"),
    ],
)
def test_what_is_refused(query, headers, status, code, param) -> None:
    """In OpenAI's shape, before any provider hears of it, and on record."""

    async def main() -> None:
        keys = [{"name": "tests", "key": KEY}, {"name": "other", "key": OTHER, "models": ["a/x"]}]
        async with between(auth={"keys": keys}) as (gateway, simulator):
            got, error, _ = await refusal(gateway, query, headers)
            assert (got, error["code"], error["param"]) == (status, code, param)
            assert len(simulator.requests) == 0
            assert (await line(gateway))["status"] == status
            assert "session" not in gateway.access()[0]

    run(main)


def test_a_browsers_key_is_a_subprotocol() -> None:
    """It opens the session, is not echoed, and reaches neither the provider nor the log; `realtime` is what was chosen."""

    async def main() -> None:
        async with between() as (gateway, simulator):
            offered = ["realtime", f"openai-insecure-api-key.{KEY}", "openai-beta.realtime-v1"]
            async with dial(gateway, headers={}, subprotocols=offered) as session:
                assert session.subprotocol == "realtime"
                assert (await events(session, "session.created"))[0]["session"]["model"] == "real"
            seen = simulator.requests[0]
            assert (seen.header("sec-websocket-protocol"), seen.header("openai-beta")) == ("realtime", "realtime=v1")
            assert KEY not in str(seen.headers) + str(await line(gateway))

    run(main)


def test_x_api_key_is_a_key_too() -> None:
    """As for every other request."""

    async def main() -> None:
        async with between() as (gateway, _), dial(gateway, headers={"x-api-key": KEY}) as session:
            assert await events(session, "session.created")

    run(main)


def test_what_a_caller_may_not_send_on() -> None:
    """Of the caller's headers the provider sees those of its allow-list only, and the gateway's key."""

    async def main() -> None:
        async with between() as (gateway, simulator):
            more = {"OpenAI-Beta": "realtime=v1", "Cookie": "a=b", "X-Secret": "c", "OpenAI-Organization": "mine"}
            async with dial(gateway, headers={**AUTHORIZED, **more}):
                pass
            names = {name for name, _ in simulator.requests[0].headers}
            assert "openai-beta" in names
            assert not names & {"cookie", "x-secret", "openai-organization", "origin", "content-type"}

    run(main)


def test_a_transcription_session_has_no_model_in_its_url() -> None:
    """OpenAI refuses one there; the gateway's own URL names it, to know the provider."""

    async def main() -> None:
        async with between() as (gateway, simulator), dial(gateway, "model=m&intent=transcription") as session:
            assert (await events(session, "session.created"))[0]["session"]["type"] == "transcription"
            assert simulator.requests[0].target == "/v1/realtime?intent=transcription"

    run(main)


@pytest.mark.parametrize("headers", ["", "Connection: Upgrade\r\nUpgrade: h2c\r\n", "V13"])
def test_a_request_that_opens_no_websocket(headers) -> None:
    """426, which names what is spoken here; the connection is closed if a switch was asked for."""
    if headers == "V13":
        headers = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: short\r\nSec-WebSocket-Version: 8\r\n"

    async def main() -> None:
        async with between() as (gateway, simulator), connected(gateway.port) as raw:
            raw.send(f"GET /v1/realtime?model=m HTTP/1.1\r\nHost: t\r\nx-api-key: {KEY}\r\n{headers}\r\n".encode())
            status, lines, body = await raw.reply()
            assert (status, lines[b"upgrade"], lines[b"sec-websocket-version"]) == (426, b"websocket", b"13")
            assert msgspec.json.decode(body)["error"]["code"] == "upgrade_required"
            assert not simulator.requests

    run(main)


def test_other_methods_and_a_route_that_is_off() -> None:
    """405 with Allow; 404 where the configuration says that there are no sessions."""

    async def main() -> None:
        async with between() as (gateway, _):
            status, headers, _ = await gateway.post("/v1/realtime", {})
            assert (status, headers[b"allow"]) == (405, b"GET, OPTIONS")
        async with between(server={"realtime": {"enabled": False}}) as (gateway, _):
            assert (await refusal(gateway))[0] == 404

    run(main)


@pytest.mark.parametrize(
    ("origins", "keys", "allowed"),
    [(None, True, True), (None, False, False), (["https://app.example"], True, True), (["https://b.example"], True, False)],
)
def test_pages_of_other_origins(origins, keys, allowed) -> None:
    """A browser asks nobody before it opens a WebSocket: where no key is needed, or others are named, a page may not."""

    async def main() -> None:
        sections: dict[str, Any] = {"server": {"cors": {} if origins is None else {"origins": origins}}}
        if not keys:
            sections["auth"] = {}
        async with between(**sections) as (gateway, _):
            headers = {**AUTHORIZED, "Origin": "https://app.example"}
            if allowed:
                async with dial(gateway, headers=headers) as session:
                    assert await events(session, "session.created")
            else:
                status, error, _ = await refusal(gateway, headers=headers)
                assert (status, error["code"]) == (403, "origin_not_allowed")

    run(main)


def test_no_more_sessions_than_there_may_be() -> None:
    """One more is told so; when one ends there is room again."""

    async def main() -> None:
        async with between(server={"realtime": {"sessions": 2}}) as (gateway, _):
            async with dial(gateway), dial(gateway):
                status, error, headers = await refusal(gateway)
                assert (status, error["code"], headers["Retry-After"]) == (503, "too_many_sessions", "1")
            await line(gateway, 3)
            async with dial(gateway) as session:
                assert await events(session, "session.created")

    run(main)


def two(simulator_url: str, **more: Any) -> dict[str, Any]:
    """The model "m" at a provider that fails, and behind it at one that works."""
    both = {name: {"type": "openai", "base_url": f"{simulator_url}/{name}/v1", "api_key": "sk-p"} for name in ("bad", "good")}
    return {"providers": both, "models": {"m": {"deployments": ["bad/x", "good/y"], "retries": 0, **more}}}


@pytest.mark.parametrize("fault", ["401", "429", "503", "html_200", "reset_pre", "close_pre", "404"])
def test_failover_before_the_switch(fault) -> None:
    """A provider that refuses the handshake is no ending: the next candidate has the session, and both are on record."""

    async def main() -> None:
        options = SimulatorOptions(mounts=(Mount(prefix="/bad", fault=fault), Mount(prefix="/good")))
        async with between(options) as (gateway, simulator):
            gateway.reload({**two(simulator.url), "auth": {"keys": [{"name": "tests", "key": KEY}]}})
            async with dial(gateway) as session:
                assert (await events(session, "session.created"))[0]["session"]["model"] == "y"
                assert session.response.headers["X-Gateway-Failover"] == "true"
            told = await line(gateway)
            assert [attempt["status"] for attempt in told["attempts"]][1:] == [101]
            assert told["attempts"][0]["error"]
            now = gateway.shared.clock.monotonic()
            assert (gateway.stats.provider("bad", now).errors, gateway.stats.provider("good", now).errors) in {(1, 0), (0, 0)}

    run(main)


@pytest.mark.parametrize(
    ("said", "status", "code"),
    [
        (answer({"error": {"message": "Incorrect API key: sk-secret-secret", "code": "x"}}, "401 No"), 502, "provider_authentication_failed"),
        (answer({"error": {"message": "slow down", "code": "x"}}, "429 No", "Retry-After: 7\r\n"), 429, "provider_quota_exceeded"),
        (answer({"error": {"message": "bad voice", "code": "bad"}}, "400 No"), 400, "bad"),
        (answer(HTML, "400 No"), 400, "invalid_parameter_value"),
        (answer(HTML, "502 No"), 502, "upstream_error"),
        (answer({}), 502, "upstream_error"),
        (b"HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: no\r\n\r\n", 502, "upstream_error"),
        (b"SSH-2.0-nothing\r\n", 502, "upstream_error"),
        (b"HTTP/1.1 503 Gone\r\n\r\nsome text until the end", 503, "provider_unavailable"),
    ],
)  # fmt: skip
def test_what_a_provider_says_instead_of_101(said, status, code) -> None:
    """An error of HTTP with nothing of the provider's secrets or pages in it."""

    async def main() -> None:
        async with Upstream([ASK, said, "close"]) as upstream:
            document = one_provider(upstream.url, kind="openai")
            async with whole_gateway(document) as gateway:
                got, error, headers = await refusal(gateway)
                assert (got, error["code"]) == (status, code)
                assert "secret" not in str(error)
                assert "html" not in str(error)
                assert headers.get("Retry-After") == ("7" if status == 429 else "1" if status == 503 else None)
                head = upstream.requests[0][1]
                assert head.startswith(b"GET /v1/realtime?model=real HTTP/1.1\r\n")
                assert b"Authorization: Bearer sk-provider-secret\r\n" in head

    run(main)


@pytest.mark.parametrize(("status", "refused"), [("401 No", 1), ("403 No", 1), ("404 Gone", 0)])
def test_credentials_that_a_provider_refuses_are_fetched_anew(status: str, refused: int) -> None:
    """As after any other request: or sessions would fail until somebody asks for something else."""
    signing = Signing()

    async def main() -> None:
        async with Upstream([ASK, answer({}, status)]) as server, whole_gateway(one_provider(server.url)) as gateway:
            gateway.app.world.pipeline.decide.router.upstreams["a"].authorizer = signing
            await refusal(gateway)
            assert b"X-Signed: yes\r\n" in server.requests[0][1]
            assert (signing.signed[-1][0], signing.signed[-1][2]) == (b"GET", b"")

    run(main)
    assert signing.refused == refused


def test_a_provider_that_does_not_answer_the_handshake() -> None:
    """The route's deadlines hold for it."""

    async def main() -> None:
        async with Upstream([ASK]) as upstream:
            document = one_provider(upstream.url, kind="openai", timeouts={"head": "100ms"})
            async with whole_gateway(document) as gateway:
                status, error, _ = await refusal(gateway)
                assert (status, error["code"]) == (504, "request_timeout")
                await upstream.until_left()

    run(main)


def test_a_caller_who_leaves_in_the_handshake() -> None:
    """The provider's connection is closed with his."""

    async def main() -> None:
        async with Upstream([ASK]) as upstream, whole_gateway(one_provider(upstream.url, kind="openai")) as gateway:
            async with connected(gateway.port) as raw:
                raw.send(
                    f"GET /v1/realtime?model=m HTTP/1.1\r\nHost: t\r\nx-api-key: {KEY}\r\nConnection: Upgrade\r\n"
                    "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
                )
                for _ in range(100):
                    if upstream.requests:
                        break
                    await asyncio.sleep(0.01)
            await upstream.until_left()
            assert (await line(gateway))["outcome"] == "client_gone"

    run(main)


def test_a_model_without_sessions() -> None:
    """400: its provider does not offer them."""

    async def main() -> None:
        async with whole_gateway(one_provider("http://127.0.0.1:1", kind="anthropic")) as gateway:
            status, error, _ = await refusal(gateway)
            assert (status, error["code"]) == (400, "unsupported_feature")

    run(main)
