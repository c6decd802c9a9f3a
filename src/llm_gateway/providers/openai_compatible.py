"""Any server that speaks OpenAI's API under a base URL of its own."""

from __future__ import annotations

from llm_gateway.dialects.openai_media import OPENAIS
from llm_gateway.providers.base import ProviderType

OPENAI_COMPATIBLE = ProviderType(
    name="openai_compatible",
    title="OpenAI-compatible server",
    key_required=False,
    endpoints={
        "openai_chat": "/chat/completions",
        "openai_completions": "/completions",
        "embeddings": "/embeddings",
        "openai_realtime": "/realtime?model={model}",
        "openai_realtime_transcription": "/realtime?model={model}&intent=transcription",
        **OPENAIS,
    },
)
