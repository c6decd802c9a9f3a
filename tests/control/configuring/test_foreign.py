"""Whose key goes where."""

from __future__ import annotations

from typing import Any

import pytest

from llm_gateway.control.configuring.foreign import check
from llm_gateway.core.errors import InvalidRequest
from llm_gateway.providers.registry import PROVIDER_TYPES

OLD = {"type": "openai", "api_key": "sk-kept", "headers": {"x-team": "t"}}


def refused(sent: dict[str, Any], made: dict[str, Any], old: dict[str, Any] | None = None, name: str = "p") -> list[str]:
    try:
        check(name, sent, made, old, PROVIDER_TYPES)
    except InvalidRequest as error:
        return [one["field"] for one in (error.details or {})["validation_errors"]]
    return []


@pytest.mark.parametrize("change", [{"base_url": "https://else.example"}, {"proxy": "http://p.example:1"}, {"type": "mistral"}])
def test_kept_secrets_do_not_follow_to_another_address(change: dict[str, Any]) -> None:
    """What was left out or came as `***` was given for the address that was there."""
    assert refused(change, {**OLD, **change}, OLD) == ["api_key", "headers"]
    hidden = {**change, "api_key": "***", "headers": {"x-team": "***"}}
    assert refused(hidden, {**OLD, **change}, OLD) == ["api_key", "headers"]
    assert refused({**OLD, **change}, {**OLD, **change}, OLD) == []


def test_other_changes_keep_secrets() -> None:
    """Nobody sends a key again to change a weight."""
    assert refused({"enabled": False}, {**OLD, "enabled": False}, OLD) == []


def test_the_environments_key_stays_with_its_provider() -> None:
    """Without a key of its own, another address gets none of the gateway's."""
    foreign = {"type": "openai", "base_url": "https://else.example/v1"}
    assert refused(foreign, foreign) == ["api_key"]
    assert refused({}, {"base_url": "https://else.example/v1"}, name="openai") == ["api_key"]
    assert refused({}, {**foreign, "api_key": "sk-own"}) == []
    assert refused({}, {"type": "openai", "base_url": "https://api.openai.com"}) == []
    assert refused({}, {"type": "openai"}) == []
    assert refused({}, {"type": "vllm", "base_url": "http://gpu:8000"}) == []


def test_the_gateways_identity_stays_with_its_cloud() -> None:
    """Tokens of the gateway's own account are sent to the cloud's addresses only."""
    assert refused({}, {"type": "azure", "base_url": "https://else.example"}) == ["base_url"]
    assert refused({}, {"type": "azure", "base_url": "https://r.openai.azure.com", "api_key": "k"}) == []
