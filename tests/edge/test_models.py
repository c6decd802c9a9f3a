from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import anthropic
import msgspec
import openai
import pytest

from llm_gateway.core.caller import Caller
from llm_gateway.core.errors import InvalidRequest, NotFound
from llm_gateway.edge.models import Models, Price
from llm_gateway.http.limits import ServerLimits
from llm_gateway.http.server import Server
from llm_gateway.providers.deployment import Patience, Upstream
from llm_gateway.providers.discovery import ListedModel
from llm_gateway.providers.registry import PROVIDER_TYPES
from llm_gateway.routing.route import Route, Router
from llm_gateway.telemetry.stats import Stats

EVERYTHING = Caller("all")
ANTHROPIC = {b"anthropic-version": b"2023-06-01"}
LISTED = {
    "gpu": {
        "llama": ListedModel("llama", 1_700_000_000, "meta", "Llama", 8192, 1024, ("chat", "vision")),
        "org/qwen:2": ListedModel("org/qwen:2", 1_600_000_000, "", "", 32768, None, ("chat",)),
    }
}


class World:
    """Two providers: openai with configured models, gpu whose models are discovered; and three aliases."""

    def __init__(self, listed=LISTED, pricing=None) -> None:
        self.upstreams = {
            "openai": Upstream("openai", PROVIDER_TYPES["openai"], "https://api.example/v1", models=("gpt-4o", "gpt-4o-mini")),
            "gpu": Upstream("gpu", PROVIDER_TYPES["vllm"], "http://gpu.example/v1"),
        }
        routes = {
            "fast": self.route("fast", "gpu/llama"),
            "smart": self.route("smart", "gpu/llama", "gpu/org/qwen:2"),
            "mixed": self.route("mixed", "openai/gpt-4o", "gpu/llama"),
        }
        self.stats = Stats()
        self.models = Models(Router(routes, self.upstreams, Patience(), 1), self.discover, self.stats, lambda: 1000.0, pricing)
        self.listed = listed

    async def discover(self):
        return self.listed

    def route(self, name: str, *candidates: str) -> Route:
        found = []
        for candidate in candidates:
            provider, _, model = candidate.partition("/")
            found.append((self.upstreams[provider].deployment(model), Patience()))
        return Route(name, tuple(found), 1, 60.0)

    def list(self, query: bytes = b"", headers=None, caller: Caller = EVERYTHING):
        return asyncio.run(self.models.listing(caller, query, headers or {}))

    def data(self, query: bytes = b"", headers=None, caller: Caller = EVERYTHING):
        return msgspec.json.decode(self.list(query, headers, caller).body)

    def ids(self, query: bytes = b"", caller: Caller = EVERYTHING):
        return [row["id"] for row in self.data(query, None, caller)["data"]]

    def one(self, rest: str, headers=None, caller: Caller = EVERYTHING):
        return msgspec.json.decode(asyncio.run(self.models.one(caller, rest, headers or {})).body)


def test_the_list_holds_aliases_and_models():
    """Aliases first, then configured and discovered models by provider/model."""
    expected = ["fast", "smart", "mixed", "openai/gpt-4o", "openai/gpt-4o-mini", "gpu/llama", "gpu/org/qwen:2"]
    assert World().ids() == expected


def test_a_row():
    """OpenAI's members and x_gateway_info; what is known of a model comes from its provider."""
    body = World(pricing=lambda provider, model: Price(0.5, 1.5)).data(b"id=fast")
    assert body == {
        "object": "list",
        "data": [
            {
                "id": "fast",
                "object": "model",
                "created": 1_700_000_000,
                "owned_by": "meta",
                "x_gateway_info": {
                    "providers": ["gpu"],
                    "capabilities": ["chat", "vision"],
                    "context_window": 8192,
                    "max_output_tokens": 1024,
                    "pricing": {"input_per_million": 0.5, "output_per_million": 1.5, "currency": "USD"},
                },
            }
        ],
        "has_more": False,
    }


def test_what_nobody_said_is_null():
    """A configured model of which nothing is known has nulls, an epoch date and its provider as owner."""
    row = World().data(b"id=openai/gpt-4o")["data"][0]
    assert (row["created"], row["owned_by"]) == (0, "openai")
    info = {"providers": ["openai"], "capabilities": [], "context_window": None, "max_output_tokens": None, "pricing": None}
    assert row["x_gateway_info"] == info


def test_an_alias_promises_what_all_candidates_have():
    """Smallest window, shared capabilities; null as soon as one candidate's is not known; a price only if it is everywhere the same."""
    prices = {("gpu", "llama"): Price(1, 2), ("gpu", "org/qwen:2"): Price(1, 3)}
    world = World(pricing=lambda *pair: prices.get(pair))
    smart, mixed = world.data(b"id__in=smart,mixed")["data"]
    info = smart["x_gateway_info"]
    assert (info["context_window"], info["max_output_tokens"], info["capabilities"], info["pricing"]) == (
        8192,
        None,
        ["chat"],
        None,
    )
    info = mixed["x_gateway_info"]
    assert (info["providers"], info["context_window"], info["capabilities"]) == (["openai", "gpu"], None, [])
    assert world.data(b"id=fast")["data"][0]["x_gateway_info"]["pricing"]["output_per_million"] == 2


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (b"provider=openai", ["mixed", "openai/gpt-4o", "openai/gpt-4o-mini"]),
        (b"capability=vision", ["fast", "gpu/llama"]),
        (b"min_context=10000", ["gpu/org/qwen:2"]),
        (b"x_gateway_info.context_window__lt=10000", ["fast", "smart", "gpu/llama"]),
        (b"id__startswith=gpu/&sort=-context_window", ["gpu/org/qwen:2", "gpu/llama"]),
        (b"provider=gpu&sort=-pricing.input_per_million,id&limit=2", ["fast", "gpu/llama"]),
        (b"offset=1&limit=2", ["smart", "mixed"]),
    ],
)
def test_filters_order_and_pages(query, expected):
    """The parameters of requirements G1 to G3, short names and long."""
    assert World().ids(query) == expected


def test_a_filter_that_makes_no_sense():
    """It is the caller's fault, and named."""
    with pytest.raises(InvalidRequest) as caught:
        World().list(b"min_context=big")
    assert caught.value.param == "min_context"


def test_only_what_the_caller_may_use():
    """Everything else is as if it were not there, for the list and for one model alike."""
    caller = Caller("some", ["fast", "openai/*"])
    world = World()
    assert world.ids(caller=caller) == ["fast", "openai/gpt-4o", "openai/gpt-4o-mini"]
    assert world.one("openai/gpt-4o", caller=caller)["id"] == "openai/gpt-4o"
    messages = []
    for name in ("smart", "no-such-model"):
        with pytest.raises(NotFound) as caught:
            world.one(name, caller=caller)
        messages.append((str(caught.value), caught.value.code, caught.value.param, caught.value.status))
    assert messages[0] == messages[1] == (messages[0][0], "model_not_found", "model_id", 404)


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
            }
        ],
        "has_more": True,
        "first_id": "fast",
        "last_id": "fast",
    }
    one = World().one("openai/gpt-4o", ANTHROPIC)
    assert (one["display_name"], one["created_at"]) == ("openai/gpt-4o", "1970-01-01T00:00:00Z")


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
