"""Cohere's second API (https://docs.cohere.com/reference/chat)."""

from __future__ import annotations

from llm_gateway.providers.base import ProviderType

COHERE = ProviderType(
    name="cohere",
    title="Cohere",
    base_url="https://api.cohere.com/v2",
    key_variable="CO_API_KEY",
    endpoints={"cohere_chat": "/chat", "cohere_embed": "/embed", "cohere_rerank": "/rerank"},
    version="/v2",
    models_path="",  # only its first API lists them
)
