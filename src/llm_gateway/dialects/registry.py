"""All dialects by name, and which back serves a front at a provider."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from llm_gateway.dialects.anthropic_count_tokens import ANTHROPIC_COUNT_TOKENS
from llm_gateway.dialects.anthropic_messages import ANTHROPIC_MESSAGES
from llm_gateway.dialects.base import Back
from llm_gateway.dialects.bedrock_converse import BEDROCK_CONVERSE
from llm_gateway.dialects.cohere_chat import COHERE_CHAT
from llm_gateway.dialects.embeddings import EMBEDDINGS
from llm_gateway.dialects.gemini import GEMINI
from llm_gateway.dialects.gemini.count_tokens import GEMINI_COUNT_TOKENS
from llm_gateway.dialects.ollama_chat import OLLAMA_CHAT, OLLAMA_GENERATE
from llm_gateway.dialects.openai_chat import OPENAI_CHAT
from llm_gateway.dialects.openai_completions import OPENAI_COMPLETIONS
from llm_gateway.dialects.openai_responses import OPENAI_RESPONSES

DIALECTS: Mapping[str, Back] = MappingProxyType(
    {
        dialect.name: dialect
        for dialect in (
            OPENAI_CHAT,
            OPENAI_RESPONSES,
            OPENAI_COMPLETIONS,
            EMBEDDINGS,
            ANTHROPIC_MESSAGES,
            ANTHROPIC_COUNT_TOKENS,
            GEMINI,
            GEMINI_COUNT_TOKENS,
            OLLAMA_CHAT,
            OLLAMA_GENERATE,
            COHERE_CHAT,
            BEDROCK_CONVERSE,
        )
    }
)
