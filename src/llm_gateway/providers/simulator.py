"""The built-in fake provider: every dialect, scripted answers, faults on demand (see `llm-gateway simulate --help`)."""

from __future__ import annotations

from llm_gateway.dialects.openai_media import OPENAIS
from llm_gateway.providers.base import ProviderType

SIMULATOR = ProviderType(
    name="simulator",
    title="Simulator",
    key_required=False,
    endpoints={
        "openai_chat": "/chat/completions",
        "openai_completions": "/completions",
        "embeddings": "/embeddings",
        "anthropic_messages": "/messages",
        "anthropic_count_tokens": "/messages/count_tokens",
        "openai_realtime": "/realtime?model={model}",
        "openai_realtime_transcription": "/realtime?model={model}&intent=transcription",
        **OPENAIS,
        "mistral_ocr": "/ocr",
    },
    options=frozenset({"speaks", "fault", "tokens_per_second", "seed"}),
    managed=True,
)
