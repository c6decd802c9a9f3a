"""Two providers, one configured and one discovered, and the list of their models."""

from __future__ import annotations

import asyncio

import msgspec

from catalogue.books import book, entry, priced
from llm_gateway.catalogue.book import Data
from llm_gateway.catalogue.format import read
from llm_gateway.catalogue.lookup import Catalogue
from llm_gateway.core.caller import Caller
from llm_gateway.core.clock import FakeClock
from llm_gateway.edge.models import Models
from llm_gateway.providers.deployment import Upstream
from llm_gateway.providers.discovery import ListedModel
from llm_gateway.providers.registry import PROVIDER_TYPES
from llm_gateway.telemetry.stats import Stats
from routed import router

EVERYTHING = Caller("all")
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
        mixed = ("openai/gpt-4o", "gpu/llama")
        aliases = router(self.upstreams, fast=("gpu/llama",), smart=("gpu/llama", "gpu/org/qwen:2"), mixed=mixed)
        self.stats = Stats()
        types = types or {"openai": "openai", "gpu": "vllm"}
        catalogue = Catalogue(types, {}, lambda: Data(read(book(*known, vllm=GPU))))
        self.clock = FakeClock()
        self.models = Models(aliases, self.discover, self.stats, self.clock, catalogue)
        self.listed = listed

    async def discover(self):
        return self.listed

    def list(self, query: bytes = b"", headers=None, caller: Caller = EVERYTHING):
        return asyncio.run(self.models.listing(caller, query, headers or {}))

    def data(self, query: bytes = b"", headers=None, caller: Caller = EVERYTHING):
        return msgspec.json.decode(self.list(query, headers, caller).body)

    def ids(self, query: bytes = b"", caller: Caller = EVERYTHING):
        return [row["id"] for row in self.data(query, None, caller)["data"]]

    def one(self, rest: str, headers=None, caller: Caller = EVERYTHING):
        return msgspec.json.decode(asyncio.run(self.models.one(caller, rest, headers or {})).body)
