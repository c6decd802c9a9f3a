"""One model, and the list as others than OpenAI's clients read it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import anthropic
import openai
import pytest

from edge.listed import EVERYTHING, GPT, World
from llm_gateway.core.errors import NotFound
from llm_gateway.http.limits import ServerLimits
from llm_gateway.http.server import Server

ANTHROPIC = {b"anthropic-version": b"2023-06-01"}


@pytest.mark.parametrize("rest", ["gpu/org/qwen%3A2", "gpu%2Forg%2Fqwen%3A2", "gpu/org%2fqwen:2"])
def test_one_by_an_id_with_slashes_and_escapes(rest):
    """An id may hold slashes, as they are or escaped: SDKs do either."""
    assert World().one(rest)["id"] == "gpu/org/qwen:2"


@pytest.mark.parametrize(
    "rest", ["", "%ff", "nope", "openai/gpt-5", "gpu/none", "/fast", "fast/", "..%2ffast", "nobody/llama", "gpu/"]
)
def test_one_that_is_not_there(rest):
    """404 model_not_found, whatever is asked for."""
    with pytest.raises(NotFound):
        World().one(rest)


def test_a_model_that_may_be_there():
    """A provider whose list could not be had may have any model: it is not denied."""
    assert World({}).one("gpu/anything")["id"] == "gpu/anything"
    assert "gpu/anything" not in World({}).ids()


def test_one_tells_how_it_performs():
    """E5: latency and success of all candidates together; null as long as it was never asked."""
    world = World()
    assert world.one("smart")["x_gateway_info"]["performance"] == {
        "avg_latency_ms": None,
        "p95_latency_ms": None,
        "success_rate": None,
    }
    for model, latency, ok in (("llama", 0.1, True), ("org/qwen:2", 0.3, True), ("llama", 9.0, False), ("llama", 0.2, True)):
        world.stats.record("gpu", model, latency, ok, None if ok else "timeout", 999.0)
    expected = {"avg_latency_ms": 200.0, "p95_latency_ms": 300.0, "success_rate": 0.75}
    assert world.one("smart")["x_gateway_info"]["performance"] == expected
    assert "performance" not in world.data(b"id=smart")["data"][0]["x_gateway_info"]


def test_anthropics_shape():
    """Who sends anthropic-version gets Anthropic's members and paging, with the filters still there."""
    body = World().data(b"provider=gpu&limit=1", ANTHROPIC)
    assert body == {
        "data": [
            {
                "type": "model",
                "id": "fast",
                "display_name": "Llama",
                "created_at": "2023-11-14T22:13:20Z",
                "max_input_tokens": 8192,
                "max_tokens": 1024,
                "lifecycle": "active",
                "retires_at": None,
            }
        ],
        "has_more": True,
        "first_id": "fast",
        "last_id": "fast",
    }
    one = World().one("openai/gpt-4o", ANTHROPIC)
    assert (one["display_name"], one["created_at"]) == ("openai/gpt-4o", "1970-01-01T00:00:00Z")
    known = World(known=[GPT]).one("openai/gpt-4o", ANTHROPIC)
    assert (known["display_name"], known["created_at"]) == ("GPT-4o", "2024-05-13T00:00:00Z")
    assert (known["lifecycle"], known["retires_at"], known["max_tokens"]) == ("deprecated", "2027-01-14T00:00:00Z", 16_384)


def test_it_is_cached_by_its_owner_only():
    """ETag and 304; private, and different for each key and shape (C21)."""
    world = World()
    first = world.list()
    assert b"Cache-Control: private, no-cache\r\n" in first.headers
    vary = next(line for line in first.headers.split(b"\r\n") if line.startswith(b"Vary: "))
    assert {b"Authorization", b"X-API-Key", b"Anthropic-Version"} <= set(vary[6:].split(b", "))
    tag = next(line for line in first.headers.split(b"\r\n") if line.startswith(b"ETag: "))[6:]
    again = world.list(headers={b"if-none-match": tag})
    assert (again.status, again.body) == (304, b"")
    assert world.list(b"id=fast", {b"if-none-match": tag}).status == 200
    assert world.list(headers={b"if-none-match": tag, **ANTHROPIC}).status == 200


def over_http(use: Callable[[str], Awaitable[Any]]) -> Any:
    """What `use` gives, with our handlers behind a real server whose address it is told."""
    world = World()

    async def handle(request):
        rest = request.path.removeprefix(b"/v1/models").removeprefix(b"/").decode("latin-1")
        models = world.models
        plain = await (
            models.one(EVERYTHING, rest, request.headers) if rest else models.listing(EVERYTHING, request.query, request.headers)
        )
        request.reply.whole(*plain)

    async def run():
        server = Server(handle, ServerLimits())
        await server.start("127.0.0.1", 0)
        try:
            return await use(f"http://127.0.0.1:{server.port}")
        finally:
            await server.drain(0.1)

    return asyncio.run(run())


def test_the_openai_sdk_lists_and_retrieves():
    """The official OpenAI client sees every model on its one page, and an id with slashes."""

    async def use(url):
        async with openai.AsyncOpenAI(api_key="k", base_url=url + "/v1") as client:
            return [model.id async for model in client.models.list()], (await client.models.retrieve("gpu/org/qwen:2")).id

    assert over_http(use) == (World().ids(), "gpu/org/qwen:2")


def test_the_anthropic_sdk_lists_page_by_page():
    """The official Anthropic client walks through the pages and gets every model once."""

    async def use(url):
        async with anthropic.AsyncAnthropic(api_key="k", base_url=url) as client:
            ids = [model.id async for model in client.models.list(limit=2)]
            return ids, (await client.models.retrieve("fast")).created_at.year

    assert over_http(use) == (World().ids(), 2023)
