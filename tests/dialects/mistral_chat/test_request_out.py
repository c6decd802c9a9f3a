"""Requests as Mistral takes them, from callers of every dialect."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.core.errors import Unsupported
from llm_gateway.dialects.anthropic_messages import ANTHROPIC_MESSAGES
from llm_gateway.dialects.gemini import GeminiFront
from llm_gateway.dialects.mistral_chat import MISTRAL_CHAT
from llm_gateway.dialects.mistral_chat.conversation import nine
from llm_gateway.dialects.mistral_chat.models import reasons_by
from llm_gateway.dialects.openai_chat import OPENAI_CHAT
from llm_gateway.dialects.openai_responses import OPENAI_RESPONSES
from llm_gateway.providers.mistral import target

SAID = [{"role": "user", "content": "hi"}]
FUNCTION = {"name": "f", "parameters": {"type": "object", "properties": {}}}
CALL = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}


def rendered(front: Any, body: dict[str, Any], model: str = "mistral-large-latest") -> tuple[dict[str, Any], list[str]]:
    made = MISTRAL_CHAT.render_request(front.parse_request(msgspec.json.encode(body)), target(model))
    return msgspec.json.decode(made.body), made.dropped


def chat(model: str = "mistral-large-latest", **more: Any) -> tuple[dict[str, Any], list[str]]:
    return rendered(OPENAI_CHAT, {"model": "x", "messages": SAID, **more}, model)


def test_what_has_another_name() -> None:
    """seed, a forced tool, the maximum; a stream is not asked for usage, which always comes."""
    tools = [{"type": "function", "function": FUNCTION}]
    more = {"seed": 5, "tools": tools, "tool_choice": "required", "max_completion_tokens": 7, "parallel_tool_calls": False}
    made, lost = chat(stream=True, stream_options={"include_usage": True}, **more)
    assert lost == []
    assert made == {
        "model": "mistral-large-latest",
        "messages": SAID,
        "max_tokens": 7,
        "random_seed": 5,
        "stream": True,
        "tools": tools,
        "tool_choice": "any",
        "parallel_tool_calls": False,
    }


def test_what_is_refused_is_named_instead() -> None:
    """OpenAI's members that Mistral answers with 422; those that say nothing are left out in silence."""
    made, lost = chat(user="u", logprobs=True, top_logprobs=2, store=True, service_tier="flex", logit_bias={"1": 1})
    assert sorted(lost) == ["logit_bias", "logprobs", "service_tier", "store", "top_logprobs", "user"]
    assert made.keys() == {"model", "messages"}
    assert chat(logprobs=False, store=False, service_tier="auto") == (made, [])


def test_mistrals_own_members_pass() -> None:
    """What OpenAI's callers add for Mistral goes on as it is."""
    own = {"safe_prompt": True, "random_seed": 3, "prediction": {"type": "content", "content": "x"}}
    made, lost = chat(**own)
    assert ({name: made[name] for name in own}, lost) == (own, [])


def test_ids_of_calls_have_nine_characters_and_stay_together() -> None:
    """A call and its result get the same one; those of Mistral's own are kept."""
    calls = [CALL, {**CALL, "id": "vAKGXGFZD"}]
    results = [{"role": "tool", "tool_call_id": call["id"], "content": "1"} for call in calls]
    made, _ = chat(messages=[*SAID, {"role": "assistant", "tool_calls": calls}, *results])
    ids = [call["id"] for call in made["messages"][1]["tool_calls"]]
    assert ids == [message["tool_call_id"] for message in made["messages"][2:]]
    assert re.fullmatch("[a-zA-Z0-9]{9}", ids[0])
    assert ids[1] == "vAKGXGFZD"


@given(st.text())
def test_every_id_becomes_one(ident: str) -> None:
    """And once it is one it stays so."""
    assert re.fullmatch("[a-zA-Z0-9]{9}", nine(ident))
    assert nine(nine(ident)) == nine(ident)


def test_a_user_after_a_tool_is_answered_first() -> None:
    """Mistral refuses a user straight after a tool (3230), as Anthropic's callers always send them."""
    use = {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {}}
    result = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "7"}
    messages = [
        *SAID,
        {"role": "assistant", "content": [use]},
        {"role": "user", "content": [result, {"type": "text", "text": "go"}]},
    ]
    made, lost = rendered(ANTHROPIC_MESSAGES, {"model": "x", "max_tokens": 9, "messages": messages})
    assert [message["role"] for message in made["messages"]] == ["user", "assistant", "tool", "assistant", "user"]
    assert made["messages"][3]["content"] == "OK"
    assert lost == []


def test_an_answer_that_was_begun_goes_on() -> None:
    """What Anthropic's callers say by a last assistant is `prefix` here."""
    messages = [*SAID, {"role": "assistant", "content": "The"}]
    made, _ = rendered(ANTHROPIC_MESSAGES, {"model": "x", "max_tokens": 9, "messages": messages})
    assert made["messages"][-1] == {"role": "assistant", "content": "The", "prefix": True}
    made, _ = chat(messages=[*SAID, {"role": "assistant", "content": "The", "prefix": False}])
    assert made["messages"][-1]["prefix"] is False


def test_late_instructions_are_said_by_the_user() -> None:
    """A system message after an answer is refused; what changes is named."""
    late = {"role": "developer", "content": "be brief"}
    made, lost = chat(messages=[late, *SAID, {"role": "assistant", "content": "yes"}, late])
    assert [message["role"] for message in made["messages"]] == ["system", "user", "assistant", "user"]
    assert lost == ["messages[3].role"]


def test_names_are_for_tools_only() -> None:
    """Other messages with a name are refused."""
    made, lost = chat(messages=[{"role": "user", "content": "hi", "name": "eve"}])
    assert (made["messages"], lost) == (SAID, ["messages[0].name"])


@pytest.mark.parametrize(
    ("source", "url"),
    [
        ({"type": "url", "url": "https://example.com/a.pdf"}, "https://example.com/a.pdf"),
        ({"type": "base64", "media_type": "application/pdf", "data": "JVBERi0="}, "data:application/pdf;base64,JVBERi0="),
    ],
)
def test_documents_have_a_part_of_their_own(source: dict[str, str], url: str) -> None:
    """By URL and by content; what Mistral cannot be told of them is named."""
    document = {"type": "document", "source": source, "title": "a.pdf", "citations": {"enabled": True}}
    messages = [{"role": "user", "content": [document, {"type": "text", "text": "read"}]}]
    made, lost = rendered(ANTHROPIC_MESSAGES, {"model": "x", "max_tokens": 9, "messages": messages})
    assert made["messages"][0]["content"][0] == {"type": "document_url", "document_url": url, "document_name": "a.pdf"}
    assert lost == ["messages[0].content[0].citations"]


def test_pictures_and_speech_pass_as_openais() -> None:
    """Mistral takes these parts as they are."""
    parts = [
        {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}},
        {"type": "input_audio", "input_audio": {"data": "//8=", "format": "mp3"}},
        {"type": "document_url", "document_url": "https://example.com/a.pdf"},
    ]
    made, lost = chat(messages=[{"role": "user", "content": parts}])
    assert (made["messages"][0]["content"], lost) == (parts, [])


@pytest.mark.parametrize(
    ("model", "way"),
    [
        ("magistral-medium-2509", "mode"),
        ("mistral-small-latest", "effort"),
        ("mistral-small-2603", "effort"),
        ("mistral-medium-3.5", "effort"),
        ("mistral-small-2503", None),
        ("mistral-large-latest", None),
        ("ministral-8b-latest", None),
    ],
)
def test_how_models_reason(model: str, way: str | None) -> None:
    """By their names."""
    assert reasons_by(model) == way


@pytest.mark.parametrize(
    ("model", "thinking", "wanted", "lost"),
    [
        (
            "mistral-small-latest",
            {"type": "enabled", "budget_tokens": 9000},
            {"reasoning_effort": "high"},
            ["thinking.budget_tokens"],
        ),
        ("mistral-small-latest", {"type": "disabled"}, {"reasoning_effort": "none"}, []),
        (
            "magistral-medium-latest",
            {"type": "enabled", "budget_tokens": 9000},
            {"prompt_mode": "reasoning"},
            ["thinking.budget_tokens"],
        ),
        ("magistral-medium-latest", {"type": "disabled"}, {"prompt_mode": None}, []),
        ("mistral-large-latest", {"type": "enabled", "budget_tokens": 9000}, {}, ["thinking.budget_tokens", "thinking"]),
    ],
)
def test_thinking_is_asked_for(model: str, thinking: dict[str, Any], wanted: dict[str, Any], lost: list[str]) -> None:
    """In the way that the model has; what it has not is named."""
    made, dropped = rendered(
        ANTHROPIC_MESSAGES, {"model": "x", "max_tokens": 9999, "messages": SAID, "thinking": thinking}, model
    )
    assert {name: made[name] for name in ("reasoning_effort", "prompt_mode") if name in made} == wanted
    assert dropped == lost


@pytest.mark.parametrize(
    ("effort", "sent", "lost"), [("high", "high", []), ("none", "none", []), ("low", "high", ["reasoning_effort"])]
)
def test_an_effort_becomes_one_of_two(effort: str, sent: str, lost: list[str]) -> None:
    """Anything between none and high is named."""
    made, dropped = chat("mistral-small-latest", reasoning_effort=effort)
    assert (made["reasoning_effort"], dropped) == (sent, lost)


def test_earlier_thinking_goes_back_inside_of_the_content() -> None:
    """To models that reason; others are not given it."""
    messages = [*SAID, {"role": "assistant", "content": "4", "reasoning_content": "two and two"}, *SAID]
    made, lost = chat("magistral-medium-latest", messages=messages)
    thought = {"type": "thinking", "thinking": [{"type": "text", "text": "two and two"}]}
    assert made["messages"][1] == {"role": "assistant", "content": [thought, {"type": "text", "text": "4"}]}
    assert lost == []
    made, lost = chat("mistral-large-latest", messages=messages)
    assert (made["messages"][1], lost) == ({"role": "assistant", "content": "4"}, ["messages[1].reasoning_content"])


def test_a_function_without_parameters_gets_empty_ones() -> None:
    """They are demanded. Free-text tools do not exist."""
    custom = {"type": "custom", "custom": {"name": "c"}}
    made, lost = chat(tools=[{"type": "function", "function": {"name": "f"}}, custom], tool_choice="auto")
    assert [tool["function"] for tool in made["tools"]] == [FUNCTION]
    assert lost == ["tools[1]"]
    made, lost = chat(tools=[custom], tool_choice="auto")
    assert ("tools" in made, "tool_choice" in made) == (False, False)


@pytest.mark.parametrize(
    ("front", "body"),
    [
        (OPENAI_RESPONSES, {"model": "x", "instructions": "be brief", "input": "hi", "max_output_tokens": 9}),
        (
            GeminiFront("x"),
            {
                "contents": [{"role": "user", "parts": [{"text": "hi"}]}],
                "systemInstruction": {"parts": [{"text": "be brief"}]},
                "generationConfig": {"maxOutputTokens": 9},
            },
        ),
        (ANTHROPIC_MESSAGES, {"model": "x", "max_tokens": 9, "system": "be brief", "messages": SAID}),
    ],
)
def test_every_dialect_says_the_same(front: Any, body: dict[str, Any]) -> None:
    """Instructions, a message, a maximum, in Mistral's words and nothing beside them."""
    made, lost = rendered(front, body)
    assert made == {
        "model": "mistral-large-latest",
        "messages": [{"role": "system", "content": "be brief"}, *SAID],
        "max_tokens": 9,
    }
    assert lost == []


def test_nothing_left_to_say_is_refused() -> None:
    """A conversation of which nothing can be carried makes no request."""
    opaque = {"role": "user", "parts": [{"executableCode": {"language": "PYTHON", "code": "1"}}]}
    with pytest.raises(Unsupported):
        rendered(GeminiFront("x"), {"contents": [opaque]})
