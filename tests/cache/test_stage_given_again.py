"""Kept answers through a whole gateway: which requests get them, how long, and what is told of them."""

from __future__ import annotations

import msgspec
import pytest

from cache.cached_world import World, play
from serving import connected
from whole_gateway import BEARER, CHAT, MESSAGES, answer, chat, piece, said, streamed

GENERATE = "/v1beta/models/m:generateContent"
CONTENTS = {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}


def test_an_answer_is_given_again_to_the_byte():
    """Nobody is asked the second time, and the headers say whose answer it was, how old it is and how long it will do."""

    async def test(world: World) -> None:
        first = await world.post()
        assert first.short == (200, "MISS")
        world.clock.advance(12)
        again = await world.post()
        assert again.short == (200, "HIT")
        assert again.body == first.body
        assert (again.headers[b"age"], again.headers[b"x-cache-ttl"]) == (b"12", b"48")
        for name in (b"x-gateway-provider", b"x-gateway-model", b"x-provider", b"content-type"):
            assert again.headers[name] == first.headers[name]
        assert again.headers[b"cache-control"] == b"no-store"
        assert again.headers[b"x-request-id"] != first.headers[b"x-request-id"]
        assert again.headers[b"x-gateway-retries"] == b"0"
        assert b"chosen=cache" in again.headers[b"x-gateway-decision"]
        assert world.asked == 1
        assert world.answers.results == {"miss": 1, "hit": 1}
        assert (world.answers.stored, world.answers.saved_bytes) == (1, len(first.body))

    play([said()], test)


def test_its_time_is_over_to_the_second():
    """Then it is asked for anew, and what is new is kept."""

    async def test(world: World) -> None:
        assert (await world.post()).text == "one"
        world.clock.advance(59.9)
        assert (await world.post()).text == "one"
        world.clock.advance(0.1)
        got = await world.post()
        assert (got.cache, got.text) == ("MISS", "two")
        assert (await world.post()).short == (200, "HIT")
        assert world.asked == 2

    play([said("one"), said("two")], test)


def test_a_clock_that_is_set_back_makes_no_answer_younger_than_new():
    """Ages are never negative."""

    async def test(world: World) -> None:
        await world.post()
        world.clock.jump(-1000)
        got = await world.post()
        assert (got.cache, got.headers[b"age"], got.headers[b"x-cache-ttl"]) == ("HIT", b"0", b"60")

    play([said()], test)


@pytest.mark.parametrize(
    "other",
    [
        chat(temperature=0.5),
        chat(messages=[{"role": "user", "content": "ho"}]),
        chat(tools=[{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]),
        chat(user="u1"),
        chat(n=1),
        msgspec.json.encode(chat()) + b" ",
    ],
)
def test_what_is_not_the_same_to_the_byte_is_asked(other):
    """C29: another prompt, temperature, tools, end user, and even the same document written another way."""

    async def test(world: World) -> None:
        assert (await world.post()).text == "one"
        got = await world.post(other)
        assert (got.cache, got.text) == ("MISS", "two")

    play([said("one"), said("two")], test)


def test_dialects_do_not_share_answers():
    """The same body at another path is another request, and each is answered in its own shape."""

    async def test(world: World) -> None:
        body = chat(max_tokens=5)
        assert (await world.post(body)).json["object"] == "chat.completion"
        for cached in ("MISS", "HIT"):
            got = await world.post(body, path=MESSAGES)
            assert (got.cache, got.json["type"]) == (cached, "message")
        for cached in ("MISS", "HIT"):
            got = await world.post(CONTENTS, path=GENERATE)
            assert (got.cache, got.json["candidates"][0]["finishReason"]) == (cached, "STOP")

    play([said()] * 3, test)


@pytest.mark.parametrize(
    ("path", "body", "given"),
    [
        (
            "/v1/embeddings",
            {"model": "m", "input": "x"},
            {
                "object": "list",
                "data": [{"object": "embedding", "index": 0, "embedding": [0.5]}],
                "model": "real",
                "usage": {"prompt_tokens": 1, "total_tokens": 1},
            },
        ),
        (
            "/v1/completions",
            {"model": "m", "prompt": "x"},
            {
                "id": "c",
                "object": "text_completion",
                "created": 1,
                "model": "real",
                "choices": [{"index": 0, "text": "y", "finish_reason": "length"}],
            },
        ),
        ("/api/chat", chat(), None),
        ("/api/generate", {"model": "m", "prompt": "hi", "stream": False}, None),
    ],
)
def test_other_operations(path, body, given):
    """Embeddings and both kinds of completions, with a body that is the same to the byte."""

    async def test(world: World) -> None:
        first = await world.post(body, path=path)
        assert first.short == (200, "MISS"), first.body
        again = await world.post(body, path=path)
        assert (again.short, again.body) == ((200, "HIT"), first.body)
        assert world.asked == 1

    play([said() if given is None else answer(given)], test)


def test_what_has_a_memory_of_its_own_is_never_kept():
    """Responses, tokens that are counted, and lists of models have no X-Cache and are asked each time."""

    async def test(world: World) -> None:
        for _ in range(2):
            got = await world.post({"model": "m", "input": "hi"}, path="/v1/responses")
            assert got.short == (200, ""), got.body
        assert world.asked == 2
        assert len(world.answers.memory) == 0

    play([said()] * 2, test)


def test_metadata_belongs_to_the_request_at_hand():
    """Its own id and that it was kept; the body beside it is the same, and asking without it gets none."""

    async def test(world: World) -> None:
        first = await world.post(says="X-Gateway-Metadata: body\r\n")
        told = first.json["x_gateway_metadata"]
        assert (told["cached"], told["provider"], told["request_id"]) == (False, "a", first.headers[b"x-request-id"].decode())
        again = await world.post(says="X-Gateway-Metadata: body\r\nX-Request-ID: mine-2\r\n")
        told = again.json["x_gateway_metadata"]
        assert again.cache == "HIT"
        assert (told["cached"], told["provider"], told["model"], told["request_id"]) == (True, "a", "real", "mine-2")
        plain = await world.post()
        assert plain.cache == "HIT"
        assert b"x_gateway_metadata" not in plain.body

    play([said()], test)


def test_what_was_lost_on_the_way_is_told_again():
    """X-Gateway-Dropped of the answer that was kept, to those who are given it."""

    async def test(world: World) -> None:
        body = chat(max_tokens=5, top_k=3)
        first = await world.post(body, path=MESSAGES)
        again = await world.post(body, path=MESSAGES)
        assert again.short == (200, "HIT")
        assert b"top_k" in first.headers[b"x-gateway-dropped"]
        assert again.headers[b"x-gateway-dropped"] == first.headers[b"x-gateway-dropped"]

    play([said()], test)


def test_what_was_estimated_is_told_again():
    """Embeddings of a provider that counts nothing, for a dialect that must: the guess is marked as one each time."""

    async def test(world: World) -> None:
        body = {"model": "m", "input": "x"}
        first = await world.post(body, path="/v1/embeddings")
        assert (first.cache, first.headers[b"x-gateway-estimated"]) == ("MISS", b"true")
        again = await world.post(body, path="/v1/embeddings")
        assert (again.cache, again.headers[b"x-gateway-estimated"], again.body) == ("HIT", b"true", first.body)

    play([answer({"embedding": {"values": [0.5]}})], test, kind="gemini")


def test_a_hit_in_the_access_log():
    """Which it says, without a provider or an attempt; the provider's own counts do not move."""

    async def test(world: World) -> None:
        await world.post()
        await world.post()
        missed, hit = world.gateway.access()
        assert "cached" not in missed
        assert (hit["cached"], hit["status"], hit["outcome"]) == ("hit", 200, "completed")
        assert not hit.get("provider")
        assert not hit.get("attempts")
        assert world.gateway.stats.provider("a", 1e9).requests == 1

    play([said()], test)


def test_other_methods_are_as_ever():
    """HEAD and GET at a model's path are refused, and know nothing of kept answers."""

    async def test(world: World) -> None:
        await world.post()
        for method in ("HEAD", "GET", "PUT", "DELETE"):
            async with connected(world.gateway.port) as raw:
                lines = f"Host: t\r\nContent-Length: 0\r\nConnection: close\r\n{BEARER}"
                raw.send(f"{method} {CHAT} HTTP/1.1\r\n{lines}\r\n".encode())
                head = (await raw.rest()).partition(b"\r\n\r\n")[0]
                assert head.startswith(b"HTTP/1.1 405 ")
                assert b"x-cache" not in head.lower()
        assert world.asked == 1

    play([said()], test)


def test_a_stream_is_given_again_to_the_byte():
    """As the stream that it was; the whole answer to the same question is another request."""

    async def test(world: World) -> None:
        body = chat(stream=True)
        first = await world.post(body)
        assert first.short == (200, "MISS")
        again = await world.post(body)
        assert again.short == (200, "HIT")
        assert again.body == first.body
        assert again.body.endswith(b"data: [DONE]\n\n")
        for name in (b"content-type", b"x-accel-buffering", b"x-gateway-provider", b"transfer-encoding"):
            assert again.headers[name] == first.headers[name]
        assert (await world.post()).cache == "MISS"
        assert world.asked == 2

    play([streamed(piece("hello"), piece(finish="stop")), said()], test)
