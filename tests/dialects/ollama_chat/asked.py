"""What a target is asked, for the tests of Ollama's requests."""

from __future__ import annotations

from typing import Any

from dialects.rendering import body_for
from llm_gateway.core.chat import Message
from llm_gateway.dialects.base import Target
from llm_gateway.dialects.ollama_chat import OLLAMA_CHAT

TARGET = Target("llama")


def render(*messages: Message, **members: Any) -> tuple[dict[str, Any], list[str]]:
    return body_for(OLLAMA_CHAT, TARGET, *messages, **members)
