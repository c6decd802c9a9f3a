"""Prompt tokens without a tokenizer."""

from __future__ import annotations

import pytest
from msgspec import Raw

from llm_gateway.core.chat import (
    Audio,
    ChatRequest,
    Document,
    Image,
    Message,
    Opaque,
    Part,
    Reasoning,
    Refusal,
    ResponseFormat,
    Text,
    Tool,
    ToolCall,
    ToolResult,
)
from llm_gateway.core.estimate import estimate


def tokens(*parts: Part, **members: object) -> int:
    return estimate(ChatRequest("m", (Message("user", parts),), **members))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("part", "more"),
    [
        (Text("x" * 40), 10),
        (Text("x" * 41), 11),
        (Refusal("x" * 8), 2),
        (Reasoning("x" * 4, redacted="y" * 4), 2),
        (ToolCall("id", "name", "x" * 4), 2),
        (ToolResult("id", (Text("x" * 8), Image(url="u"))), 767),
        (Image(data="A" * 10_000), 765),
        (Document(text="x" * 8), 2),
        (Document(url="u"), 1500),
        (Document(data="A" * 250_000), 4500),
        (Audio("A" * 8000, transcript="x" * 4), 3),
        (Opaque("d", "k", Raw(b'{"abc":1}')), 3),
    ],
)
def test_each_part_has_its_weight(part, more):
    """Four characters to a token, rounded up; pictures and pages flat, however large."""
    assert tokens(part) == 4 + more


def test_messages_tools_and_schemas_count():
    """Four tokens around a message; everything that the model is shown of a tool."""
    assert estimate(ChatRequest("m", (Message("user", ()), Message("assistant", ())))) == 8
    assert tokens(tools=(Tool("abcd", "efgh", Raw(b'{"a":12}')), Tool("w", raw=Raw(b'{"b":1}')))) == 4 + 6
    assert tokens(response_format=ResponseFormat("schema", schema=Raw(b"{}  "))) == 4 + 1


def test_tokens_grow_with_the_request():
    """More of anything is never less."""
    parts = (Text("abc"), Image(url="u"), Text("de"))
    counts = [tokens(*parts[:n]) for n in range(4)]
    assert counts == sorted(counts)
