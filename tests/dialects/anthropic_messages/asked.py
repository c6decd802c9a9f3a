"""What a target is asked, for the tests of Messages requests."""

from __future__ import annotations

from typing import Any

from dialects.rendering import body_for
from llm_gateway.core.chat import Message, Part
from llm_gateway.dialects.anthropic_messages import ANTHROPIC_MESSAGES
from llm_gateway.dialects.base import Target

NAME = "anthropic_messages"
OLD = Target("claude-sonnet-4-5", default_max_tokens=4000)
NEW = Target("claude-opus-5", default_max_tokens=4000)


def render(*messages: Message, target: Target = OLD, **members: Any) -> tuple[dict[str, Any], list[str]]:
    return body_for(ANTHROPIC_MESSAGES, target, *messages, **members)


def content(*parts: Part, role: Any = "user") -> tuple[Any, list[str]]:
    body, dropped = render(Message(role, parts))
    return body["messages"][0]["content"], dropped
