"""What the use of a vector is called."""

from __future__ import annotations

import pytest

from llm_gateway.dialects.embeddings import tasks


@pytest.mark.parametrize("words", [tasks.GOOGLE, tasks.COHERE, tasks.VOYAGE, tasks.JINA])
def test_everybodys_words_are_known(words):
    """However they are written, and the neutral ones themselves."""
    for task, word in words.items():
        assert tasks.task_of(word) == tasks.task_of(word.upper()) == tasks.task_of(task) == task


def test_others():
    """NVIDIA's passage; nothing for what nobody says."""
    assert tasks.task_of("passage") == "search_document"
    assert tasks.task_of("poem") is None
