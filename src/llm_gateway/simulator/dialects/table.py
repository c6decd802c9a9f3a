"""The operations a simulator knows, by how their path ends. A new dialect is one module and one name here."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from llm_gateway.simulator.dialects import (
    anthropic_messages,
    bedrock_converse,
    bedrock_embed,
    cohere_chat,
    cohere_embed,
    cohere_rerank,
    gemini,
    gemini_embeddings,
    jina,
    mistral_chat,
    mistral_ocr,
    ollama_chat,
    ollama_embed,
    ollama_generate,
    ollama_show,
    openai_audio,
    openai_chat,
    openai_completions,
    openai_embeddings,
    openai_images,
    openai_moderations,
    openai_responses,
    vertex_embed,
    voyage,
)
from llm_gateway.simulator.dialects.base import Dialect

OLLAMA: tuple[Dialect, ...] = (
    ollama_chat.DIALECT,
    ollama_generate.DIALECT,
    ollama_embed.LEGACY,
    ollama_embed.DIALECT,
    ollama_show.DIALECT,
)
OPENAI: tuple[Dialect, ...] = (
    openai_chat.DIALECT,
    openai_completions.DIALECT,
    openai_responses.DIALECT,
    openai_embeddings.DIALECT,
    openai_images.GENERATE,
    openai_images.EDIT,
    openai_images.VARY,
    openai_audio.SPEECH,
    openai_audio.TRANSCRIPTIONS,
    openai_audio.TRANSLATIONS,
    openai_moderations.DIALECT,
    mistral_ocr.DIALECT,
)
ANTHROPIC: tuple[Dialect, ...] = (anthropic_messages.COUNT, anthropic_messages.MESSAGES)
GEMINI: tuple[Dialect, ...] = (
    gemini.GENERATE,
    gemini.STREAM,
    gemini.STREAM_ARRAY,
    gemini.COUNT,
    gemini_embeddings.ONE,
    gemini_embeddings.BATCH,
    vertex_embed.DIALECT,
)
COHERE: tuple[Dialect, ...] = (cohere_chat.DIALECT, cohere_embed.DIALECT, cohere_rerank.DIALECT)
BEDROCK: tuple[Dialect, ...] = (bedrock_converse.CONVERSE, bedrock_converse.STREAM, bedrock_embed.DIALECT)
VOYAGE: tuple[Dialect, ...] = (voyage.EMBEDDINGS, voyage.RERANKING)
MISTRAL: tuple[Dialect, ...] = (mistral_chat.CHAT, mistral_chat.EMBEDDINGS, mistral_ocr.DIALECT, openai_moderations.DIALECT)
JINA: tuple[Dialect, ...] = (jina.EMBEDDINGS, jina.RERANKING)

# The first that fits is taken: longer endings stand before shorter ones (/api/embeddings before /embeddings).
DIALECTS: tuple[Dialect, ...] = (*OLLAMA, *OPENAI, *ANTHROPIC, *GEMINI, *COHERE, *BEDROCK)
SPOKEN: Mapping[str, tuple[Dialect, ...]] = MappingProxyType(
    {
        "openai": OPENAI,
        "anthropic": ANTHROPIC,
        "gemini": GEMINI,
        "ollama": (*OLLAMA, *OPENAI),  # a real one has OpenAI's routes beside its own
        "cohere": COHERE,
        "bedrock": BEDROCK,
        "mistral": MISTRAL,
        "voyage": VOYAGE,
        "jina": JINA,
    }
)
"""What a mount answers that plays one provider (`Mount.speaks`)."""


def dialect_for(path: str, query: str = "", speaks: str = "") -> tuple[Dialect | None, dict[str, str]]:
    """The operation behind a native path, with or without a base path in front, and the fields that the path gives."""
    for dialect in SPOKEN[speaks] if speaks else DIALECTS:
        found = dialect.fits(path, query)
        if found is not None:
            return dialect, {"model": found[0]} if found else {}
    return None, {}
