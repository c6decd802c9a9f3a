"""Three providers and what they list, for tests of the lists of models in other shapes than OpenAI's."""

from __future__ import annotations

from typing import Any

from llm_gateway.catalogue.lookup import Catalogue
from llm_gateway.core.caller import Caller
from llm_gateway.core.clock import FakeClock
from llm_gateway.edge.models import Models
from llm_gateway.http.request import Request
from llm_gateway.providers.deployment import Upstream
from llm_gateway.providers.discovery import ListedModel
from llm_gateway.providers.registry import PROVIDER_TYPES
from llm_gateway.telemetry.stats import Stats
from routed import router

EVERYTHING = Caller("all")
LISTED = {
    "gpu": {
        "llama": ListedModel("llama", 1_700_000_000, "meta", "Llama", 8192, 1024, ("chat", "vision", "reasoning")),
        "embed": ListedModel("embed", 0, "", "", None, None, ("embedding",)),
        "rank": ListedModel("rank", 0, "", "", None, None, ("rerank",)),
        "draw": ListedModel("draw", 0, "", "", None, None, ("chat", "image_generation")),
    }
}


def _no_data() -> Any:
    raise AssertionError("no provider's type is told, so no data is needed")


class ModelsWorld:
    """The alias fast is gpu/llama, house is a model of an Ollama server."""

    def __init__(self) -> None:
        self.upstreams = {
            "openai": Upstream("openai", PROVIDER_TYPES["openai"], "https://api.example/v1", models=("gpt-4o",)),
            "gpu": Upstream("gpu", PROVIDER_TYPES["vllm"], "http://gpu.example/v1"),
            "house": Upstream("house", PROVIDER_TYPES["ollama"], "http://house.example"),
        }
        self.router = router(self.upstreams, fast=("gpu/llama",), house=("house/llama3.2:1b",))
        self.models = Models(self.router, self._discover, Stats(), FakeClock(), Catalogue({}, {}, _no_data))

    async def _discover(self) -> Any:
        return LISTED


def get(body: bytes = b"", query: bytes = b"") -> Request:
    """A request with nothing else in it."""
    return Request(b"GET", b"/", query, {}, "", 0.0, None, body)
