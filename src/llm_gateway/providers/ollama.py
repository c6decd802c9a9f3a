"""Ollama's server (https://docs.ollama.com/api): its own API first, which alone knows keep_alive, options and thinking levels."""

from __future__ import annotations

from llm_gateway.providers.base import ProviderType

OLLAMA = ProviderType(
    name="ollama",
    title="Ollama",
    base_url="http://localhost:11434",
    key_variable="OLLAMA_API_KEY",
    key_required=False,
    endpoints={
        "ollama_chat": "/api/chat",
        "ollama_generate": "/api/generate",
        "openai_chat": "/v1/chat/completions",
        "openai_completions": "/v1/completions",
        "ollama_embed": "/api/embed",
        "ollama_embeddings": "/api/embeddings",
        "embeddings": "/v1/embeddings",
    },
    version="",
    models_path="/v1/models",
)
