"""Where the model's name stands in a caller's document, and how much of a document is read."""

from __future__ import annotations

from functools import partial

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.core.errors import InvalidRequest
from llm_gateway.core.splice import replace_top_level
from llm_gateway.dialects.anthropic_messages import request_in as anthropic_messages
from llm_gateway.dialects.gemini import request_in as gemini
from llm_gateway.dialects.invalid import MOST_PARTS
from llm_gateway.dialects.openai_chat import OPENAI_CHAT
from llm_gateway.dialects.openai_chat import request_in as openai_chat
from llm_gateway.dialects.openai_responses import request_in as openai_responses
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


TEXT = {"type": "text", "text": "x"}
FUNCTION = {"type": "function", "function": {"name": "f"}}
RESULT = {"type": "tool_result", "tool_use_id": "t"}
CHAT = (openai_chat.parse_request, {"model": "m", "messages": [{"role": "user", "content": "x"}]})
MESSAGES = (anthropic_messages.parse_request, {"model": "m", "max_tokens": 5, "messages": [{"role": "user", "content": "x"}]})
RESPONSES = (openai_responses.parse_request, {"model": "m", "input": "x"})
GEMINI = (partial(gemini.parse_request, model="m", stream=False), {"contents": [{"parts": [{"text": "x"}]}]})


@pytest.mark.parametrize(
    ("front", "where", "one", "around"),
    [
        (CHAT, "messages", TEXT, lambda parts: [{"role": "user", "content": parts}]),
        (CHAT, "tools", FUNCTION, list),
        (MESSAGES, "messages", TEXT, lambda parts: [{"role": "user", "content": parts}]),
        (MESSAGES, "messages", TEXT, lambda parts: [{"role": "user", "content": [{**RESULT, "content": parts[1:]}]}]),
        (MESSAGES, "tools", {"name": "f", "input_schema": {"type": "object"}}, list),
        (RESPONSES, "input", {"type": "input_text", "text": "x"}, lambda parts: [{"role": "user", "content": parts}]),
        (RESPONSES, "tools", {"type": "function", "name": "f"}, list),
        (GEMINI, "contents", {"text": "x"}, lambda parts: [{"role": "user", "parts": parts}]),
        (GEMINI, "tools", {"name": "f"}, lambda declared: [{"functionDeclarations": declared}]),
    ],
)
def test_a_translated_request_has_so_many_parts_and_tools_at_most(front, where, one, around):
    """As many as may be are read; with one more it is refused, before any of them is looked at."""
    parse, asked = front
    parse(msgspec.json.encode({**asked, where: around([one] * MOST_PARTS)}))
    with pytest.raises(InvalidRequest, match=f"at most {MOST_PARTS} ") as refused:
        parse(msgspec.json.encode({**asked, where: around([one] * (MOST_PARTS + 1))}))
    assert refused.value.param == where
