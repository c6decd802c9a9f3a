"""Anthropic (https://docs.anthropic.com/en/api)."""

from __future__ import annotations

from collections.abc import Mapping

from llm_gateway.providers.base import ProviderType


def x_api_key(key: str) -> Mapping[str, str]:
    """Anthropic's own header, instead of Authorization."""
    return {"x-api-key": key}


ANTHROPIC = ProviderType(
    name="anthropic",
    title="Anthropic",
    base_url="https://api.anthropic.com/v1",
    key_variable="ANTHROPIC_API_KEY",
    endpoints={"anthropic_messages": "/messages", "anthropic_count_tokens": "/messages/count_tokens"},
    sign=x_api_key,
    account_headers={"api_version": "anthropic-version"},
    headers={"anthropic-version": "2023-06-01"},
    forwarded=(b"anthropic-version", b"anthropic-beta"),
)
