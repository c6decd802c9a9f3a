"""Mistral (https://docs.mistral.ai/api)."""

from __future__ import annotations

from llm_gateway.dialects.base import Prefill, Target
from llm_gateway.dialects.mistral_chat.models import reasons_by
from llm_gateway.providers.base import ProviderType


def target(model: str) -> Target:
    """Models that reason take their thinking back, inside of the content. A prefix comes back with the answer."""
    prefill = Prefill(frozenset({"mistral_chat"}), message="prefix", repeats=True)
    return Target(model, reasoning_field="reasoning_content" if reasons_by(model) else None, prefill=prefill)


MISTRAL = ProviderType(
    name="mistral",
    title="Mistral",
    base_url="https://api.mistral.ai/v1",
    key_variable="MISTRAL_API_KEY",
    endpoints={
        "mistral_chat": "/chat/completions",
        "mistral_embeddings": "/embeddings",
        "mistral_ocr": "/ocr",
        "mistral_fim": "/fim/completions",
        "openai_moderations": "/moderations",
        "openai_transcriptions": "/audio/transcriptions",
        "openai_files": "/files",
        "openai_batches": "/batch/jobs",
    },
    target=target,
)
