from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import anthropic
import msgspec
import openai
import pytest

from catalogue.books import book, entry, priced
from llm_gateway.catalogue.book import Data
from llm_gateway.catalogue.format import read
from llm_gateway.catalogue.lookup import Catalogue
from llm_gateway.core.caller import Caller
from llm_gateway.core.clock import FakeClock
from llm_gateway.core.errors import InvalidRequest, NotFound
from llm_gateway.edge.models import Models
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
GPT = entry(
    "gpt-4o",
    name="GPT-4o",
    context=128_000,
    output=16_384,
    takes=["text", "image"],
    gives=["text"],
    features=["tools"],
    released="2024-05-13",
    knowledge="2023-09",
    deprecated=True,
    retires="2027-01-14",
    prices=[{"rates": {"input": [2_500_000_000, 1000, 5_000_000_000], "output": 10_000_000_000, "cache_read": 1_250_000_000}}],
    variants=[{"tier": "batch", "rates": {"input": 1_250_000_000}}],
)
GPU = [entry("llama", prices=priced(500_000_000)), entry("org/qwen:2", prices=priced(500_000_001))]


class World:
    """Two providers: openai with configured models, gpu whose models are discovered; and three aliases."""

    def __init__(self, listed=LISTED, known=(), types=None) -> None:
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
        types = types or {"openai": "openai", "gpu": "vllm"}
        catalogue = Catalogue(types, {}, lambda: Data(read(book(*known, vllm=GPU))))
        self.clock = FakeClock()
        self.models = Models(Router(routes, self.upstreams, Patience(), 1), self.discover, self.stats, self.clock, catalogue)
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
    """OpenAI's members and x_gateway_info; what its provider says counts, the catalogue has the rest."""
    body = World().data(b"id=fast")
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
                    "modalities": {"input": [], "output": []},
                    "deprecated": None,
                    "deprecation_date": None,
                    "release_date": None,
                    "knowledge_cutoff": None,
                    "pricing": {"input_per_million": 0.5, "output_per_million": 1, "currency": "USD", "source": "tests"},
                },
            }
        ],
        "has_more": False,
    }


def test_a_row_from_the_catalogue():
    """A configured model that is not asked about: limits, media, lifecycle and prices are the catalogue's, its day of release too."""
    row = World(known=[GPT]).data(b"id=openai/gpt-4o")["data"][0]
    assert row["created"] == 1_715_558_400
    assert row["x_gateway_info"] == {
        "providers": ["openai"],
        "capabilities": ["tools", "vision"],
        "context_window": 128_000,
        "max_output_tokens": 16_384,
        "modalities": {"input": ["text", "image"], "output": ["text"]},
        "deprecated": True,
        "deprecation_date": "2027-01-14",
        "release_date": "2024-05-13",
        "knowledge_cutoff": "2023-09",
        "pricing": {
            "input_per_million": 2.5,
            "output_per_million": 10,
            "cache_read_per_million": 1.25,
            "currency": "USD",
            "steps": [{"above_tokens": 1000, "input_per_million": 5, "output_per_million": 10, "cache_read_per_million": 1.25}],
            "tiers": {"batch": {"input_per_million": 1.25}},
            "source": "tests",
        },
    }


def test_what_nobody_said_is_null():
    """A configured model of which nothing is known has nulls, an epoch date and its provider as owner."""
    row = World().data(b"id=openai/gpt-4o")["data"][0]
    assert (row["created"], row["owned_by"]) == (0, "openai")
    info = row["x_gateway_info"]
    assert (info.pop("providers"), info.pop("capabilities"), info.pop("modalities")) == (
        ["openai"],
        [],
        {"input": [], "output": []},
    )
    assert set(info.values()) == {None}


def test_an_alias_promises_what_all_candidates_have():
    """Smallest window, shared capabilities; null as soon as one candidate's is not known; a price only if it is everywhere the same."""
    smart, mixed = World(known=[GPT]).data(b"id__in=smart,mixed")["data"]
    info = smart["x_gateway_info"]
    assert (info["context_window"], info["max_output_tokens"], info["capabilities"], info["pricing"]) == (
        8192,
        None,
        ["chat"],
        None,
    )
    info = mixed["x_gateway_info"]
    assert (info["providers"], info["context_window"], info["capabilities"]) == (["openai", "gpu"], 8192, ["vision"])
    assert (info["deprecated"], info["deprecation_date"], info["release_date"]) == (True, "2027-01-14", None)
    assert World().data(b"id=mixed")["data"][0]["x_gateway_info"]["context_window"] is None


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (b"provider=openai", ["mixed", "openai/gpt-4o", "openai/gpt-4o-mini"]),
        (b"capability=vision", ["fast", "mixed", "openai/gpt-4o", "gpu/llama"]),
        (b"min_context=10000", ["openai/gpt-4o", "gpu/org/qwen:2"]),
        (b"x_gateway_info.context_window__lt=10000", ["fast", "smart", "mixed", "gpu/llama"]),
        (b"id__startswith=gpu/&sort=-context_window", ["gpu/org/qwen:2", "gpu/llama"]),
        (b"provider=gpu&sort=-pricing.input_per_million,id&limit=2", ["gpu/org/qwen:2", "fast"]),
        (b"offset=1&limit=2", ["smart", "mixed"]),
        (b"deprecated=true", ["mixed", "openai/gpt-4o"]),
        (b"deprecated=false", []),
        (b"modality=image&deprecation_date__lt=2028", ["openai/gpt-4o"]),
        (b"modalities.output__contains=text", ["openai/gpt-4o"]),
        (b"release_date__gte=2024-01-01", ["openai/gpt-4o"]),
        (b"knowledge_cutoff__startswith=2023", ["openai/gpt-4o"]),
        (b"pricing.cache_read_per_million__lte=1.25", ["openai/gpt-4o"]),
        (b"capability=tools&sort=-release_date", ["openai/gpt-4o"]),
    ],
)
def test_filters_order_and_pages(query, expected):
    """The parameters of requirements G1 to G3, short names and long."""
    assert World(known=[GPT]).ids(query) == expected


@pytest.mark.parametrize(
    "query", [b"min_context=big", b"deprecated=maybe", b"deprecated__startswith=t", b"sort=modalities.input"]
)
def test_a_filter_that_makes_no_sense(query):
    """It is the caller's fault, and named."""
    with pytest.raises(InvalidRequest) as caught:
        World().list(query)
    assert caught.value.param == query.partition(b"=")[0].decode()


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


def test_a_list_is_not_made_anew_for_each_who_asks(monkeypatch):
    """A thousand models take a while: the rows are made when a provider says something new and once a minute, for all callers."""
    made: list[str] = []
    seen = Catalogue.seen
    monkeypatch.setattr(Catalogue, "seen", lambda *asked: made.append(asked[2]) or seen(*asked))
    world = World()

    def names(caller: Caller = EVERYTHING) -> list[str]:
        return [row["id"] for row in asyncio.run(world.models.rows(caller))]

    every = names()
    count = len(made)
    assert names(Caller("narrow", ("fast",))) == ["fast"]
    assert names() == every
    assert len(made) == count
    world.clock.advance(60)
    assert names() == every
    assert len(made) == 2 * count
    world.listed = {"gpu": {"new": ListedModel("new")}}
    assert "gpu/new" in names()
    assert "gpu/llama" not in names()
