"""Credentials that expire, over HTTP: from a request to the gateway to what the provider and the token endpoint receive."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from credentials.keys import pem
from credentials.support import SECRETS, Cloud, Seen, at, cloud, shows_no_secret, token
from llm_gateway.core.clock import FakeClock, SystemClock
from llm_gateway.credentials.aws.sigv4 import Credentials, Signer, Unsigned
from llm_gateway.worker.serve import Gateway
from serving import connected, run, until
from whole_gateway import BEARER, CHAT, KEY, chat, config_of, request, whole_gateway

pytestmark = pytest.mark.usefixtures("collector")

CONVERSE = {
    "output": {"message": {"role": "assistant", "content": [{"text": "hello"}]}},
    "stopReason": "end_turn",
    "usage": {"inputTokens": 1, "outputTokens": 1, "totalTokens": 2},
}
OPENAI = {
    "id": "c",
    "object": "chat.completion",
    "created": 1,
    "model": "m",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "hello"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
}
GEMINI = {"candidates": [{"content": {"role": "model", "parts": [{"text": "hello"}]}, "finishReason": "STOP"}]}
TENANT = "/t/oauth2/v2.0/token"


def told(document: Any, status: int = 200) -> tuple[int, bytes, bytes]:
    return status, b"Content-Type: application/json\r\n", msgspec.json.encode(document)


def document(providers: dict[str, Any], *deployments: str, **more: Any) -> dict[str, Any]:
    return {
        "providers": providers,
        "models": {"m": {"deployments": list(deployments), "retries": 0}},
        "auth": {"keys": [{"name": "tests", "key": KEY}]},
        **more,
    }


def azure(c: Cloud, **more: Any) -> dict[str, Any]:
    entra = {"tenant_id": "t", "client_id": "c", "client_secret": SECRETS[2], "authority": c.url, **more}
    return {"type": "azure", "base_url": c.url, "entra": entra}


def asked(c: Cloud, part: str) -> list[Seen]:
    return [seen for seen in c.seen if part in seen.path]


def test_bedrock_with_keys_of_the_environment():
    """The request is signed for the region, with the session token, over the path that was sent and the body that was sent."""

    async def test() -> None:
        clock = FakeClock()
        async with cloud() as c:
            model = "arn:aws:bedrock:eu-central-1:1:inference-profile/eu.amazon.nova-pro-v1:0"
            wire = "/model/arn:aws:bedrock:eu-central-1:1:inference-profile%2Feu.amazon.nova-pro-v1:0/converse"
            paths = (wire, wire.replace("%2F", "/"))
            for path in paths:
                c.answer(path, told(CONVERSE))
            environ = {"AWS_ACCESS_KEY_ID": "ASIAENV", "AWS_SECRET_ACCESS_KEY": SECRETS[0], "AWS_SESSION_TOKEN": SECRETS[1]}
            made = document({"b": {"type": "bedrock", "base_url": c.url, "region": "eu-central-1"}}, f"b/{model}")
            async with whole_gateway(made, clock=clock, environ=environ) as gateway:
                status, _, body = await gateway.post(CHAT, chat())
                assert (status, msgspec.json.decode(body)["choices"][0]["message"]["content"]) == (200, "hello")
            seen = c.seen[0]
            assert seen.headers["x-amz-security-token"] == SECRETS[1]
            unsigned = Unsigned("POST", seen.headers["host"], wire, seen.body)
            lines = Signer("eu-central-1", "bedrock").sign(Credentials("ASIAENV", SECRETS[0], SECRETS[1]), unsigned, clock.now())
            assert f"Authorization: {seen.headers['authorization']}\r\n".encode() in lines

    run(test)


def test_a_bedrock_api_key_wins():
    """Where one is given, nothing is signed."""

    async def test() -> None:
        async with cloud() as c:
            c.answer("/model/x/converse", told(CONVERSE))
            made = document({"b": {"type": "bedrock", "base_url": c.url, "api_key": "bedrock-key"}}, "b/x")
            async with whole_gateway(made, environ={"AWS_ACCESS_KEY_ID": "A", "AWS_SECRET_ACCESS_KEY": "s"}) as gateway:
                assert (await gateway.post(CHAT, chat()))[0] == 200
            assert c.seen[0].headers["authorization"] == "Bearer bedrock-key"

    run(test)


def test_a_hundred_requests_at_once_ask_for_one_token():
    """All of them wait for it, and are answered."""

    async def test() -> None:
        async with cloud() as c:
            c.answer(TENANT, token())
            c.answer("/openai/v1/chat/completions", told(OPENAI))
            c.delay = 0.05
            async with whole_gateway(document({"a": azure(c)}, "a/m")) as gateway:
                answers = await asyncio.gather(*(gateway.post(CHAT, chat()) for _ in range(100)))
            assert {status for status, _, _ in answers} == {200}
            assert len(asked(c, TENANT)) == 1
            assert {seen.headers["authorization"] for seen in asked(c, "chat")} == {f"Bearer {SECRETS[1]}-one"}

    run(test)


def test_vertex_with_a_service_account(tmp_path: Path):
    """The key file's assertion is exchanged, and the token goes to the region's host."""

    async def test() -> None:
        async with cloud() as c:
            c.answer("/token", token())
            path = "/v1/projects/p/locations/us-central1/publishers/google/models/gemini-2.5-flash:generateContent"
            c.answer(path, told(GEMINI))
            key = {"type": "service_account", "client_email": "e", "private_key": pem().decode(), "token_uri": f"{c.url}/token"}
            (tmp_path / "key.json").write_bytes(msgspec.json.encode(key))
            vertex = {"type": "vertex", "base_url": c.url, "project": "p", "region": "us-central1"}
            vertex["google"] = {"credentials_file": str(tmp_path / "key.json")}
            async with whole_gateway(document({"v": vertex}, "v/gemini-2.5-flash")) as gateway:
                status, _, body = await gateway.post(CHAT, chat())
                assert status == 200, body
            assert asked(c, "generateContent")[0].headers["authorization"] == f"Bearer {SECRETS[1]}-one"

    run(test)


def test_without_credentials_the_next_deployment_serves():
    """Nothing is sent to the provider; alone, the answer says what to do, and nobody's secret."""

    async def test() -> None:
        async with cloud() as c:
            c.answer(TENANT, told({"error": "invalid_client", "error_description": SECRETS[2]}, 401))
            c.answer("/v1/chat/completions", told(OPENAI))
            providers = {"a": azure(c), "o": {"type": "openai_compatible", "base_url": c.url, "api_key": "k"}}
            async with whole_gateway(document(providers, "a/m", "o/m")) as gateway:
                assert (await gateway.post(CHAT, chat()))[0] == 200
                status, _, body = await gateway.post(CHAT, chat("a/m"))
                error = msgspec.json.decode(body)["error"]
                assert (status, error["code"]) == (502, "provider_authentication_failed")
                assert "invalid_client" in error["message"]
                shows_no_secret(body, gateway.access())
                assert gateway.access()[0]["provider"] == "o"
            assert asked(c, "/openai/") == []

    run(test)


def test_a_refused_token_is_fetched_anew():
    """401: that request fails, the next one has another token, and the crowd behind it does not fetch again."""

    async def test() -> None:
        async with cloud() as c:
            c.answer(TENANT, lambda seen: token(str(len(asked(c, TENANT)))))
            revoked = f"Bearer {SECRETS[1]}-1"

            def reply(seen: Seen):
                return told({"error": {"message": "expired"}}, 401) if seen.headers["authorization"] == revoked else told(OPENAI)

            c.answer("/openai/v1/chat/completions", reply)
            async with whole_gateway(document({"a": azure(c)}, "a/m")) as gateway:
                assert (await gateway.post(CHAT, chat()))[0] == 502
                await until(lambda: len(asked(c, TENANT)) == 2)
                await asyncio.sleep(0.05)
                assert (await gateway.post(CHAT, chat()))[0] == 200
                assert len(asked(c, TENANT)) == 2

    run(test)


class Served:
    """A whole worker, on what `document` says."""

    def __init__(self, folder: Path, made: dict[str, Any], environ: dict[str, str]) -> None:
        self.folder = folder
        self.document = made
        self.gateway = Gateway(self.load(), self.load, environ)
        self.port = 0

    def load(self):
        own = {"state": {"dir": str(self.folder)}, "logging": {"access": "off"}, "server": {"port": 0, "drain": "1s"}}
        return config_of({**self.document, **own})

    async def ask(self, path: str = CHAT) -> int:
        async with connected(self.port) as raw:
            raw.send(request(path, chat(), BEARER) if path == CHAT else f"GET {path} HTTP/1.1\r\nHost: t\r\n\r\n".encode())
            return (await raw.reply())[0]

    async def reload(self) -> None:
        self.gateway._reload_soon()
        await until(lambda: self.gateway._reloading is None)


@asynccontextmanager
async def served(folder: Path, made: dict[str, Any], environ: dict[str, str] | None = None):
    world = Served(folder, made, environ or {})
    world.port = (await world.gateway.start()).port
    try:
        yield world
    finally:
        await world.gateway.stop()


def test_tokens_come_before_requests_and_delay_no_start(tmp_path: Path):
    """A worker that starts is ready at once, and fetches meanwhile; the first request finds the token there."""

    async def test() -> None:
        async with cloud() as c:
            c.answer(TENANT, token())
            c.answer("/openai/v1/chat/completions", told(OPENAI))
            c.delay = 0.3
            async with served(tmp_path, document({"a": azure(c)}, "a/m")) as world:
                assert await world.ask("/health/ready") == 200
                assert len(c.seen) <= 1
                await until(lambda: len(asked(c, TENANT)) == 1)
                await asyncio.sleep(0.4)
                assert await world.ask() == 200
            assert [seen.path for seen in c.seen] == [TENANT, "/openai/v1/chat/completions"]

    run(test)


def test_a_reload_keeps_tokens(tmp_path: Path):
    """Of providers whose settings stayed the same; a changed one fetches its own, and a bad one changes nothing."""

    async def test() -> None:
        async with cloud() as c:
            c.answer(TENANT, token())
            c.answer("/openai/v1/chat/completions", told(OPENAI))
            async with served(tmp_path, document({"a": azure(c)}, "a/m")) as world:
                assert await world.ask() == 200
                world.document = document({"a": azure(c)}, "a/other")
                await world.reload()
                assert await world.ask() == 200
                assert len(asked(c, TENANT)) == 1
                world.document = document({"a": azure(c, federated_token_file="/none", client_secret=None)}, "a/m")
                await world.reload()
                assert await world.ask() == 200
                assert len(asked(c, TENANT)) == 1
                world.document = document({"a": azure(c, scope="api://other/.default")}, "a/m")
                await world.reload()
                assert await world.ask() == 200
                assert [seen.form["scope"] for seen in asked(c, TENANT)][1:] == ["api://other/.default"]

    run(test)


def test_an_instance_role_serves_while_its_service_is_away(tmp_path: Path, capfd):
    """Keys of the metadata service are in memory; that it fails afterwards is no request's business. No secret in any log."""

    async def test() -> None:
        clock = SystemClock()
        roles = "/latest/meta-data/iam/security-credentials/"
        async with cloud() as c:
            keys = {"Code": "Success", "AccessKeyId": "ASIA", "SecretAccessKey": SECRETS[0], "Token": SECRETS[1]}
            c.answer("/latest/api/token", (200, b"", b"SESSION"))
            c.answer(roles, (200, b"", b"role"))
            c.answer(f"{roles}role", told({**keys, "Expiration": at(clock, 3600)}))
            c.answer("/model/x/converse", told(CONVERSE))
            bedrock = {"type": "bedrock", "base_url": c.url, "region": "eu-central-1", "aws": {}}
            environ = {"AWS_EC2_METADATA_SERVICE_ENDPOINT": c.url}
            async with served(tmp_path, document({"b": bedrock}, "b/x"), environ) as world:
                assert await world.ask() == 200
                c.answer("/latest/api/token", (500, b"", SECRETS[0].encode()))
                world.gateway._authorizers.by_name["b"].stale()
                await until(lambda: len(asked(c, "/latest/api/token")) == 2)
                await asyncio.sleep(0.05)
                assert await world.ask() == 200
        log = capfd.readouterr().err
        assert "credentials_failed" in log
        shows_no_secret(log)

    run(test)
