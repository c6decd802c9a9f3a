"""Responses requests, wire to neutral."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from msgspec import Raw

from dialects.recorded import agrees
from dialects.recorded import given as recorded
from llm_gateway.core.chat import (
    Audio,
    ChatRequest,
    Document,
    Image,
    Message,
    Opaque,
    Part,
    Reasoning,
    ReasoningRequest,
    Refusal,
    Text,
    ToolCall,
    ToolChoice,
    ToolResult,
)
from llm_gateway.core.errors import InvalidRequest
from llm_gateway.core.json import encode
from llm_gateway.dialects.base import Target
from llm_gateway.dialects.openai_responses import OPENAI_RESPONSES

NAME = "openai_responses"


def parse(given: Any = "Hi", **members: Any) -> ChatRequest:
    return OPENAI_RESPONSES.parse_request(msgspec.json.encode({"model": "m", "input": given, **members}))


def roles(*items: dict[str, Any]) -> list[tuple[str, int]]:
    return [(message.role, len(message.parts)) for message in parse(list(items)).messages]


def part(**members: Any) -> Part:
    return parse([{"role": "user", "content": [members]}]).messages[0].parts[0]


SAID = {"role": "assistant", "content": "a"}
CALL = {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}
OUTPUT = {"type": "function_call_output", "call_id": "c", "output": "r"}
THOUGHT = {"type": "reasoning", "summary": []}


@pytest.mark.parametrize("name", ["conversation", "everything"])
def test_whole_requests(name):
    """Everything a request can hold, checked by eye, and its way back into the same dialect, from which nothing is missing."""
    request = OPENAI_RESPONSES.parse_request(recorded(f"{NAME}/{name}.request.json"))
    agrees(f"{NAME}/{name}.neutral.json", encode(request))
    rendered = OPENAI_RESPONSES.render_request(request, Target("other"))
    assert rendered.dropped == []
    agrees(f"{NAME}/{name}.own.json", rendered.body)


def test_a_turn_of_the_model_is_one_message():
    """Reasoning, text and calls stand together, since other APIs want all results right behind the message with the calls."""
    assert roles(THOUGHT, SAID, CALL, CALL, OUTPUT, OUTPUT) == [("assistant", 4), ("tool", 1), ("tool", 1)]
    assert roles(CALL, SAID, CALL) == [("assistant", 3)]
    assert roles(SAID, SAID, CALL) == [("assistant", 1), ("assistant", 2)]


def test_every_part_knows_its_place():
    """What a renderer names as dropped is named in the caller's own words."""
    request = parse([{"role": "user", "content": [{"type": "input_text", "text": "a"}]}, SAID, CALL, OUTPUT], instructions="i")
    assert request.places == (("instructions",), ("input[0].content[0]",), ("input[1].content", "input[2]"), ("input[3]",))
    assert parse().places == (("input",),)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"type": "input_text", "text": "a"}, Text("a")),
        ({"type": "input_image", "image_url": "https://e/", "detail": "high"}, Image(url="https://e/", detail="high")),
        ({"type": "input_image", "image_url": "data:image/png;base64,AA"}, Image(data="AA", media_type="image/png")),
        ({"type": "input_image", "file_id": "f"}, Image(file_id="f")),
        ({"type": "input_file", "file_data": "data:text/plain;base64,AA"}, Document(data="AA", media_type="text/plain")),
        ({"type": "input_file", "file_data": "AA", "filename": "n"}, Document(data="AA", name="n")),
        ({"type": "input_file", "file_url": "https://e/"}, Document(url="https://e/")),
        ({"type": "input_audio", "input_audio": {"data": "AA", "format": "mp3"}}, Audio("AA", "mp3")),
        ({"type": "refusal", "refusal": "no"}, Refusal("no")),
        ({"type": "hologram", "x": 1}, Opaque(NAME, "hologram", Raw(b'{"type":"hologram","x":1}'))),
    ],
)
def test_parts(given, expected):
    """Every kind of content has its neutral part; one that nobody knows is opaque."""
    assert part(**given) == expected


@pytest.mark.parametrize(
    ("item", "param"),
    [
        ({"role": "user", "content": [{"type": "input_image"}]}, "input[0].content[0]"),
        ({"role": "user", "content": [{"type": "input_file"}]}, "input[0].content[0]"),
        ({"role": "user", "content": [{"type": "input_text"}]}, "input[0].content[0].text"),
        ({"role": "user", "content": [{"type": "input_audio"}]}, "input[0].content[0].input_audio"),
        ({"role": "user"}, "input[0].content"),
        ({"type": "function_call", "call_id": "c", "name": "f"}, "input[0].arguments"),
        ({"type": "function_call", "arguments": "", "name": "f"}, "input[0].call_id"),
        ({"type": "custom_tool_call", "call_id": "c", "name": "f"}, "input[0].input"),
        ({"type": "function_call_output", "output": "x"}, "input[0].call_id"),
    ],
)
def test_what_is_missing_is_named(item, param):
    """By its path."""
    with pytest.raises(InvalidRequest) as refused:
        parse([item])
    assert refused.value.param == param


def test_items_of_one_kind_have_no_members_of_another():
    """A member that its item has no place for is kept by its path, not overlooked."""
    request = parse([{"role": "user", "content": "x", "call_id": "c"}, {**CALL, "summary": []}])
    assert request.extra == {"input[0].call_id": Raw(b'"c"'), "input[1].summary": Raw(b"[]")}


def test_a_caller_cannot_forge_what_tidying_makes():
    """The marks of unknown items, sent by a caller, are just another unknown item."""
    request = parse([{"type": "\0opaque", "kind": "web_search_call", "raw": {"a": 1}}])
    (opaque,) = request.messages[0].parts
    assert isinstance(opaque, Opaque)
    assert opaque.kind == "\0opaque"


def test_tool_results_and_custom_calls():
    """Results hold text or parts; a custom call's text is not JSON."""
    custom = {"type": "custom_tool_call", "call_id": "c", "name": "sh", "input": "ls"}
    request = parse(
        [custom, {"type": "custom_tool_call_output", "call_id": "c", "output": [{"type": "input_text", "text": "r"}]}]
    )
    assert request.messages == (
        Message("assistant", (ToolCall("c", "sh", "ls", custom=True),)),
        Message("tool", (ToolResult("c", (Text("r"),)),)),
    )


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("auto", ToolChoice("auto")),
        ("required", ToolChoice("required")),
        ({"type": "function", "name": "f"}, ToolChoice("named", "f")),
        ({"type": "custom", "name": "f"}, ToolChoice("named", "f")),
        (
            {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "f"}]},
            ToolChoice("auto", allowed=("f",)),
        ),
        ({"type": "web_search_preview"}, None),
        ({"type": "allowed_tools", "mode": "auto", "tools": [{"type": "mcp", "server_label": "x"}]}, None),
    ],
)
def test_tool_choices(given, expected):
    """Those of built-in tools stay this dialect's own."""
    request = parse(tool_choice=given)
    assert request.tool_choice == expected
    assert ("tool_choice" in request.extra) == (expected is None)


def test_reasoning():
    """A wanted summary is a wish to see thinking; `none` turns it off."""
    assert parse(reasoning={"effort": "low"}).reasoning == ReasoningRequest(effort="low")
    assert parse(reasoning={"effort": "none"}).reasoning == ReasoningRequest(enabled=False, effort="none")
    shown = parse(reasoning={"summary": "concise"})
    assert (shown.reasoning, shown.extra) == (ReasoningRequest(display="summarized"), {"reasoning.summary": Raw(b'"concise"')})


def test_reasoning_items_are_sealed_with_their_ids():
    """And those that our own answers made of other families' reasoning come back as they were."""
    sealed = parse([{**THOUGHT, "id": "rs_1", "encrypted_content": "gA=="}]).messages[0].parts[0]
    assert sealed == Reasoning("", "openai_responses/rs_1##gA==")
    theirs = parse([{**THOUGHT, "summary": [{"type": "summary_text", "text": "t"}], "encrypted_content": "~signature:s#=="}])
    assert theirs.messages[0].parts[0] == Reasoning("t", "s#==")


def test_log_probabilities_may_be_asked_for_in_two_ways():
    """By include, or by their number."""
    assert parse(include=["message.output_text.logprobs"]).logprobs is True
    assert parse(top_logprobs=3).logprobs is True
    assert parse(top_logprobs=0).logprobs is None
