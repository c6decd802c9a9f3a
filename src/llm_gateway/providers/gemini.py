"""Google's Gemini API, "AI Studio" (https://ai.google.dev/api)."""

from __future__ import annotations

from collections.abc import Mapping

from llm_gateway.providers.base import Endpoint, ProviderType


def sign(key: str) -> Mapping[str, str]:
    """Not in the query, where it would reach logs."""
    return {"x-goog-api-key": key}


GEMINI = ProviderType(
    name="gemini",
    title="Google Gemini",
    base_url="https://generativelanguage.googleapis.com/v1beta",
    key_variable="GEMINI_API_KEY",
    endpoints={
        "gemini": Endpoint("/models/{model}:generateContent", "/models/{model}:streamGenerateContent?alt=sse"),
        "gemini_count_tokens": "/models/{model}:countTokens",
        "gemini_batch_embed": "/models/{model}:batchEmbedContents",
        "gemini_embed": "/models/{model}:embedContent",
    },
    version="/v1beta",
    sign=sign,
)
