"""Responses requests on their way to another dialect."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from dialects.recorded import given as recorded
from llm_gateway.core.chat import ChatRequest, Reasoning
from llm_gateway.core.errors import Unsupported
from llm_gateway.dialects.anthropic_messages import ANTHROPIC_MESSAGES
from llm_gateway.dialects.base import Target
from llm_gateway.dialects.openai_chat import OPENAI_CHAT
from llm_gateway.dialects.openai_responses import OPENAI_RESPONSES


def portable(**members: Any) -> ChatRequest:
    given = {"model": "m", "input": "x", **members}
    return OPENAI_RESPONSES.portable(OPENAI_RESPONSES.parse_request(msgspec.json.encode(given)))


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"previous_response_id": "resp_1"}, "previous_response_id"),
        ({"conversation": {"id": "c"}}, "conversation"),
        ({"prompt": {"id": "p"}}, "prompt"),
        ({"background": True}, "background"),
        ({"tools": [{"type": "function", "name": "f"}, {"type": "web_search"}]}, "tools[1]"),
        ({"tools": [{"type": "mcp", "server_label": "s"}]}, "tools[0]"),
        ({"input": [{"role": "user", "content": "x"}, {"type": "item_reference", "id": "rs_1"}]}, "input[1]"),
        ({"input": [{"role": "user", "content": "x"}, {"id": "rs_1"}]}, "input[1]"),
    ],
)
def test_what_only_a_provider_of_this_api_can_do_is_refused(members, param):
    """With its path, as 400."""
    with pytest.raises(Unsupported) as refused:
        portable(**members)
    assert (refused.value.param, refused.value.status) == (param, 400)


def test_what_says_nothing_elsewhere_is_no_loss():
    """So that the SDKs' usual members are not named as dropped."""
    usual = {
        "store": False,
        "include": ["reasoning.encrypted_content"],
        "truncation": "disabled",
        "background": False,
        "stream_options": {"include_obfuscation": False},
        "reasoning": {"effort": "low", "summary": "detailed"},
        "max_tool_calls": 2,
    }
    assert portable(**usual).extra == {}
    assert set(portable(truncation="auto", include=["computer_call_output.output.image_url"]).extra) == {"truncation", "include"}


def test_references_to_stored_reasoning_stay_behind():
    """Encrypted reasoning stays, for its family may be asked again."""
    thought = {"type": "reasoning", "id": "rs", "summary": [{"type": "summary_text", "text": "t"}]}
    request = portable(input=[{"role": "user", "content": "x"}, thought, {**thought, "encrypted_content": "e"}])
    assert request.messages[1].parts == (Reasoning("t"), Reasoning("t", "openai_responses/rs##e"))


@pytest.mark.parametrize("back", [OPENAI_CHAT, ANTHROPIC_MESSAGES])
def test_a_conversation_reaches_other_dialects(back):
    """Its text, images, files, calls and results; what is lost is named."""
    request = OPENAI_RESPONSES.portable(OPENAI_RESPONSES.parse_request(recorded("openai_responses/conversation.request.json")))
    rendered = back.render_request(request, Target("m"))
    again = back.parse_request(rendered.body)
    assert {"assistant", "user", "tool"} <= {message.role for message in again.messages}
    for piece in (b"Answer in one line.", b"Oslo", b"3 degrees", b"Cold.", b"iVBORw0KGgo="):
        assert piece in rendered.body
    assert rendered.dropped
