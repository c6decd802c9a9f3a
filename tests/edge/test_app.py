"""Which path is what: operations, plain endpoints, and everything that is refused before either."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from llm_gateway._version import __version__
from scripted_upstream import ASK
from scripted_upstream import Upstream as Server
from serving import connected, run
from whole_gateway import BEARER, CHAT, MESSAGES, Gateway, chat, one_provider, piece, request, said, streamed, whole_gateway

NOWHERE = "http://127.0.0.1:1"


def inside(test: Callable[[Gateway], Any], **sections: Any) -> None:
    async def main() -> None:
        async with whole_gateway({**one_provider(NOWHERE), **sections}) as gateway:
            await test(gateway)

    run(main)


async def ask(gateway: Gateway, line: str, headers: str = "") -> tuple[int, dict[bytes, bytes], bytes]:
    """A request without a body."""
    async with connected(gateway.port) as raw:
        raw.send(f"{line} HTTP/1.1\r\nHost: t\r\n{headers}\r\n".encode())
        return await raw.reply()


@pytest.mark.parametrize(
    ("line", "status", "code", "allow"),
    [
        ("GET /nothing", 404, "not_found", None),
        ("POST /", 405, "method_not_allowed", b"GET, HEAD, OPTIONS"),
        ("GET /v1/chat/completions", 405, "method_not_allowed", b"POST, OPTIONS"),
        ("PUT /v1/messages", 405, "method_not_allowed", b"POST, OPTIONS"),
        ("DELETE /health", 405, "method_not_allowed", b"GET, HEAD, OPTIONS"),
        ("POST /v1/models", 405, "method_not_allowed", b"GET, HEAD, OPTIONS"),
        ("GET /v9/chat/completions", 404, "invalid_api_version", None),
        ("GET /v1/models/", 404, "not_found", None),
        ("POST /v1/chat/completions/", 404, "not_found", None),
        ("GET /v1/models", 401, "missing_api_key", None),
        ("GET /health/providers", 401, "missing_api_key", None),
    ],
)
def test_what_is_refused_and_how(line, status, code, allow):
    """404 for no path, 405 with Allow for a wrong method, 401 where a key is needed; each in the error envelope with an id."""

    async def test(gateway: Gateway) -> None:
        got, headers, body = await ask(gateway, line)
        error = msgspec.json.decode(body).get("error", {})
        assert got == status
        if b"/messages" not in line.encode():
            assert (error["code"], error["request_id"]) == (code, headers[b"x-request-id"].decode())
        assert headers.get(b"allow") == allow
        assert headers[b"cache-control"] == b"no-store"
        assert headers[b"x-gateway-version"] == __version__.encode()

    inside(test)


def test_head_is_get_without_the_body():
    """The same head, and the connection goes on."""

    async def test(gateway: Gateway) -> None:
        async with connected(gateway.port) as raw:
            raw.send(b"HEAD /health/live HTTP/1.1\r\nHost: t\r\n\r\nGET /health/live HTTP/1.1\r\nHost: t\r\n\r\n")
            head = await raw.reader.readuntil(b"\r\n\r\n")
            assert b"200 OK" in head
            assert b"Content-Length: " in head
            status, _, body = await raw.reply()
            assert (status, msgspec.json.decode(body)["status"]) == (200, "alive")

    inside(test)


@pytest.mark.parametrize("path", [CHAT, "/v1/models", "/nothing"])
def test_a_preflight_is_answered_everywhere(path):
    """E24: allowed origins get the headers, others do not; no key is needed."""

    async def test(gateway: Gateway) -> None:
        lines = "Origin: https://app.example\r\nAccess-Control-Request-Method: POST\r\n"
        status, headers, _ = await ask(gateway, f"OPTIONS {path}", lines)
        assert (status, headers[b"access-control-allow-origin"]) == (204, b"https://app.example")
        _, headers, _ = await ask(gateway, f"OPTIONS {path}", lines.replace("app", "evil"))
        assert b"access-control-allow-origin" not in headers

    inside(test, server={"cors": {"origins": ["https://app.example"]}})


def test_an_error_carries_the_cors_lines_too():
    """Else a page could not read why it was refused."""

    async def test(gateway: Gateway) -> None:
        lines = "Origin: https://app.example\r\n"
        for status, headers, _ in (
            await gateway.post(CHAT, chat(), lines),
            await ask(gateway, "GET /nothing", lines),
            await ask(gateway, "GET /v1/models", lines),
        ):
            assert status >= 400
            assert headers[b"access-control-allow-origin"] == b"https://app.example"

    inside(test, server={"cors": {"origins": ["https://app.example"]}})


def test_a_page_cannot_post_without_asking():
    """Only JSON makes a browser send a preflight: a form or text with an Origin is refused, and that is on record."""

    async def test(gateway: Gateway) -> None:
        plain = request(CHAT, chat(), BEARER + "Origin: https://evil.example\r\n").replace(b"application/json", b"text/plain")
        async with connected(gateway.port) as raw:
            raw.send(plain)
            status, _, body = await raw.reply()
        assert (status, msgspec.json.decode(body)["error"]["code"]) == (400, "invalid_content_type")
        assert [(line["status"], line["error"]) for line in gateway.access()] == [(400, "invalid_content_type")]

    inside(test)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (b"my-id_1.2:3/4+5=@", True),
        (b"x" * 128, True),
        (b"x" * 129, False),
        (b"a b", False),
        (b"a\xff", False),
        (b"", False),
        (b'a","b', False),
    ],
)
def test_a_request_id_is_echoed_if_it_is_one(given, kept):
    """Characters that could mean something in a header or a log make a new one instead."""

    async def test(gateway: Gateway) -> None:
        line = b"X-Request-ID: " + given + b"\r\n"
        for method in (b"GET /health/live", b"POST " + CHAT.encode()):
            async with connected(gateway.port) as raw:
                raw.send(method + b" HTTP/1.1\r\nHost: t\r\nContent-Length: 0\r\n" + line + b"\r\n")
                _, headers, _ = await raw.reply()
                assert (headers[b"x-request-id"] == given) is kept
                assert kept or headers[b"x-request-id"].startswith(b"req_")

    inside(test)


@pytest.mark.parametrize("path", [MESSAGES, "/v1/messages/count_tokens", "/v1/messages/nothing"])
def test_errors_speak_the_dialect_of_their_path(path):
    """Below /v1/messages Anthropic's shape, for every kind of refusal, also the engine's own."""

    async def test(gateway: Gateway) -> None:
        for _, _, body in (
            await gateway.post(path, chat(), ""),
            await ask(gateway, f"GET {path}"),
            await ask(gateway, f"POST {path}", "Content-Length: 99999999999\r\n"),
        ):
            told = msgspec.json.decode(body)
            assert told["type"] == "error"
            assert told["error"]["message"]

    inside(test)


@pytest.mark.parametrize("path", ["/v2/embed", "/v2/rerank"])
def test_coheres_paths(path):
    """Its shape, for every kind of refusal, also the engine's own."""

    async def test(gateway: Gateway) -> None:
        for _, _, body in (
            await gateway.post(path, {}, ""),
            await ask(gateway, f"GET {path}"),
            await ask(gateway, f"POST {path}", "Content-Length: 99999999999\r\n"),
        ):
            told = msgspec.json.decode(body)
            assert told["message"]
            assert "error" not in told

    inside(test)


def test_anthropics_clients_are_known_by_their_header():
    """On a shared path an error has the shape of who asked."""

    async def test(gateway: Gateway) -> None:
        _, _, body = await ask(gateway, "GET /v1/models", "Anthropic-Version: 2023-06-01\r\n")
        assert msgspec.json.decode(body)["type"] == "error"

    inside(test)


@pytest.mark.parametrize(("agent", "whole"), [("mistral-client-python/3.7.0", True), ("OpenAI/Python 3.54.0", False)])
def test_mistrals_clients_are_known_by_their_name(agent, whole):
    """They get a call in one piece, which is all that they know; all others get its pieces as the provider sent them."""

    def part(**function: str) -> dict[str, Any]:
        return {"tool_calls": [{"index": 0, "id": "c", "type": "function", "function": function}]}

    async def main() -> None:
        told = streamed(piece(**part(name="f", arguments="{")), piece(**part(arguments="}")), piece(finish="tool_calls"))
        async with Server([ASK, told]) as server, whole_gateway(one_provider(server.url)) as gateway:
            status, _, body = await gateway.post(CHAT, chat(stream=True), f"User-Agent: {agent}\r\n{BEARER}")
        assert status == 200
        assert (b'"arguments":"{}"' in body) is whole
        assert body.endswith(b"data: [DONE]\n\n")

    run(main)


def test_what_the_engine_refuses_has_an_id():
    """Requirements 1.7: every answer has X-Request-ID, and it is the one in the body."""

    async def test(gateway: Gateway) -> None:
        status, headers, body = await ask(gateway, "POST /v1/chat/completions", "Content-Length: 99999999999\r\n")
        assert status == 413
        assert msgspec.json.decode(body)["error"]["request_id"].encode() == headers[b"x-request-id"]

    inside(test)


def test_a_path_without_a_version_means_the_latest():
    """V1: /chat/completions is /v1/chat/completions."""

    async def test() -> None:
        async with Server([ASK, said()]) as server, whole_gateway(one_provider(server.url)) as gateway:
            assert (await gateway.post("/chat/completions", chat()))[0] == 200

    run(test)


@pytest.mark.parametrize(("value", "wanted"), [("true", True), ("body", True), ("0", False), ("", False)])
def test_metadata_is_put_into_the_body_when_asked_for(value, wanted):
    """The header decides for one request."""

    async def test() -> None:
        async with Server([ASK, said()]) as server, whole_gateway(one_provider(server.url)) as gateway:
            _, headers, body = await gateway.post(CHAT, chat(), f"{BEARER}X-Gateway-Metadata: {value}\r\n")
            told = msgspec.json.decode(body).get("x_gateway_metadata")
            assert (told is not None) is wanted
            if wanted:
                assert (told["provider"], told["model"], told["request_id"]) == ("a", "real", headers[b"x-request-id"].decode())

    run(test)


@pytest.mark.parametrize(
    ("path", "lines", "status"),
    [
        (CHAT, "", 200),
        ("/chat/completions", "", 200),
        (CHAT, "X-Request-ID: mine\r\n", 200),
        (CHAT, "X-Gateway-Metadata: true\r\n", 200),
        (CHAT, "Origin: https://app.example\r\n", 200),
        ("/chat/completions", "X-Api-Version: v9\r\n", 404),
    ],
)
def test_the_same_head_again_means_the_same(path, lines, status):
    """What a head says is worked out once for many requests: each of them is answered like the first, under an id of its own."""

    async def test() -> None:
        more = {"server": {"cors": {"origins": ["https://app.example"]}}}
        async with Server([ASK, said()] * 6) as server, whole_gateway(one_provider(server.url) | more) as gateway:
            seen = []
            async with connected(gateway.port) as raw:
                for _ in range(6):
                    raw.send(request(path, chat(), BEARER + lines))
                    seen.append(await raw.reply())
        ids = {headers[b"x-request-id"] for _, headers, _ in seen}
        assert len(ids) == (1 if ids == {b"mine"} else 6)
        assert {answer[0] for answer in seen} == {status}
        assert len({b"x_gateway_metadata" in body for _, _, body in seen}) == 1
        assert {headers.get(b"access-control-allow-origin") for _, headers, _ in seen} == {
            b"https://app.example" if "Origin" in lines else None
        }

    run(test)


def test_a_head_that_is_known_meets_the_new_world():
    """After a reload a connection's next request, byte for byte the last one, is the new configuration's."""

    async def test() -> None:
        async with (
            Server([ASK, said()] * 4) as server,
            whole_gateway(one_provider(server.url)) as gateway,
            connected(gateway.port) as raw,
        ):
            for _ in range(4):
                raw.send(request(CHAT, chat(), BEARER))
                assert (await raw.reply())[0] == 200
            gateway.reload(one_provider(server.url) | {"models": {"other": "a/real"}})
            raw.send(request(CHAT, chat(), BEARER))
            assert (await raw.reply())[0] == 404

    run(test)


@pytest.mark.parametrize("url", ["/v1beta/models/%ff:generateContent", f"/v1beta/models/m:countTokens?{'a=1&' * 40}"])
def test_a_url_that_cannot_be_read_is_the_callers_mistake(url):
    """Gemini's URLs are read before there is a request: what is wrong with them is told as 400, in Gemini's shape."""

    async def test(gateway: Gateway) -> None:
        status, _, body = await ask(gateway, f"POST {url}")
        assert status == 400
        assert msgspec.json.decode(body)["error"]["status"] == "INVALID_ARGUMENT"

    inside(test)
