"""Together AI (https://docs.together.ai/reference)."""

from __future__ import annotations

from llm_gateway.providers.base import ProviderType

TOGETHER = ProviderType(
    name="together",
    title="Together AI",
    base_url="https://api.together.xyz/v1",
    key_variable="TOGETHER_API_KEY",
    endpoints={"openai_chat": "/chat/completions", "openai_completions": "/completions", "embeddings": "/embeddings"},
)
