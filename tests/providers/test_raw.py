"""Answers that pass through as they are: cut, late, wrong, slow; and the requests that they are answers to."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from llm_gateway.core.usage import MediaUsage
from llm_gateway.dialects.metering import Meter
from llm_gateway.providers.raw import RawAnswer
from providers.raw_asked import HEARD, SAY, SPEECH, form, posted
from scripted_upstream import ASK, CLOSE, Upstream
from serving import connected, run, until
from whole_gateway import LAST, answer, chunk, event, one_provider, request, whole_gateway

SOUND_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: audio/mpeg\r\nX-Secret: no\r\nTransfer-Encoding: chunked\r\n\r\n"
SSE_HEAD = SOUND_HEAD.replace(b"audio/mpeg", b"text/event-stream")
PIECE = chunk(b"ID3" + b"\0" * 500)
HTML = answer(b"<html><body>It works!</body></html>", headers="").replace(b"application/json", b"text/html")


def two_providers(first: str, second: str, **alias: Any) -> dict[str, Any]:
    document = one_provider(first, **alias)
    document["providers"]["b"] = {"type": "openai_compatible", "base_url": second, "api_key": "sk-provider-secret"}
    document["models"]["m"]["deployments"].append("b/other")
    return document


def test_sound_as_it_comes():
    """Status, type and bytes are the provider's; its other headers stay where they are."""

    async def main():
        async with Upstream([ASK, SOUND_HEAD, PIECE, 0.05, PIECE + LAST]) as upstream:
            async with whole_gateway(one_provider(upstream.url)) as gateway:
                status, headers, body = await gateway.post(SPEECH, SAY)
                assert (status, body) == (200, (b"ID3" + b"\0" * 500) * 2)
                assert headers[b"content-type"] == b"audio/mpeg"
                assert headers[b"x-gateway-provider"] == b"a"
                assert b"x-secret" not in headers
                assert (headers[b"x-content-type-options"], headers[b"content-security-policy"]) == (b"nosniff", b"sandbox")
                (line,) = gateway.access()
                assert (line["outcome"], line["bytes_out"], line["units"]) == ("completed", 1006, {"characters": 5})
            assert b'"model":"real"' in upstream.requests[0][1]

    run(main)


@pytest.mark.parametrize(
    "first", [[CLOSE], [ASK, SOUND_HEAD, CLOSE], [ASK, HTML], [ASK, answer({"error": {"message": "no"}})], [ASK, answer(b"")]]
)
def test_another_provider_while_nothing_was_sent(first):
    """A connection that closes, a web page, an error under 200, nothing at all: the second provider's sound is sent."""

    async def main():
        async with (
            Upstream(first) as bad,
            Upstream([ASK, SOUND_HEAD, PIECE + LAST]) as good,
            whole_gateway(two_providers(bad.url, good.url)) as gateway,
        ):
            status, headers, _ = await gateway.post(SPEECH, SAY)
            assert (status, headers[b"x-gateway-provider"]) == (200, b"b")

    run(main)


@pytest.mark.parametrize(("path", "body"), [(SPEECH, SAY), ("/v1/images/generations", {"model": "m", "prompt": "p"})])
def test_only_a_wrong_answer(path, body):
    """502 in the caller's shape, and nothing of the page."""

    async def main():
        async with Upstream([ASK, HTML]) as upstream, whole_gateway(one_provider(upstream.url)) as gateway:
            status, _, told = await gateway.post(path, body)
            assert status == 502
            assert b"upstream_error" in told
            assert b"It works" not in told

    run(main)


@pytest.mark.parametrize(
    "first", [[ASK, answer(b'{"data":[{"url":"https://x"')], [ASK, answer(b'{"data":[{"url":"https://x","b":' + b'"a"' * 9)]]
)
def test_json_that_lacks_its_end(first):
    """An answer whose length is right and whose end is missing is no answer: another provider is asked."""

    async def main():
        async with (
            Upstream(first) as bad,
            Upstream([ASK, answer({"data": []})]) as good,
            whole_gateway(two_providers(bad.url, good.url)) as gateway,
        ):
            status, headers, _ = await gateway.post("/v1/images/generations", {"model": "m", "prompt": "p"})
            assert (status, headers[b"x-gateway-provider"]) == (200, b"b")

    run(main)


def test_long_json_that_lacks_its_end():
    """Of an answer that is on its way already the caller sees that it is cut."""

    async def main():
        head = answer(b"", headers="Transfer-Encoding: chunked\r\n").replace(b"Content-Length: 0\r\n", b"")
        pieces = [ASK, head + chunk(b'{"data":[' + b"1," * 5000), 0.05, chunk(b"1,") + LAST]
        async with Upstream(pieces) as upstream, whole_gateway(one_provider(upstream.url)) as gateway:
            async with connected(gateway.port) as raw:
                raw.send(request("/v1/images/generations", {"model": "m", "prompt": "p"}))
                told = await raw.rest()
            assert b'{"data":[1,' in told
            assert not told.endswith(LAST)
            (line,) = gateway.access()
            assert (line["status"], line["outcome"], line["attempts"][0]["error"]) == (200, "cut", "cut")

    run(main)


def test_sound_that_is_cut():
    """The caller sees that it is not complete: his connection ends without the last chunk."""

    async def main():
        async with (
            Upstream([ASK, SOUND_HEAD, PIECE, 0.05, CLOSE]) as upstream,
            whole_gateway(one_provider(upstream.url)) as gateway,
        ):
            async with connected(gateway.port) as raw:
                raw.send(request(SPEECH, SAY))
                told = await raw.rest()
            assert b"ID3" in told
            assert not told.endswith(LAST)
            (line,) = gateway.access()
            assert (line["status"], line["outcome"], line["error"]) == (200, "cut", "upstream_error")
            assert line["attempts"][0]["error"] == "reset"

    run(main)


def test_sound_that_stalls():
    """The pause between two pieces is bounded."""

    async def main():
        document = one_provider("", timeouts={"idle": "100ms"})
        async with Upstream([ASK, SOUND_HEAD, PIECE]) as upstream:
            document["providers"]["a"]["base_url"] = upstream.url
            async with whole_gateway(document) as gateway, connected(gateway.port) as raw:
                raw.send(request(SPEECH, SAY))
                told = await raw.rest()
                assert b"ID3" in told
                assert not told.endswith(LAST)
                assert gateway.access()[0]["attempts"][0]["error"] == "idle_timeout"

    run(main)


@pytest.mark.parametrize("ending", [[CLOSE], [LAST]])
def test_events_that_end_too_early(ending):
    """An error event, in-band: whether the connection broke or just ended without the last event."""

    async def main():
        delta = chunk(event({"type": "transcript.text.delta", "delta": "Hello, this is a long enough beginning"}))
        async with (
            Upstream([ASK, SSE_HEAD, delta, 0.05, *ending]) as upstream,
            whole_gateway(one_provider(upstream.url)) as gateway,
        ):
            async with connected(gateway.port) as raw:
                raw.send(posted(HEARD, form(("model", b"m"), ("stream", b"true"), ("file", b"x"))))
                status, headers, body = await raw.reply()
            assert (status, headers[b"content-type"]) == (200, b"text/event-stream")
            assert b"long enough" in body
            assert body.count(b"event: error\n") == 1
            assert gateway.access()[0]["outcome"] == "cut"

    run(main)


def test_an_event_that_is_cut():
    """No error event is glued to half an event: the connection is cut, which no client takes for the end."""

    async def main():
        delta = event({"type": "transcript.text.delta", "delta": "Hello, this is a long enough beginning"})
        upstream = Upstream([ASK, SSE_HEAD, chunk(delta, b'data: {"type":'), 0.05, CLOSE])
        async with upstream, whole_gateway(one_provider(upstream.url)) as gateway:
            async with connected(gateway.port) as raw:
                raw.send(posted(HEARD, form(("model", b"m"), ("stream", b"true"), ("file", b"x"))))
                told = await raw.rest()
            assert b"long enough" in told
            assert b"event: error" not in told
            assert not told.endswith(LAST)
            assert gateway.access()[0]["outcome"] == "cut"

    run(main)


def test_a_slow_reader():
    """The provider is read no faster than the caller reads: neither holds what the other has not taken."""

    async def main():
        written = 0

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal written
            await reader.readuntil(b"\r\n\r\n")
            writer.write(SOUND_HEAD)
            try:
                for _ in range(400):
                    writer.write(chunk(b"x" * 65536))
                    await writer.drain()
                    written += 65536
            except ConnectionError:
                pass
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        try:
            async with whole_gateway(one_provider(url)) as gateway, connected(gateway.port) as raw:
                raw.writer.transport.pause_reading()
                raw.send(request(SPEECH, SAY))
                await until(lambda: written > 0)
                stopped = -1
                while stopped != written:  # until every buffer on the way is full
                    stopped = written
                    await asyncio.sleep(0.3)
                assert stopped < 20 << 20
                raw.writer.transport.resume_reading()
                while written == stopped:
                    assert await asyncio.wait_for(raw.reader.read(1 << 16), 5)
        finally:  # uvloop waits for ever for a server that is left open
            server.close()
            await server.wait_closed()

    run(main)


@pytest.mark.parametrize(
    ("told", "asked", "usage"),
    [
        (b'{"data":[{"url":1}]}', MediaUsage(size="512x512", quality="low"), MediaUsage(images=1, size="512x512", quality="low")),
        (b'{"data":[{"url":1}]}', None, MediaUsage(images=1)),
        (b'{"usage":{"seconds":3}}', MediaUsage(characters=5), MediaUsage(seconds=3.0)),
        (b'{"data":[]}', MediaUsage(size="512x512"), None),
        (b'{"data":[]}', MediaUsage(characters=5), MediaUsage(characters=5)),
    ],
)
def test_what_was_asked_for_stands_beside_what_was_counted(told, asked, usage):
    """Images have the size of the request; a size alone is no use; counts of the answer go before those of the request."""

    async def main():
        response: Any = SimpleNamespace(status=200, headers={b"content-type": b"application/json"})
        made = RawAnswer(response, b"", Meter(counts_images=True), None, asked)
        made.feed(told)
        assert made.usage == usage

    run(main)


def test_a_provider_s_own_refusal():
    """The provider's words about a bad request, as they came; a refused key is the gateway's matter."""

    async def main():
        refused = answer({"error": {"message": "bad voice", "param": "voice"}}, "400 Bad Request")
        wrong_key = answer({"error": {"message": "Incorrect API key"}}, "401 Unauthorized")
        async with Upstream([ASK, refused, ASK, wrong_key]) as upstream, whole_gateway(one_provider(upstream.url)) as gateway:
            status, _, told = await gateway.post(SPEECH, SAY)
            assert (status, told) == (400, b'{"error":{"message":"bad voice","param":"voice"}}')
            status, _, told = await gateway.post(SPEECH, SAY)
            assert status == 502
            assert b"Incorrect" not in told

    run(main)
