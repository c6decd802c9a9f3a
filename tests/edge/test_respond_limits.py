"""Limits, from the configuration to the wire: headers, refusals, and streams that are cut."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec

from llm_gateway.core.clock import FakeClock
from scripted_upstream import ASK
from scripted_upstream import Upstream as Server
from serving import connected, run
from whole_gateway import (
    BEARER,
    CHAT,
    KEY,
    MESSAGES,
    SSE_HEAD,
    chat,
    chunk,
    one_provider,
    piece,
    request,
    said,
    streamed,
    whole_gateway,
)

SECOND = "sk-gateway-another-0123456789"


def limited(url: str, key: dict[str, Any], **sections: Any) -> dict[str, Any]:
    """The model "m" at a dollar a million tokens, for a key with limits and one without."""
    keys = [{"name": "tests", "key": KEY, **key}, {"name": "free", "key": SECOND}]
    prices = {"models": {"a/real": {"prices": {"input": 1, "output": 1}}}}
    return {**one_provider(url), "auth": {"keys": keys}, "catalogue": prices, **sections}


def test_limited_answers_say_how_much_is_left():
    """In both notations, whole and streamed; an answer that nothing limits has no such lines."""

    async def main():
        clock = FakeClock()
        key = {"limits": {"requests": {"minute": 10}, "tokens": {"minute": 5000}}}
        script = [ASK, said(), ASK, streamed(), ASK, said()]
        async with Server(script) as server, whole_gateway(limited(server.url, key), clock=clock) as gateway:
            status, headers, _ = await gateway.post(CHAT, chat())
            assert status == 200
            assert headers[b"x-ratelimit-limit"] == headers[b"x-ratelimit-limit-requests"] == b"10"
            assert headers[b"x-ratelimit-remaining"] == b"9"
            assert headers[b"x-ratelimit-window"] == b"60"
            assert headers[b"x-ratelimit-reset"] == b"1700000006"
            assert headers[b"x-ratelimit-reset-requests"] == b"6s"
            assert headers[b"x-ratelimit-limit-tokens"] == b"5000"
            assert 3900 < int(headers[b"x-ratelimit-remaining-tokens"]) < 4000
            _, headers, _ = await gateway.post(CHAT, chat(stream=True))
            assert headers[b"x-ratelimit-remaining"] == b"8"
            _, headers, _ = await gateway.post(CHAT, chat(), f"Authorization: Bearer {SECOND}\r\n")
            assert not [name for name in headers if name.startswith(b"x-ratelimit")]

    run(main)


def test_429_on_the_wire():
    """Status, Retry-After, the lines and the body, in the caller's dialect; /health is never limited (requirements L3)."""

    async def main():
        clock = FakeClock()
        key = {"limits": {"requests": {"minute": 1}}}
        async with Server([ASK, said()]) as server, whole_gateway(limited(server.url, key), clock=clock) as gateway:
            assert (await gateway.post(CHAT, chat()))[0] == 200
            status, headers, body = await gateway.post(CHAT, chat())
            error = msgspec.json.decode(body)["error"]
            assert (status, error["type"], error["code"]) == (429, "rate_limit_error", "rate_limit_exceeded")
            assert headers[b"retry-after"] == b"60"
            assert headers[b"x-ratelimit-remaining"] == b"0"
            assert error["details"]["limit_name"] == "requests_per_minute"
            status, _, body = await gateway.post(MESSAGES, chat(max_tokens=5))
            assert (status, msgspec.json.decode(body)["error"]["type"]) == (429, "rate_limit_error")
            async with connected(gateway.port) as raw:
                for _ in range(3):
                    raw.send(f"GET /health/live HTTP/1.1\r\nHost: t\r\n{BEARER}\r\n".encode())
                    assert (await raw.reply())[0] == 200

    run(main)


def test_200_at_once_through_the_gateway():
    """A limit of ten lets ten by, with real connections (faults C26)."""

    async def main():
        clock = FakeClock()
        key = {"limits": {"requests": {"minute": 10}}}
        async with Server([ASK, said()]) as server, whole_gateway(limited(server.url, key), clock=clock) as gateway:
            answers = await asyncio.gather(*(gateway.post(CHAT, chat()) for _ in range(200)))
            assert sorted(status for status, _, _ in answers) == [200] * 10 + [429] * 190

    run(main)


def test_places_are_free_again_however_a_request_ends():
    """Answered, refused by the provider, and left by its caller in the middle of the stream."""

    async def main():
        key = {"limits": {"concurrent": 1}}
        error = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 2\r\n\r\n{}"
        half = [ASK, SSE_HEAD + chunk(piece("hel"))]
        scripts = [ASK, said(), ASK, error, *half], [ASK, said()]
        async with Server(*scripts) as server, whole_gateway(limited(server.url, key)) as gateway:
            assert (await gateway.post(CHAT, chat()))[0] == 200
            assert (await gateway.post(CHAT, chat()))[0] == 400
            async with connected(gateway.port) as raw:
                raw.send(request(CHAT, chat(stream=True), BEARER))
                await raw.reader.readuntil(b"hel")
                assert (await gateway.post(CHAT, chat()))[0] == 429
            await server.until_left(1)
            assert (await gateway.post(CHAT, chat()))[0] == 200
            assert gateway.shared.accounts.book.holding == 0

    run(main)


def test_a_stream_that_a_budget_cuts():
    """It ends with an error of its own and nothing that looks complete, and the provider is left; the next request is 402."""

    async def main():
        key = {"budgets": [{"amount": 0.0013, "cut": True}]}
        text = chunk(*(piece("word " * 10) for _ in range(20)))
        script = [ASK, SSE_HEAD + text, *(part for _ in range(100) for part in (0.005, text))]
        async with Server(script) as server, whole_gateway(limited(server.url, key)) as gateway:
            _, _, body = await gateway.post(CHAT, chat(stream=True))
            assert b"budget_exceeded" in body
            assert b"[DONE]" not in body
            await server.until_left(1)
            (line,) = gateway.access()
            assert line["outcome"] == "cut"
            assert gateway.shared.accounts.book.holding == 0

    run(main)


def test_tiers_and_budgets_of_the_file():
    """`tier: free` has its limits; a budget that is too small for the request is 402."""

    async def main():
        async with Server([ASK, said()]) as server:
            async with whole_gateway(limited(server.url, {"tier": "free"})) as gateway:
                _, headers, _ = await gateway.post(CHAT, chat())
                assert (headers[b"x-ratelimit-limit"], headers[b"x-ratelimit-remaining"]) == (b"60", b"60")
            async with whole_gateway(limited(server.url, {"budgets": [{"amount": 0.0001}]})) as gateway:
                status, _, body = await gateway.post(CHAT, chat())
                told = msgspec.json.decode(body)["error"]
                assert (status, told["code"], told["details"]["limit"]) == (402, "insufficient_quota", 0.0001)

    run(main)
