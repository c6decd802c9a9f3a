"""What a provider's dialect makes of a request, for the tests of every one."""

from __future__ import annotations

from typing import Any

import msgspec

from llm_gateway.core.chat import ChatRequest, Message, Text
from llm_gateway.dialects.base import ChatBack, Target

HI = Message("user", (Text("hi"),))


def body_for(
    by: ChatBack, target: Target, *messages: Message, dialect: str = "openai_chat", **members: Any
) -> tuple[dict[str, Any], list[str]]:
    """The body that `by` sends to `target`, and what it dropped. `dialect` is the caller's; without messages he says hi."""
    made = by.render_request(ChatRequest("m", messages or (HI,), dialect=dialect, **members), target)
    return msgspec.json.decode(made.body), made.dropped
