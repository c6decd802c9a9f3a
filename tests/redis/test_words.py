"""Commands as they go to Redis."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.redis.words import bulk, frame, whole


def test_forms() -> None:
    """Lengths are of bytes, not of letters."""
    assert bulk("aé") == b"$3\r\na\xc3\xa9\r\n"
    assert whole(-12) == b"$3\r\n-12\r\n"
    assert frame(("SET", "a", 5)) == b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n5\r\n"


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1))
def test_read_back(words: list[str]) -> None:
    """Whatever is in a word, the other side reads the same words."""
    import hiredis

    reader = hiredis.Reader()
    reader.feed(frame(words))
    assert [word.decode() for word in reader.gets()] == words
    assert reader.gets() is False
