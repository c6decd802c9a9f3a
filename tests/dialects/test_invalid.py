"""Where the model's name stands in a caller's document."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.core.errors import InvalidRequest
from llm_gateway.core.splice import replace_top_level
from llm_gateway.dialects.openai_chat import OPENAI_CHAT
from llm_gateway.providers.ask import _renamed

NAMES = st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "Zs"]), min_size=1, max_size=20)
TEXTS = st.text(max_size=30) | st.just('"model":"x"') | st.just('\\"model') | st.just("a" * 5000)


@given(NAMES, st.lists(TEXTS, min_size=1, max_size=4), st.sampled_from(["first", "last", "between"]), st.booleans())
def test_a_model_is_renamed_as_the_slow_way_does_it(name, texts, place, spaced):
    """Whatever stands around it, short or long, compact or not: the same bytes as the general splice gives."""
    messages = {"messages": [{"role": "user", "content": text} for text in texts]}
    tools = {"tools": [{"type": "function", "function": {"name": "f", "parameters": {"properties": {"model": {}}}}}]}
    model = {"model": name}
    parts = {"first": (model, messages, tools), "last": (messages, tools, model), "between": (tools, model, messages)}[place]
    body = msgspec.json.encode({key: value for part in parts for key, value in part.items()})
    if spaced:
        body = msgspec.json.format(body, indent=2)
    view = OPENAI_CHAT.view(body) if name.isprintable() else None
    if view is not None:
        assert _renamed(body, view, b'"other"') == replace_top_level(body, "model", b'"other"')


@pytest.mark.parametrize(
    "body",
    [
        b'{"model":"a","messages":[{"role":"user","content":"x"}],"model":"b"}',
        b'{"model":"a","messages":[{"role":"user","content":"x"}],"mod\\u0065l":"b"}',
        b'{"mod\\u0065l":"a","messages":[{"role":"user","content":"x"}],"model":"b"}',
        b'{"model":"a","messages":[{"role":"user","content":"' + b"y" * 9000 + b'"}],"model":"b"}',
    ],
)
def test_two_models_are_refused(body):
    """However the second one is spelled and however far away it stands: the provider might take the other one."""
    with pytest.raises(InvalidRequest, match="more than once"):
        OPENAI_CHAT.view(body)
