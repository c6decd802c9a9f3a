"""All dialects by name, and which back serves a front at a provider."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from llm_gateway.dialects.anthropic_count_tokens import ANTHROPIC_COUNT_TOKENS
from llm_gateway.dialects.anthropic_messages import ANTHROPIC_MESSAGES
from llm_gateway.dialects.base import Back
from llm_gateway.dialects.bedrock_converse import BEDROCK_CONVERSE
from llm_gateway.dialects.cohere_chat import COHERE_CHAT
from llm_gateway.dialects.cohere_embed import BEDROCK_COHERE_EMBED, COHERE_EMBED
from llm_gateway.dialects.embeddings import EMBEDDINGS
from llm_gateway.dialects.embeddings.variants import JINA_EMBEDDINGS, MISTRAL_EMBEDDINGS, VOYAGE_EMBEDDINGS
from llm_gateway.dialects.gemini import GEMINI
from llm_gateway.dialects.gemini.count_tokens import GEMINI_COUNT_TOKENS
from llm_gateway.dialects.gemini.embed import GEMINI_BATCH_EMBED, GEMINI_EMBED
from llm_gateway.dialects.mistral_chat import MISTRAL_CHAT
from llm_gateway.dialects.ollama_chat import OLLAMA_CHAT, OLLAMA_GENERATE
from llm_gateway.dialects.ollama_embed import OLLAMA_EMBED, OLLAMA_EMBEDDINGS
from llm_gateway.dialects.openai_chat import OPENAI_CHAT
from llm_gateway.dialects.openai_completions import OPENAI_COMPLETIONS
from llm_gateway.dialects.openai_media import MEDIA, OWNED, MediaBack
from llm_gateway.dialects.openai_realtime import OPENAI_REALTIME, OPENAI_REALTIME_TRANSCRIPTION
from llm_gateway.dialects.openai_responses import OPENAI_RESPONSES
from llm_gateway.dialects.rerank import COHERE_RERANK, RERANK, TEI_RERANK, VOYAGE_RERANK
from llm_gateway.dialects.titan_embed import TITAN_EMBED
from llm_gateway.dialects.vertex_embed import VERTEX_EMBED

_ALL: tuple[Back, ...] = (
    OPENAI_CHAT,
    OPENAI_RESPONSES,
    OPENAI_COMPLETIONS,
    EMBEDDINGS,
    VOYAGE_EMBEDDINGS,
    JINA_EMBEDDINGS,
    MISTRAL_EMBEDDINGS,
    GEMINI_EMBED,
    GEMINI_BATCH_EMBED,
    VERTEX_EMBED,
    OLLAMA_EMBED,
    OLLAMA_EMBEDDINGS,
    COHERE_EMBED,
    BEDROCK_COHERE_EMBED,
    TITAN_EMBED,
    RERANK,
    COHERE_RERANK,
    VOYAGE_RERANK,
    TEI_RERANK,
    ANTHROPIC_MESSAGES,
    ANTHROPIC_COUNT_TOKENS,
    GEMINI,
    GEMINI_COUNT_TOKENS,
    OLLAMA_CHAT,
    OLLAMA_GENERATE,
    COHERE_CHAT,
    MISTRAL_CHAT,
    BEDROCK_CONVERSE,
    OPENAI_REALTIME,
    OPENAI_REALTIME_TRANSCRIPTION,
    *(MediaBack(kind) for kind in (*MEDIA, *OWNED)),
)

DIALECTS: Mapping[str, Back] = MappingProxyType({dialect.name: dialect for dialect in _ALL})
