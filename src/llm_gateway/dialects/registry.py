"""All dialects by name, and which back serves a front at a provider."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from llm_gateway.dialects.anthropic_count_tokens import ANTHROPIC_COUNT_TOKENS
from llm_gateway.dialects.anthropic_messages import ANTHROPIC_MESSAGES
from llm_gateway.dialects.base import Back
from llm_gateway.dialects.embeddings import EMBEDDINGS
from llm_gateway.dialects.openai_chat import OPENAI_CHAT
from llm_gateway.dialects.openai_completions import OPENAI_COMPLETIONS

DIALECTS: Mapping[str, Back] = MappingProxyType(
    {
        dialect.name: dialect
        for dialect in (OPENAI_CHAT, OPENAI_COMPLETIONS, EMBEDDINGS, ANTHROPIC_MESSAGES, ANTHROPIC_COUNT_TOKENS)
    }
)
