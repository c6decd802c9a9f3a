"""Which streams are kept: those that came to their end, to the last byte, and nobody else's."""

from __future__ import annotations

import pytest

from cache.cached_world import World, document, play
from llm_gateway.core.clock import FakeClock
from scripted_upstream import ASK, CLOSE, Upstream
from serving import connected, run, until
from whole_gateway import (
    BEARER,
    CHAT,
    DONE,
    KEY,
    LAST,
    MESSAGES,
    SSE_HEAD,
    chat,
    chunk,
    event,
    piece,
    request,
    said,
    streamed,
    whole_gateway,
)

BODY = chat(stream=True)
BEGUN = SSE_HEAD + chunk(piece("half"))
USED = event(
    {
        "id": "c1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "real",
        "choices": [],
        "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
    }
)
CUT = {
    "ended_early": [BEGUN, 0.05, LAST],
    "in_band_error": [BEGUN, 0.05, chunk(event({"error": {"message": "no"}})) + LAST],
    "no_more_json": [BEGUN, 0.05, chunk(b"data: {\n\n", DONE) + LAST],
    "filtered": [BEGUN, 0.05, chunk(piece(finish="content_filter"), DONE) + LAST],
    "refused": [BEGUN, 0.05, chunk(piece(refusal="I will not."), piece(finish="stop"), DONE) + LAST],
}


@pytest.mark.parametrize("name", CUT)
def test_what_did_not_end_well_is_asked_anew(name):
    """C29: a stream that ended early, with an error, with nonsense, by a filter or a refusal."""

    async def test(world: World) -> None:
        first = await world.post(BODY)
        assert first.short == (200, "MISS")
        assert b"half" in first.body
        assert len(world.answers.memory) == 0
        got = await world.post(BODY)
        assert got.cache == "MISS"
        assert (await world.post(BODY)).short == (200, "HIT")

    play([CUT[name], streamed()], test)


@pytest.mark.parametrize("last", [b"", chunk(piece(finish="stop"))], ids=["in_the_middle", "before_its_last_event"])
def test_one_whose_connection_broke_is_not_kept(last):
    """Wherever it broke: its caller was told so, and nobody is shown it as a whole one."""

    async def main() -> None:
        async with Upstream([ASK, BEGUN + last, 0.05, CLOSE], [ASK, streamed()]) as upstream:
            clock = FakeClock()
            async with whole_gateway(document(upstream.url), clock=clock) as gateway:
                world = World(gateway, upstream, clock)
                assert b"upstream_error" in (await world.post(BODY)).body
                assert (await world.post(BODY)).cache == "MISS"
                assert (await world.post(BODY)).short == (200, "HIT")

    run(main)


def test_one_that_its_caller_left_is_not_kept():
    """Half of it is nobody's answer."""

    async def main() -> None:
        async with Upstream([ASK, BEGUN], [ASK, streamed()]) as upstream, whole_gateway(document(upstream.url)) as gateway:
            world = World(gateway, upstream, FakeClock())
            async with connected(gateway.port) as raw:
                raw.send(request(CHAT, BODY))
                await raw.reader.readuntil(b"half")
            await upstream.until_left(1)
            await until(lambda: gateway.access() != [])
            assert len(world.answers.memory) == 0
            assert (await world.post(BODY)).cache == "MISS"

    run(main)


def test_one_that_used_up_its_budget_is_not_kept():
    """It was ended by the gateway, for that caller alone."""

    async def test(world: World) -> None:
        got = await world.post(BODY)
        assert got.short == (200, "MISS")
        assert b"[DONE]" not in got.body
        assert len(world.answers.memory) == 0

    keys = [{"name": "tests", "key": KEY, "budgets": [{"amount": 0.0013, "cut": True}]}]
    sections = {"auth": {"keys": keys}, "catalogue": {"models": {"a/real": {"prices": {"input": 1, "output": 1}}}}}
    text = chunk(*(piece("word " * 10) for _ in range(20)))
    long = [SSE_HEAD + text, *(part for _ in range(100) for part in (0.005, text))]
    play([long], test, sections=sections)


def test_one_that_another_went_on_with_is_not_kept():
    """`on_cut: continue`: it has a seam, and is told whole to its caller only."""

    async def main() -> None:
        rest = streamed(piece("half more"), piece(finish="stop"))
        async with Upstream([ASK, BEGUN, 0.05, CLOSE]) as one, Upstream([ASK, rest, ASK, streamed()]) as two:
            configured = document(one.url, on_cut="continue", deployments=["a/real", "b/real"])
            configured["providers"]["b"] = {"type": "openai_compatible", "base_url": two.url}
            async with whole_gateway(configured) as gateway:
                world = World(gateway, one, FakeClock())
                first = await world.post(BODY)
                assert b"half" in first.body
                assert b" more" in first.body
                assert first.body.endswith(b"data: [DONE]\n\n")
                assert gateway.access()[-1]["seams"] == 1
                assert (world.answers.stored, len(world.answers.memory)) == (0, 0)

    run(main)


def test_one_above_the_limit_is_not_kept():
    """Counted over all of it, however it came."""

    async def test(world: World) -> None:
        for number in range(2):
            got = await world.post(BODY)
            assert (got.cache, got.body.count(b"x" * 100)) == ("MISS", 20), number
        assert len(world.answers.memory) == 0

    long = [SSE_HEAD, *[chunk(piece("x" * 100))] * 20, chunk(piece(finish="stop"), DONE) + LAST]
    play([long] * 2, test, {"entry": "2KB"})


@pytest.mark.parametrize("size", [1, 4096, 5000, 100_000])
def test_one_that_begins_with_much_is_kept(size):
    """What came before its first content was shown counts too, however much of it there is."""

    async def test(world: World) -> None:
        first = await world.post(BODY)
        again = await world.post(BODY)
        assert (again.short, again.body) == ((200, "HIT"), first.body)
        assert len(first.body) > size

    play([streamed(piece("x" * size), piece(finish="stop"))], test)


def test_none_where_streams_are_not_to_be_kept():
    """`streams: false`: they have no X-Cache; whole answers have."""

    async def test(world: World) -> None:
        assert [(await world.post(BODY)).cache for _ in range(2)] == ["", ""]
        assert [(await world.post()).cache for _ in range(2)] == ["MISS", "HIT"]

    play([streamed(), streamed(), said()], test, {"streams": False})


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (CHAT, chat(stream=True, stream_options={"include_usage": True})),
        (MESSAGES, chat(stream=True, max_tokens=5)),
        ("/api/chat", chat(stream=True)),
        ("/api/generate", {"model": "m", "prompt": "hi"}),
        ("/v1beta/models/m:streamGenerateContent?alt=sse", {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}),
        ("/v1beta/models/m:streamGenerateContent", {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}),
    ],
)
def test_every_dialect_gets_its_stream_again(path, body):
    """To the byte, its usage included, without asking."""

    async def test(world: World) -> None:
        first = await world.post(body, path=path)
        assert first.short == (200, "MISS")
        again = await world.post(body, path=path)
        assert (again.short, again.body) == ((200, "HIT"), first.body)
        assert again.headers[b"content-type"] == first.headers[b"content-type"]
        assert b"hello" in again.body
        assert world.asked == 1

    play([streamed(piece("hello"), piece(finish="stop"), USED)], test)


def test_gemini_streams_of_both_shapes_are_two():
    """The query is no part of the path, but of what is asked."""

    async def test(world: World) -> None:
        body = {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}
        path = "/v1beta/models/m:streamGenerateContent"
        assert (await world.post(body, path=f"{path}?alt=sse")).body.startswith(b"data: ")
        got = await world.post(body, path=path)
        assert (got.cache, got.body[:1]) == ("MISS", b"[")
        got = await world.post(body, path=f"{path}?alt=json")
        assert (got.cache, got.body[:1]) == ("HIT", b"[")

    play([streamed()] * 2, test)


def test_keepalives_are_no_part_of_a_kept_stream():
    """What was written into a silence of then is not said again now."""

    async def test(world: World) -> None:
        first = await world.post(BODY)
        assert b": keepalive" in first.body
        again = await world.post(BODY)
        assert again.cache == "HIT"
        assert b": keepalive" not in again.body
        assert again.body == first.body.replace(b": keepalive\n\n", b"")

    slow = [BEGUN, 0.5, chunk(piece(finish="stop"), DONE) + LAST]
    play([slow], test, sections={"server": {"keepalive": "50ms"}})


def test_a_stream_goes_to_clients_of_http_1_0():
    """Whose end is the end of the connection."""

    async def test(world: World) -> None:
        first = await world.post(BODY)
        async with connected(world.gateway.port) as raw:
            raw.send(request(CHAT, BODY, BEARER).replace(b"HTTP/1.1", b"HTTP/1.0", 1))
            head, _, body = (await raw.rest()).partition(b"\r\n\r\n")
        assert b"X-Cache: HIT" in head
        assert b"chunked" not in head
        assert body == first.body

    play([streamed()], test)
