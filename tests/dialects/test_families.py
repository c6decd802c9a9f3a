"""Whose opaque state is: what may pass through to Anthropic's API as it is."""

from __future__ import annotations

import pytest

from llm_gateway.dialects.families import holds_tagged, is_foreign


@pytest.mark.parametrize(
    ("signature", "held"),
    [("", True), ("gemini/abc", True), ("openai_responses/rs_1##x", True), ("RXVZQkNr", False), ("a/b+c==", False)],
)
def test_a_request_with_a_foreign_signature_is_translated(signature: str, held: bool) -> None:
    """An empty one too: it is what clients are shown for thoughts that nobody signed, and the API refuses it."""
    assert holds_tagged(b'{"messages":[{"content":[{"type":"thinking","signature" : "%b"}]}]}' % signature.encode()) is held


@pytest.mark.parametrize(
    ("text", "foreign"), [("RXVZQkNr", False), ("gemini/x", True), ("reasoning.text#1", True), ("a:b", True)]
)
def test_foreign_by_its_letters(text: str, foreign: bool) -> None:
    """Anthropic's are base64, which has neither sign."""
    assert is_foreign(text) is foreign
