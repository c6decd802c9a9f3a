"""What a target is asked, for the tests of Cohere's requests."""

from __future__ import annotations

from typing import Any

from dialects.rendering import body_for
from llm_gateway.core.chat import Message
from llm_gateway.dialects.base import Target
from llm_gateway.dialects.cohere_chat import COHERE_CHAT

OLD = Target("command-a-03-2025")
NEW = Target("command-a-reasoning-08-2025")


def render(*messages: Message, target: Target = NEW, **members: Any) -> tuple[dict[str, Any], list[str]]:
    return body_for(COHERE_CHAT, target, *messages, **members)
