"""The endings of a request through the real stages, server and client: each is recorded, and holds nothing."""

from __future__ import annotations

import gc

import pytest

from scripted_upstream import ASK, CLOSE, RESET
from scripted_upstream import Upstream as Server
from serving import Raw, connected, run, until
from whole_gateway import (
    CHAT,
    DONE,
    MESSAGES,
    SSE_HEAD,
    answer,
    chat,
    chunk,
    one_provider,
    piece,
    request,
    said,
    streamed,
    whole_gateway,
)

pytestmark = pytest.mark.usefixtures("tidy")

BROKEN = SSE_HEAD + chunk(piece("half"))

ENDINGS = {
    "whole": ([ASK, said()], chat(), 200, "completed", None),
    "stream": ([ASK, streamed()], chat(stream=True), 200, "completed", None),
    "upstream_500": ([ASK, answer({}, "500 Oops")], chat(), 502, "failed", "upstream_error"),
    "refused_by_provider": (
        [ASK, answer({"error": {"message": "bad"}}, "400 Bad")],
        chat(),
        400,
        "failed",
        "invalid_parameter_value",
    ),
    "reset": ([ASK, RESET], chat(), 502, "failed", "upstream_error"),
    "cut_before_content": ([ASK, SSE_HEAD, CLOSE], chat(stream=True), 502, "failed", "upstream_error"),
    "cut": ([ASK, BROKEN, CLOSE], chat(stream=True), 200, "cut", "upstream_error"),
    "in_band": (
        [ASK, BROKEN, 0.05, chunk(b'data: {"error":{"message":"no"}}\n\n')],
        chat(stream=True),
        200,
        "cut",
        "upstream_error",
    ),
    "unknown_model": ([], chat("none"), 404, "failed", "model_not_found"),
    "bad_body": ([], b"{", 400, "failed", "json_parse_error"),
}


@pytest.mark.parametrize("name", ENDINGS)
def test_every_ending_is_recorded_once(name):
    """One access line with the status that went out, how it ended and why; the provider's failure counts as one."""
    script, body, status, outcome, code = ENDINGS[name]

    async def test() -> None:
        async with Server(script) as server, whole_gateway(one_provider(server.url)) as gateway:
            got = await gateway.post(CHAT, body)
            assert got[0] == status
            (line,) = gateway.access()
            assert (line["status"], line["outcome"], line.get("error")) == (status, outcome, code)
            assert line["request_id"].encode() == got[1][b"x-request-id"]
            asked = gateway.stats.provider("a", 1e9)
            assert asked.requests == (1 if script else 0)
            assert asked.errors == (0 if outcome == "completed" or status == 400 else len(server.requests))
            assert "key" in line
            assert gateway.app.world.pipeline.observe.active == 0

    run(test)


def test_an_unknown_caller_is_recorded():
    """A 401 has its access line, without a key's name."""

    async def test() -> None:
        async with whole_gateway(one_provider("http://127.0.0.1:1")) as gateway:
            status, headers, _ = await gateway.post(CHAT, chat(), "Authorization: Bearer wrong\r\n")
            assert status == 401
            assert headers[b"www-authenticate"].startswith(b"Bearer")
            (line,) = gateway.access()
            assert (line["status"], line["outcome"], line["error"]) == (401, "failed", "invalid_api_key")
            assert "key" not in line

    run(test)


async def ask_and_wait(raw: Raw, server: Server, *, stream: bool) -> None:
    """Asks, and waits until the provider has the request and, of a stream, the caller has half."""
    raw.send(request(CHAT, chat(stream=stream)))
    await until(lambda: len(server.requests) == 1)
    if stream:
        await raw.reader.readuntil(b"half")


@pytest.mark.parametrize("stream", [False, True])
def test_a_client_that_leaves_cancels_the_provider(stream):
    """C01, C02: the upstream connection is closed at once, the ending is the client's and tells nothing about the provider."""

    async def test() -> None:
        script = [ASK, BROKEN] if stream else [ASK]
        async with Server(script) as server, whole_gateway(one_provider(server.url)) as gateway:
            async with connected(gateway.port) as raw:
                await ask_and_wait(raw, server, stream=stream)
            await server.until_left(1)
            await until(lambda: gateway.access() != [])
            (line,) = gateway.access()
            assert line["outcome"] == "client_gone"
            assert line["status"] == (200 if stream else 499)
            assert gateway.stats.provider("a", 1e9).errors == 0
            assert gateway.stats.provider("a", 1e9).requests == (1 if stream else 0)

    run(test)


@pytest.mark.parametrize("stream", [False, True])
def test_a_drain_tells_whoever_still_waits(stream):
    """C30: when the grace is over a stream ends with an error event and never [DONE], a waiting request with a 503."""

    async def test() -> None:
        script = [ASK, BROKEN] if stream else [ASK]
        async with Server(script) as server, whole_gateway(one_provider(server.url)) as gateway:
            async with connected(gateway.port) as raw:
                await ask_and_wait(raw, server, stream=stream)
                await gateway.server.drain(0.05)
                rest = await raw.rest()
            assert b'"code":"draining"' in rest
            assert b"[DONE]" not in rest
            assert rest.endswith(b"0\r\n\r\n") if stream else rest.startswith(b"HTTP/1.1 503 ")
            (line,) = gateway.access()
            assert (line["outcome"], line["error"]) == ("drained", "draining")

    run(test)


def test_a_reload_leaves_running_requests_their_world():
    """C31: a stream goes on over a reload that changes everything; the next request meets the new world."""

    async def test() -> None:
        script = [ASK, BROKEN, 0.1, chunk(piece(finish="stop"), DONE) + b"0\r\n\r\n"]
        async with Server(script) as server, whole_gateway(one_provider(server.url)) as gateway:
            async with connected(gateway.port) as raw:
                raw.send(request(CHAT, chat(stream=True)))
                head = await raw.reader.readuntil(b"half")
                gateway.reload({**one_provider("http://127.0.0.1:1"), "models": {"other": "a/x"}})
                assert (await gateway.post(CHAT, chat()))[0] == 404
                rest = await raw.reader.readuntil(b"0\r\n\r\n")
            assert b"[DONE]" in head + rest

    run(test)


LIVES = {
    "whole": ([ASK, said()], CHAT, chat(), 200),
    "stream": ([ASK, streamed()], CHAT, chat(stream=True), 200),
    "translated_whole": ([ASK, said()], MESSAGES, chat(max_tokens=5), 200),
    "translated_stream": ([ASK, streamed()], MESSAGES, chat(stream=True, max_tokens=5), 200),
    "failed": ([ASK, answer({}, "500 Oops")], CHAT, chat(), 502),
    "in_band_before_content": (
        [ASK, SSE_HEAD + chunk(b'data: {"error":{"message":"no"}}\n\n') + b"0\r\n\r\n"],
        CHAT,
        chat(stream=True),
        502,
    ),
    "in_band": (
        [ASK, BROKEN, 0.001, chunk(b'data: {"error":{"message":"no"}}\n\n') + b"0\r\n\r\n"],
        CHAT,
        chat(stream=True),
        200,
    ),
    "refused": ([], CHAT, chat("none"), 404),
    "failover": ([ASK, answer({}, "500 Oops"), ASK, said()], CHAT, chat(), 200),
}


@pytest.mark.parametrize("name", LIVES)
def test_many_requests_leave_the_collector_nothing(name):
    """No ring through an Exchange: with the collector off everything of a request is freed when it ends, errors included."""
    script, path, body, status = LIVES[name]
    times = 400

    async def test() -> None:
        deployments = ["a/real", "a/other"] if name == "failover" else ["a/real"]
        async with Server(script * times) as server:
            document = one_provider(server.url, deployments=deployments)
            document["resilience"] = {"circuit_breaker": {"enabled": False}}
            async with whole_gateway(document) as gateway, connected(gateway.port) as raw:
                data = request(path, body)

                async def one() -> None:
                    raw.send(data)
                    head = await raw.reader.readuntil(b"\r\n\r\n")
                    assert int(head[9:12]) == status
                    if b"chunked" in head:
                        await raw.reader.readuntil(b"0\r\n\r\n")
                    else:
                        await raw.reader.readexactly(int(head.lower().partition(b"content-length: ")[2].partition(b"\r")[0]))

                await one()
                gc.collect()
                gc.disable()
                try:
                    for _ in range(times - 1):
                        await one()
                    found = gc.collect()
                finally:
                    gc.enable()
            assert found < times / 2

    run(test)
