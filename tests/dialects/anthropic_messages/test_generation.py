"""What a model takes, by its name."""

from __future__ import annotations

import pytest

from llm_gateway.dialects.anthropic_messages.generation import generation_of, takes_both, takes_sampling, thinks_adaptively


@pytest.mark.parametrize(
    ("model", "generation"),
    [
        ("claude-2.1", (2, 1)),
        ("claude-3-opus-20240229", (3, 0)),
        ("claude-3-7-sonnet-20250219", (3, 7)),
        ("anthropic.claude-3-5-haiku-20241022-v1:0", (3, 5)),
        ("claude-sonnet-4-20250514", (4, 0)),
        ("claude-4-opus-20250514", (4, 0)),
        ("claude-opus-4-1@20250805", (4, 1)),
        ("claude-haiku-4-5-20251001", (4, 5)),
        ("anthropic/claude-sonnet-4.5", (4, 5)),
        ("claude-opus-4-6", (4, 6)),
        ("claude-sonnet-5", (5, 0)),
        ("claude-mythos-preview", (99, 0)),
    ],
)
def test_the_number_is_found_in_every_spelling(model, generation):
    """Dates, families, vendors' prefixes and suffixes are not taken for the generation."""
    assert generation_of(model) == generation


def test_the_api_changed_with_the_generations():
    """4.1 took top_p beside a temperature, 4.6 brought adaptive thinking, 4.7 took all sampling parameters."""
    names = ["claude-opus-4-5", "claude-opus-4-6", "claude-opus-4-7"]
    assert [thinks_adaptively(name) for name in names] == [False, True, True]
    assert [takes_sampling(name) for name in names] == [True, True, False]
    assert [takes_both(name) for name in ("claude-opus-4-20250514", "claude-opus-4-1")] == [True, False]
