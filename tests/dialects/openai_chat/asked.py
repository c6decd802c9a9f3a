"""Chat requests, parsed and rendered, for the tests of either way."""

from __future__ import annotations

import msgspec

from llm_gateway.core.chat import ChatRequest
from llm_gateway.dialects.base import Target
from llm_gateway.dialects.openai_chat import OPENAI_CHAT

FULL = Target("m-1", max_tokens_field="max_completion_tokens", developer_role=True, reasoning_field="reasoning_details")
PLAIN = Target("m-1")
HI = {"role": "user", "content": "hi"}


def parse(*messages: dict, **members: object) -> ChatRequest:
    return OPENAI_CHAT.parse_request(msgspec.json.encode({"model": "m", "messages": list(messages) or [HI], **members}))


def render(request: ChatRequest, target: Target = PLAIN) -> tuple[dict, list[str]]:
    rendered = OPENAI_CHAT.render_request(request, target)
    return msgspec.json.decode(rendered.body), rendered.dropped
