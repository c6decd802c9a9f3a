"""Messages bodies as clouds want them."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.providers.anthropic_elsewhere import for_bedrock, for_vertex, for_vertex_count

BODY = b'{"model": "claude-x", "max_tokens":5,"stream":true,"messages":[{"role":"user","content":"model"}]}'


def test_vertex_has_the_model_in_the_url() -> None:
    """The body loses it and gains the version; everything else stays as it was."""
    assert for_vertex(BODY, {}) == (
        b'{"anthropic_version":"vertex-2023-10-16","max_tokens":5,"stream":true,"messages":[{"role":"user","content":"model"}]}'
    )


def test_vertex_counts_for_all_models_at_one_place() -> None:
    """There the model stays."""
    assert msgspec.json.decode(for_vertex_count(BODY, {}))["model"] == "claude-x"


def test_bedrock_has_the_stream_in_the_url_too() -> None:
    """And beta features in the body, from the caller's header, in place of any other list."""
    body = msgspec.json.decode(for_bedrock(BODY, {b"anthropic-beta": b"a-1, b-2"}))
    assert body == {
        "anthropic_version": "bedrock-2023-05-31",
        "anthropic_beta": ["a-1", "b-2"],
        "max_tokens": 5,
        "messages": [{"role": "user", "content": "model"}],
    }
    assert b"anthropic_beta" not in for_bedrock(BODY, {b"anthropic-beta": b" , "})


@given(
    st.sampled_from(["vertex", "bedrock"]), st.permutations(["model", "stream", "anthropic_version", "anthropic_version", "x"])
)
def test_no_order_of_members_leaves_two_versions(place: str, names: list[str]) -> None:
    """A caller who names a version, once or twice, gets the cloud's own and one only."""
    body = b"{" + b",".join(b'"%b":"v"' % name.encode() for name in names) + b"}"
    made = (for_vertex if place == "vertex" else for_bedrock)(body, {})
    assert made.count(b'"anthropic_version"') == 1
    assert b'"model"' not in made
    assert (b'"stream"' in made) is (place == "vertex")
    assert b'"x":"v"' in made
