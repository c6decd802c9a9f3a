"""A model on this machine: llama.cpp's server in a child process that the gateway starts, watches and ends."""

from __future__ import annotations

from llm_gateway.dialects.base import Prefill, Target
from llm_gateway.providers.base import ProviderType


def target(model: str) -> Target:
    """llama.cpp goes on from an assistant message at the end."""
    return Target(model, prefill=Prefill(frozenset({"openai_chat"})), thinking_switch=True)


LOCAL = ProviderType(
    name="local",
    title="Local model (llama.cpp)",
    key_required=False,
    endpoints={
        "openai_chat": "/chat/completions",
        "openai_responses": "/responses",
        "anthropic_messages": "/messages",
        "anthropic_count_tokens": "/messages/count_tokens",
        "openai_completions": "/completions",
    },
    target=target,
    options=frozenset({"file", "context", "threads"}),
    managed=True,
)
