"""Which surface an api_version asks for."""

from __future__ import annotations

import pytest

from llm_gateway.dialects.embeddings import EMBEDDINGS
from llm_gateway.dialects.openai_chat import OPENAI_CHAT
from llm_gateway.dialects.openai_responses import OPENAI_RESPONSES
from providers.test_azure import HOST, target, upstream

DATED = "/openai/deployments/my-gpt/chat/completions?api-version=2024-10-21"


@pytest.mark.parametrize("base_url", [HOST, f"{HOST}/", f"{HOST}/openai", f"{HOST}/openai/v1", f"{HOST}/openai/v1/"])
def test_a_date_is_the_surface_of_deployments(base_url: str) -> None:
    """Whatever the base URL names of the other one."""
    assert target(upstream(base_url=base_url, api_version="2024-10-21"), OPENAI_CHAT) == DATED.encode()


@pytest.mark.parametrize("word", ["preview", "latest", "v1"])
def test_a_word_is_the_v1_surface(word: str) -> None:
    """With the word in the query of every request."""
    at = upstream(base_url=f"{HOST}/openai/v1", api_version=word)
    assert target(at, OPENAI_CHAT) == f"/openai/v1/chat/completions?api-version={word}".encode()
    assert target(at, EMBEDDINGS) == f"/openai/v1/embeddings?api-version={word}".encode()


def test_responses_are_there_since_they_began() -> None:
    """Before that they go through the chat."""
    assert target(upstream(api_version="2024-10-21"), OPENAI_RESPONSES) == DATED.encode()
    later = target(upstream(api_version="2025-03-01-preview"), OPENAI_RESPONSES)
    assert later == b"/openai/responses?api-version=2025-03-01-preview"


@pytest.mark.parametrize(
    ("version", "asks"), [("2024-06-01", False), ("2024-09-01-preview", True), ("2025-03-01", True), ("v1", True)]
)
def test_usage_of_streams_is_there_since_it_began(version: str, asks: bool) -> None:
    """Before that, stream_options is an unknown parameter."""
    assert upstream(api_version=version).deployment("my-gpt").target.stream_usage is asks
