"""A system prompt and turns, neutral to wire."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from dialects.anthropic_messages.asked import NAME, OLD, render
from dialects.rendering import HI
from dialects.strategies import marked_texts, requests, texts
from llm_gateway.core.chat import ChatRequest, Message, Opaque, Text, ToolCall, ToolResult
from llm_gateway.core.errors import Unsupported
from llm_gateway.dialects.anthropic_messages import ANTHROPIC_MESSAGES, parts_out, turns


def says(role: Any, *texts: str) -> Message:
    return Message(role, tuple(Text(text) for text in texts))


def test_leading_system_and_developer_messages_are_the_system_prompt():
    """All of them, in order; one plain text is a string."""
    body, dropped = render(says("system", "a"), says("developer", "b"), HI)
    assert body["system"] == [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    assert render(says("system", "a"), HI)[0]["system"] == "a"
    assert dropped == []


def test_later_system_messages_are_the_users_words_and_named():
    """Few models take them, and in few places."""
    body, dropped = render(HI, says("assistant", "yes"), says("developer", "Be brief."), says("user", "go"))
    assert body["messages"][2] == {
        "role": "user",
        "content": [{"type": "text", "text": "<system>\nBe brief.\n</system>"}, {"type": "text", "text": "go"}],
    }
    assert dropped == ["messages[2].role"]


def test_a_caller_of_this_dialect_keeps_them():
    """Who put a system message into the conversation knows why."""
    body, dropped = render(HI, says("system", "S"), dialect=NAME)
    assert body["messages"][1] == {"role": "system", "content": "S"}
    assert dropped == []


def test_nothing_but_system_messages():
    """The API demands a turn of the user."""
    body, dropped = render(says("system", "S"))
    assert body["messages"] == [{"role": "user", "content": "<system>\nS\n</system>"}]
    assert "system" not in body
    assert dropped == ["messages[0].role"]


def test_neighbours_of_one_role_are_one_turn_and_results_come_first():
    """Results of parallel calls that stand in messages of their own belong to one turn, right after the calls."""
    body, dropped = render(
        HI,
        Message("assistant", (ToolCall("a", "f", "{}"), ToolCall("b", "f", '{"x":1}'))),
        Message("tool", (ToolResult("a", (Text("1"),)),)),
        says("user", "and"),
        Message("tool", (ToolResult("b"),)),
        says("user", "now"),
    )
    assert [turn["role"] for turn in body["messages"]] == ["user", "assistant", "user"]
    assert [block.get("tool_use_id") or block.get("text") for block in body["messages"][2]["content"]] == ["a", "b", "and", "now"]
    assert body["messages"][1]["content"][1]["input"] == {"x": 1}
    assert dropped == []


def test_empty_texts_and_messages_are_left_out():
    """The API refuses them, and nothing is lost with them."""
    body, dropped = render(HI, says("assistant", ""), says("user", "", "go"))
    assert body["messages"] == [{"role": "user", "content": [{"type": "text", "text": "hi"}, {"type": "text", "text": "go"}]}]
    assert dropped == []


def test_a_conversation_of_nothing_is_refused():
    """There is nothing to ask then."""
    with pytest.raises(Unsupported) as refused:
        render(Message("user", (Opaque("elsewhere", "x", Raw(b"{}")),)))
    assert refused.value.param == "messages"


some_texts = st.lists(
    st.just(Text("")) | texts.map(Text) | marked_texts | st.just(Text("a", citations=({"type": "odd"},))), max_size=2
)
some_messages = st.one_of(
    st.builds(Message, st.sampled_from(["system", "user", "assistant"]), some_texts.map(tuple)),
    some_texts.map(lambda inner: Message("tool", (ToolResult("call_1", tuple(inner)),))),
)


@given(requests("openai_chat"), st.lists(some_messages, max_size=4))
def test_a_text_alone_is_rendered_as_its_block_would_be(request: ChatRequest, more: list[Message]):
    """A message of one plain text goes the short way, without a block: nobody can tell from what is sent and dropped."""
    request = msgspec.structs.replace(request, messages=(*request.messages, *more))
    short = ANTHROPIC_MESSAGES.render_request(request, OLD)
    with pytest.MonkeyPatch.context() as patch:
        for module in (turns, parts_out):
            patch.setattr(module, "only_text", lambda _: None)
        assert short == ANTHROPIC_MESSAGES.render_request(request, OLD)
