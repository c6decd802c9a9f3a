"""Redacted thinking."""

from __future__ import annotations

from base64 import b64encode

from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.dialects.bedrock_converse.opaque import parse_blob, render_blob, takes_blob
from llm_gateway.dialects.families import holds_tagged, is_foreign


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
    """Its signatures are base64, wherever it is served."""
    assert not is_foreign(data)
    assert takes_blob(data)
    assert is_foreign(f"gemini/t:{data}")
    assert not takes_blob(f"gemini/t:{data}")


@given(st.binary(min_size=1).map(lambda blob: b64encode(blob).decode()))
def test_what_is_no_text_is_converses_alone(data):
    """Anthropic's own API and InvokeModel have no way to say it, so a request that holds it does not pass as it is."""
    assert takes_blob(f"bedrock:{data}")
    assert is_foreign(f"bedrock:{data}")
    assert holds_tagged(b'{"type":"redacted_thinking","data":"bedrock:%b"}' % data.encode())
    assert not holds_tagged(b'{"type":"text","text":"bedrock:%b"}' % data.encode())
