"""Redacted thinking."""

from __future__ import annotations

from base64 import b64encode

from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.dialects.bedrock_converse.opaque import parse_blob, render_blob
from llm_gateway.dialects.families import is_foreign


def test_anthropics_text_is_kept_as_such():
    """What its own API gives as redacted_thinking.data, so that either can be asked next."""
    assert parse_blob("RXVZQg==") == "EuYB"
    assert render_blob("EuYB") == "RXVZQg=="


@given(st.one_of(st.binary().map(lambda blob: b64encode(blob).decode()), st.text()))
def test_any_blob_comes_back(data):
    """Byte for byte, also what is no text, and no base64."""
    assert render_blob(parse_blob(data)) == data


@given(
    st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1).filter(lambda text: not text.startswith("bedrock:"))
)
def test_any_text_of_anthropics_comes_back(text):
    """The other way round, too."""
    assert parse_blob(render_blob(text)) == text


@given(st.binary(min_size=1).map(lambda blob: b64encode(blob).decode()))
def test_what_claude_made_is_never_foreign(data):
    """Its signatures are base64, and redacted thinking in any of our two forms is its own."""
    assert not is_foreign(data)
    assert not is_foreign(f"bedrock:{data}")
    assert is_foreign(f"gemini/t:{data}")
