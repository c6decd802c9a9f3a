"""Azure OpenAI: two surfaces, one type."""

from __future__ import annotations

from typing import Any

import pytest

from llm_gateway.dialects.anthropic_messages import ANTHROPIC_MESSAGES
from llm_gateway.dialects.base import Front
from llm_gateway.dialects.embeddings import EMBEDDINGS
from llm_gateway.dialects.openai_chat import OPENAI_CHAT
from llm_gateway.dialects.openai_responses import OPENAI_RESPONSES
from llm_gateway.providers.deployment import Upstream
from llm_gateway.snapshot import NotServable, compile_snapshot
from whole_gateway import PEPPER, config_of

HOST = "https://name.openai.azure.com"


def upstream(**provider: Any) -> Upstream:
    config = config_of({"providers": {"azure": {"api_key": "k1", "base_url": HOST, **provider}}})
    return compile_snapshot(config, pepper=PEPPER, environ={}, managed={}).upstreams["azure"]


def target(at: Upstream, front: Front, model: str = "my gpt".replace(" ", "-")) -> bytes | None:
    lane = at.deployment(model).lane(front)
    return lane.target if lane else None


@pytest.mark.parametrize("base_url", [HOST, f"{HOST}/openai/v1", f"{HOST}/openai/v1/"])
def test_without_a_version_it_is_the_v1_surface(base_url: str) -> None:
    """The deployment's name is the model in the body; the base URL may name the surface or not."""
    at = upstream(base_url=base_url)
    assert target(at, OPENAI_CHAT) == b"/openai/v1/chat/completions"
    assert target(at, ANTHROPIC_MESSAGES) == b"/openai/v1/chat/completions"
    assert target(at, OPENAI_RESPONSES) == b"/openai/v1/responses"
    assert target(at, EMBEDDINGS) == b"/openai/v1/embeddings"


def test_with_a_version_it_is_the_deployment_surface() -> None:
    """The deployment stands in the path, the version in the query; Responses, which is not there, goes through the chat."""
    at = upstream(api_version="2024-12-01-preview")
    chat = b"/openai/deployments/my-gpt/chat/completions?api-version=2024-12-01-preview"
    assert target(at, OPENAI_CHAT) == chat
    assert target(at, OPENAI_RESPONSES) == chat
    assert target(at, EMBEDDINGS) == b"/openai/deployments/my-gpt/embeddings?api-version=2024-12-01-preview"


def test_what_stands_in_the_target_is_escaped() -> None:
    """Neither a model's name nor a version can add to the query."""
    at = upstream(api_version="1&a=b")
    assert target(at, OPENAI_CHAT, "x?y#z") == b"/openai/deployments/x%3Fy%23z/chat/completions?api-version=1%26a%3Db"


def test_the_key_has_its_own_header_and_an_address_is_needed() -> None:
    """api-key, not Authorization; there is no address that would be everyone's. Quirks are OpenAI's."""
    at = upstream()
    assert b"api-key: k1\r\n" in at.headers
    assert b"Authorization" not in at.headers
    assert at.deployment("m").target.max_tokens_field == "max_completion_tokens"
    with pytest.raises(NotServable, match="a provider of type azure needs base_url"):
        upstream(base_url=None)
