"""OpenAI (https://platform.openai.com/docs/api-reference)."""

from __future__ import annotations

from llm_gateway.dialects.base import Target
from llm_gateway.dialects.openai_media import OPENAIS
from llm_gateway.providers.base import ProviderType


def target(model: str) -> Target:
    """OpenAI's own models refuse or deprecate max_tokens, and know the role developer."""
    return Target(model, max_tokens_field="max_completion_tokens", developer_role=True)


OPENAI = ProviderType(
    name="openai",
    title="OpenAI",
    base_url="https://api.openai.com/v1",
    key_variable="OPENAI_API_KEY",
    endpoints={
        "openai_chat": "/chat/completions",
        "openai_responses": "/responses",
        "openai_completions": "/completions",
        "embeddings": "/embeddings",
        "openai_realtime": "/realtime?model={model}",
        "openai_realtime_transcription": "/realtime?intent=transcription",
        **OPENAIS,
    },
    forwarded=(b"openai-beta", b"idempotency-key"),
    account_headers={"organization": "OpenAI-Organization", "project": "OpenAI-Project"},
    target=target,
)
