"""Models of every family, and what they are asked, for the tests of Converse requests."""

from __future__ import annotations

from typing import Any

from dialects.bedrock_converse.lawful import broken
from dialects.rendering import HI, body_for
from llm_gateway.core.chat import CacheMark, Message, Part
from llm_gateway.dialects.base import Target
from llm_gateway.dialects.bedrock_converse import BEDROCK_CONVERSE

CLAUDE = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
OLD_CLAUDE = "anthropic.claude-3-5-sonnet-20240620-v1:0"
NEW_CLAUDE = "global.anthropic.claude-opus-4-8"
NOVA = "amazon.nova-pro-v1:0"
NOVA_2 = "us.amazon.nova-2-lite-v1:0"
LLAMA = "meta.llama3-3-70b-instruct-v1:0"
MISTRAL = "mistral.mistral-large-2407-v1:0"
TITAN = "amazon.titan-text-express-v1"
GPT_OSS = "openai.gpt-oss-120b-1:0"
R1 = "us.deepseek.r1-v1:0"
PROFILE = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc"
EVERY = [CLAUDE, OLD_CLAUDE, NEW_CLAUDE, NOVA, NOVA_2, LLAMA, MISTRAL, TITAN, GPT_OSS, R1, PROFILE, "cohere.command-r-v1:0"]

MARK = CacheMark()
POINT = {"cachePoint": {"type": "default"}}


def render(*messages: Message, model: str = CLAUDE, **members: Any) -> tuple[dict[str, Any], list[str]]:
    body, dropped = body_for(BEDROCK_CONVERSE, Target(model), *messages, **members)
    assert broken(body) == []
    return body, dropped


def content(*parts: Part, role: Any = "user", model: str = CLAUDE) -> tuple[Any, list[str]]:
    body, dropped = render(HI, Message(role, parts), model=model)
    turns = body["messages"]
    return (turns[1]["content"] if len(turns) > 1 else turns[0]["content"][1:]), dropped
