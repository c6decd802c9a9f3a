"""Ollama's server (https://docs.ollama.com/api): its own API first, which alone knows keep_alive, options and thinking levels."""

from __future__ import annotations

from types import MappingProxyType

from llm_gateway.providers.base import Endpoint, ProviderType
from llm_gateway.providers.sniff import IMAGES

OLLAMA = ProviderType(
    name="ollama",
    title="Ollama",
    base_url="http://localhost:11434",
    key_variable="OLLAMA_API_KEY",
    key_required=False,
    endpoints={
        "ollama_chat": "/api/chat",
        "ollama_generate": "/api/generate",
        "openai_chat": Endpoint("/v1/chat/completions", wants_bytes=MappingProxyType({"image": IMAGES})),
        "openai_completions": "/v1/completions",
        "ollama_embed": "/api/embed",
        "ollama_embeddings": "/api/embeddings",
        "embeddings": "/v1/embeddings",
    },
    version="",
    models_path="/v1/models",
)
