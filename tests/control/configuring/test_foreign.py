"""Whose key goes where."""

from __future__ import annotations

from typing import Any

import pytest

from llm_gateway.control.configuring.foreign import check
from llm_gateway.core.errors import InvalidRequest

OLD = {"type": "openai", "api_key": "sk-kept", "headers": {"x-team": "t"}}
ENTRA = {"type": "azure", "base_url": "https://r.openai.azure.com", "entra": {"client_id": "c", "client_secret": "kept"}}


def refused(sent: dict[str, Any], made: dict[str, Any], old: dict[str, Any] | None) -> list[str]:
    try:
        check(sent, made, old)
    except InvalidRequest as error:
        return [one["field"] for one in (error.details or {})["validation_errors"]]
    return []


@pytest.mark.parametrize("change", [{"base_url": "https://else.example"}, {"proxy": "http://p.example:1"}, {"type": "mistral"}])
def test_kept_secrets_do_not_follow_to_another_address(change: dict[str, Any]) -> None:
    """What was left out or came as `***` was given for the address that was there."""
    assert refused(change, {**OLD, **change}, OLD) == ["api_key", "headers.x-team"]
    hidden = {**change, "api_key": "***", "headers": {"x-team": "***"}}
    assert refused(hidden, {**OLD, **change}, OLD) == ["api_key", "headers.x-team"]
    assert refused({**OLD, **change}, {**OLD, **change}, OLD) == []


def test_a_patch_of_one_header_does_not_take_the_others_along() -> None:
    """A merge patch keeps what it does not name."""
    patch = {"base_url": "https://else.example", "api_key": "sk-new", "headers": {"x-new": "n"}}
    assert refused(patch, {**OLD, **patch, "headers": {"x-team": "t", "x-new": "n"}}, OLD) == ["headers.x-team"]


@pytest.mark.parametrize("change", [{"base_url": "https://else.example"}, {"entra": {"authority": "https://else.example"}}])
def test_secrets_of_a_cloud_are_kept_for_where_they_were_given(change: dict[str, Any]) -> None:
    """An application's secret goes to the authority, and what comes of it to the address: neither becomes another one."""
    made = {**ENTRA, **change, "entra": {**ENTRA["entra"], **change.get("entra", {})}}
    assert refused(change, made, ENTRA) == ["entra.client_secret"]
    anew = {**change, "entra": {**made["entra"], "client_secret": "new"}}
    assert refused(anew, {**made, **anew}, ENTRA) == []


def test_other_changes_keep_secrets() -> None:
    """Nobody sends a key again to change a weight, and a new provider keeps nothing."""
    assert refused({"enabled": False}, {**OLD, "enabled": False}, OLD) == []
    assert refused(OLD, OLD, None) == []
