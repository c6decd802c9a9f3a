"""Together AI (https://docs.together.ai/reference)."""

from __future__ import annotations

from llm_gateway.dialects.base import Target
from llm_gateway.dialects.openai_media import AUDIO
from llm_gateway.providers.base import ProviderType


def target(model: str) -> Target:
    return Target(model, sampling=frozenset({"top_k", "min_p", "repetition_penalty"}))


TOGETHER = ProviderType(
    name="together",
    title="Together AI",
    base_url="https://api.together.xyz/v1",
    key_variable="TOGETHER_API_KEY",
    endpoints={
        "openai_chat": "/chat/completions",
        "openai_completions": "/completions",
        "embeddings": "/embeddings",
        "rerank": "/rerank",
        **AUDIO,
        "openai_images": "/images/generations",
    },
    target=target,
)
