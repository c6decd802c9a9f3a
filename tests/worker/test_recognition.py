"""Who calls, put together."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path
from typing import Any

import msgspec
import pytest
import trustme

from fakes.oidc import Provider, providing
from llm_gateway.core.clock import SystemClock
from llm_gateway.identity.signing import signature_of, signing_secret
from llm_gateway.worker.serve import Gateway
from scripted_upstream import ASK, Upstream
from serving import connected, run
from whole_gateway import CHAT, KEY, MESSAGES, answer, chat, config_of, one_provider, request, whole_gateway

DONE = answer(
    {
        "id": "x",
        "object": "chat.completion",
        "model": "real",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "ok"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
    }
)
HACKED = [
    "' OR 1=1--",
    "{{7*7}}",
    "../../etc/passwd",
    "%0d%0aX-Injected: 1",
    "<script>",
    "k" * 8000,
    "eyJhbGciOiJub25lIn0.e30.AAAA",
]


def good(provider: Provider, **claims: Any) -> str:
    now = int(SystemClock().now())
    said = {"aud": "gateway", "exp": now + 600, **claims}
    return f"Authorization: Bearer {provider.token(said).decode()}\r\n"


def accepting(provider: Provider, url: str, **auth: Any) -> dict[str, Any]:
    document = one_provider(url)
    issuer = {"issuer": provider.url, "audiences": ["gateway"], "claims": {"tenant": "org"}}
    return {**document, "auth": {**document["auth"], "jwt": {"issuers": [issuer]}, **auth}}


def test_a_token_is_served_and_written_down():
    """From the issuer's keys to the access log: a token asks a model and lists them; its tenant and its id are known."""

    async def main() -> None:
        async with (
            providing() as provider,
            Upstream([ASK, DONE]) as upstream,
            whole_gateway(accepting(provider, upstream.url)) as gateway,
        ):
            status, _, _ = await gateway.post(CHAT, chat(), good(provider, org="acme"))
            assert status == 200
            async with connected(gateway.port) as raw:
                raw.send(f"GET /v1/models HTTP/1.1\r\nHost: t\r\n{good(provider)}\r\n".encode())
                status, _, body = await raw.reply()
                assert status == 200
                assert msgspec.json.decode(body)["data"]
            assert gateway.access()[0]["key"] == "jwt:alice"

    run(main)


@pytest.mark.parametrize("path", [CHAT, MESSAGES, "/v1beta/models/m:generateContent"])
def test_wrong_credentials_look_alike_in_every_dialect(path):
    """C13, C14: 401 in the caller's own shape, the same for each, without a word of what was sent, and nobody is asked."""

    async def main() -> None:
        async with providing() as provider, whole_gateway(accepting(provider, "http://127.0.0.1:1")) as gateway:
            expired = good(provider, aud="other").removeprefix("Authorization: Bearer ").strip()
            seen = set()
            for value in [*HACKED, expired]:
                async with connected(gateway.port) as raw:
                    raw.send(request(path, chat(), f"Authorization: Bearer {value}\r\nX-Request-ID: r\r\n"))
                    status, headers, body = await raw.reply()
                assert status == 401, value
                assert value.encode() not in body + b"".join(headers.values())
                seen.add(body)
            assert len(seen) == 1

    run(main)


def test_two_credentials_or_none_are_refused_in_shape():
    """C13: missing, empty, Basic, twice the same header, both headers with the wrong one first."""

    async def main() -> None:
        async with providing() as provider, whole_gateway(accepting(provider, "http://127.0.0.1:1")) as gateway:
            for lines, code in [
                ("", "missing_api_key"),
                ("Authorization: \r\n", "invalid_auth_header"),
                ("Authorization: Basic eDp5\r\n", "invalid_auth_header"),
                (f"Authorization: Bearer {KEY}\r\nAuthorization: Bearer {KEY}\r\n", "invalid_api_key"),
                (f"Authorization: Bearer wrong\r\nx-api-key: {KEY}\r\n", "invalid_api_key"),
            ]:
                status, _, body = await gateway.post(CHAT, chat(), lines)
                assert (status, msgspec.json.decode(body)["error"]["code"]) == (401, code), lines
                assert KEY.encode() not in body

    run(main)


def test_a_reload_forgets_tokens_and_keeps_keys():
    """An issuer that is gone from the configuration is believed no more, at once; one that stays is not asked again."""

    async def main() -> None:
        async with providing() as provider, Upstream([ASK, DONE, ASK, DONE]) as upstream:
            document = accepting(provider, upstream.url)
            async with whole_gateway(document) as gateway:
                token = good(provider)
                assert (await gateway.post(CHAT, chat(), token))[0] == 200
                asked = len(provider.asked)
                gateway.reload(document)
                assert (await gateway.post(CHAT, chat(), token))[0] == 200
                assert len(provider.asked) == asked
                gateway.reload(one_provider(upstream.url))
                assert (await gateway.post(CHAT, chat(), token))[0] == 401

    run(main)


def test_a_signed_request_through_the_whole_gateway():
    """A key that needs signatures is served with one, over its own path, and not twice."""

    async def main() -> None:
        async with Upstream([ASK, DONE]) as upstream:
            document = one_provider(upstream.url)
            document["auth"]["keys"][0]["require_signature"] = True
            async with whole_gateway(document) as gateway:
                keys = gateway.snapshot.keys
                secret = signing_secret(keys.pepper, keys.pepper.digest(KEY.encode()))
                body = msgspec.json.encode(chat())
                now = int(SystemClock().now())
                lines = f"x-api-key: {KEY}\r\nX-Timestamp: {now}\r\n"
                signed = lines + f"X-Signature: {signature_of(secret, b'POST', CHAT.encode(), now, body)}\r\n"
                assert (await gateway.post(CHAT, body, lines))[0] == 401
                assert (await gateway.post(CHAT, body, signed))[0] == 200
                assert (await gateway.post(CHAT, body, signed))[0] == 401
                assert (await gateway.post(CHAT, body + b" ", signed))[0] == 401

    run(main)


def test_a_certificate_that_the_gateway_was_shown(tmp_path: Path):
    """Mutual TLS to the end: a certificate of the configured authority that meets a rule asks without any key."""

    async def main() -> None:
        authority = trustme.CA()
        issued = authority.issue_cert("localhost")
        client = authority.issue_cert("web.acme.example", common_name="web-1", organization_name="acme")
        files = {name: str(tmp_path / name) for name in ("cert", "key", "ca", "client")}
        issued.cert_chain_pems[0].write_to_path(files["cert"])
        issued.private_key_pem.write_to_path(files["key"])
        authority.cert_pem.write_to_path(files["ca"])
        client.private_key_and_cert_chain_pem.write_to_path(files["client"])
        tls = {"cert": files["cert"], "key": files["key"], "client_ca": files["ca"], "client_auth": "optional"}
        document = {
            **one_provider("http://127.0.0.1:1"),
            "server": {"port": 0, "tls": tls},
            "state": {"dir": str(tmp_path / "state")},
            "logging": {"access": "off"},
            "auth": {"mtls": {"rules": [{"subject": {"O": "acme"}, "grants": {"tenant": "acme"}}]}},
        }
        config = config_of(document)
        gateway = Gateway(config, lambda: config, {})
        running = await gateway.start()
        try:
            asked = b"GET /v1/models HTTP/1.1\r\nHost: localhost\r\n\r\n"
            context = ssl.create_default_context(cafile=files["ca"])
            async with connected(running.port, context) as raw:
                raw.send(asked)
                assert (await raw.reply())[0] == 401
            context.load_cert_chain(files["client"])
            async with connected(running.port, context) as raw:
                raw.send(asked)
                status, headers, _ = await raw.reply()
                assert status == 200
                assert headers[b"strict-transport-security"].startswith(b"max-age=31536000")
                assert headers[b"x-content-type-options"] == b"nosniff"
        finally:
            await gateway.stop(0)

    asyncio.run(main())
