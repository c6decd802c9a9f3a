"""Families of models."""

from __future__ import annotations

import pytest

from llm_gateway.dialects.bedrock_converse.families import UNKNOWN, family_of


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("anthropic.claude-v2:1", "claude-2"),
        ("anthropic.claude-instant-v1", "claude-2"),
        ("anthropic.claude-3-haiku-20240307-v1:0", "anthropic"),
        ("us.anthropic.claude-sonnet-5", "anthropic"),
        ("us-gov.anthropic.claude-sonnet-4-5-20250929-v1:0", "anthropic"),
        ("amazon.nova-lite-v1:0", "nova"),
        ("us.amazon.nova-2-lite-v1:0", "nova-2"),
        ("amazon.titan-text-express-v1", "titan"),
        ("us.meta.llama4-maverick-17b-instruct-v1:0", "llama"),
        ("mistral.mistral-7b-instruct-v0:2", "mistral"),
        ("cohere.command-r-plus-v1:0", "command-r"),
        ("cohere.command-text-v14", "command"),
        ("ai21.jamba-1-5-large-v1:0", "jamba"),
        ("us.deepseek.r1-v1:0", "deepseek-r1"),
        ("deepseek.v3-v1:0", "open"),
        ("openai.gpt-oss-20b-1:0", "gpt-oss"),
        ("qwen.qwen3-coder-30b-a3b-v1:0", "qwen"),
        ("arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-pro-v1:0", "nova"),
        ("arn:aws:bedrock:eu-west-1:123456789012:inference-profile/eu.anthropic.claude-opus-4-5-v1:0", "anthropic"),
    ],
)
def test_families_by_id(model, name):
    """By the id without its region; of an ARN by what it ends with."""
    assert family_of(model).name == name


def test_an_id_that_says_nothing():
    """An application inference profile may be any model: all of the API, nothing of a model's own."""
    family = family_of("arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/mi1dadi0g15f")
    assert family is UNKNOWN
    assert (family.top_k, family.thinking) == ((), "")
    assert family.choices == {"auto", "any", "tool"}


@pytest.mark.parametrize(
    ("model", "new"),
    [
        ("anthropic.claude-3-7-sonnet-20250219-v1:0", False),
        ("anthropic.claude-sonnet-4-20250514-v1:0", False),
        ("anthropic.claude-opus-4-1-20250805-v1:0", False),
        ("anthropic.claude-opus-4-5-20251101-v1:0", True),
        ("anthropic.claude-haiku-4-5-20251001-v1:0", True),
        ("anthropic.claude-sonnet-4-6", True),
        ("anthropic.claude-sonnet-5", True),
    ],
)
def test_what_came_with_claude_4_5(model, new):
    """Structured outputs and the cache of one hour."""
    family = family_of(model)
    assert (family.schema, family.hour) == (new, new)
