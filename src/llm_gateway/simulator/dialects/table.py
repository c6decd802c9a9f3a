"""The operations a simulator knows, by how their path ends. A new dialect is one module and one name here."""

from __future__ import annotations

from llm_gateway.simulator.dialects import anthropic_messages, openai_chat, openai_completions, openai_embeddings
from llm_gateway.simulator.dialects.base import Dialect

# The first that fits is taken: longer endings stand before shorter ones.
DIALECTS: tuple[Dialect, ...] = (
    openai_chat.DIALECT,
    openai_completions.DIALECT,
    openai_embeddings.DIALECT,
    anthropic_messages.COUNT,
    anthropic_messages.MESSAGES,
)


def dialect_for(path: str) -> Dialect | None:
    """The operation behind a native path, with or without a base path in front of it."""
    return next((dialect for dialect in DIALECTS if path.endswith(dialect.path)), None)
