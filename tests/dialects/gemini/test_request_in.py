"""Requests, wire to neutral."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given as all_of

from amount import examples
from dialects.recorded import agrees
from dialects.recorded import given as recorded
from dialects.strategies import requests
from llm_gateway.core.chat import (
    Audio,
    ChatRequest,
    Document,
    Image,
    Message,
    Opaque,
    ReasoningRequest,
    ResponseFormat,
    Text,
    ToolCall,
    ToolChoice,
    ToolResult,
)
from llm_gateway.core.errors import InvalidRequest, Unsupported
from llm_gateway.core.json import encode
from llm_gateway.dialects.base import Target
from llm_gateway.dialects.gemini import GEMINI, GeminiFront

FRONT = GeminiFront("gemini-x")
HI = {"role": "user", "parts": [{"text": "hi"}]}


def parse(*contents: object, **members: Any) -> ChatRequest:
    return FRONT.parse_request(msgspec.json.encode({"contents": contents or [HI], **members}))


def parts(*given: object, role: str = "user") -> tuple:
    return parse({"role": role, "parts": given}).messages[0].parts


def test_everything():
    """The whole of a request, in both spellings."""
    agrees("gemini/everything.neutral.json", encode(FRONT.parse_request(recorded("gemini/everything.request.json"))))


def test_everything_comes_back():
    """In Google's own spelling; nothing of a caller's of this dialect is dropped."""
    rendered = GEMINI.render_request(FRONT.parse_request(recorded("gemini/everything.request.json")), Target("gemini-3-pro"))
    agrees("gemini/everything.own.json", rendered.body)
    assert rendered.dropped == []


def test_calls_without_ids_find_their_results():
    """By name and order, the same ids every time; an id that is there is used."""
    call = {"functionCall": {"name": "f", "args": {}}}
    named = {"functionCall": {"name": "g", "args": {}, "id": "g1"}}
    answers = [
        {"functionResponse": {"name": "g", "id": "g1", "response": {"output": "3"}}},
        {"functionResponse": {"name": "f", "response": {"output": "1"}}},
        {"functionResponse": {"name": "f", "response": {"output": "2"}}},
    ]
    request = parse(HI, {"role": "model", "parts": [call, call, named]}, {"role": "function", "parts": answers})
    assert [part.id for part in request.messages[1].parts] == ["call_g_1_0", "call_g_1_1", "g1"]
    assert request.messages[2].role == "tool"
    assert [part.id for part in request.messages[2].parts] == ["g1", "call_g_1_0", "call_g_1_1"]


def test_results_without_calls_keep_what_they_have():
    """Their id, or one made of the name."""
    assert parts({"functionResponse": {"name": "f", "id": "x", "response": {}}}) == (ToolResult("x", (Text("{}"),)),)
    assert parts({"functionResponse": {"name": "f"}}) == (ToolResult("call_g_f", (Text(""),)),)


def test_media():
    """Base64 in the alphabet that others read; what only Google can read stays whole."""
    assert parts({"inlineData": {"mimeType": "image/png", "data": "a-_"}}) == (Image(data="a+/=", media_type="image/png"),)
    assert parts({"inlineData": {"mimeType": "audio/mpeg", "data": "AAAA"}}) == (Audio("AAAA", "mp3"),)
    assert parts({"inlineData": {"mimeType": "text/csv", "data": "YSxi"}}) == (Document(text="a,b", media_type="text/csv"),)
    assert parts({"inlineData": {"mimeType": "text/csv", "data": "/w=="}}) == (Document(data="/w==", media_type="text/csv"),)
    assert parts({"fileData": {"mimeType": "application/pdf", "fileUri": "https://a.test/x"}}) == (
        Document(url="https://a.test/x", media_type="application/pdf"),
    )
    for only_googles in (
        {"inlineData": {"mimeType": "video/mp4", "data": "AAAA"}},
        {"fileData": {"fileUri": "https://www.youtube.com/watch?v=1"}},
        {"fileData": {"mimeType": "image/png", "fileUri": "https://generativelanguage.googleapis.com/v1beta/files/x"}},
        {"inlineData": {"mimeType": "image/png", "data": "AAAA"}, "thoughtSignature": "c2ln"},
    ):
        (part,) = parts(only_googles)
        assert isinstance(part, Opaque)
        assert msgspec.json.decode(part.raw) == only_googles


def test_arguments_are_the_text_that_was_sent():
    """Their bytes survive, numbers of any size too."""
    body = (
        b'{"contents":[{"role":"model","parts":[{"functionCall":{"name":"f","args":{ "n":1.0, "big":123456789012345678901}}}]}]}'
    )
    (call,) = FRONT.parse_request(body).messages[0].parts
    assert call == ToolCall("call_g_0_0", "f", '{ "n":1.0, "big":123456789012345678901}')
    assert parts({"functionCall": {"name": "f"}}, role="model")[0].arguments == "{}"


@pytest.mark.parametrize(
    ("config", "wanted"),
    [
        ({"mode": "AUTO"}, ToolChoice("auto")),
        ({"mode": "ANY"}, ToolChoice("required")),
        ({"mode": "any", "allowedFunctionNames": ["f"]}, ToolChoice("named", "f")),
        ({"mode": "ANY", "allowed_function_names": ["f", "g"]}, ToolChoice("required", allowed=("f", "g"))),
        ({"mode": "VALIDATED", "allowedFunctionNames": ["f"]}, ToolChoice("auto", allowed=("f",))),
        ({"mode": "NONE"}, ToolChoice("none")),
        ({"mode": 2}, ToolChoice("required")),
        ({"mode": "MODE_UNSPECIFIED"}, None),
        ({}, None),
    ],
)
def test_choices(config, wanted):
    """Of tools."""
    request = parse(toolConfig={"functionCallingConfig": config})
    assert (request.tool_choice, request.extra) == (wanted, {})


def test_choices_without_a_neutral_form_are_kept():
    """By their path."""
    request = parse(toolConfig={"functionCallingConfig": {"mode": "VALIDATED"}})
    assert request.tool_choice == ToolChoice("auto")
    assert set(request.extra) == {"toolConfig.functionCallingConfig.mode"}
    request = parse(toolConfig={"functionCallingConfig": {"mode": "NEW", "allowedFunctionNames": ["f"]}})
    assert request.tool_choice is None
    assert len(request.extra) == 2


@pytest.mark.parametrize(
    ("config", "wanted"),
    [
        ({"thinkingBudget": 0}, ReasoningRequest(enabled=False)),
        ({"thinkingBudget": -1}, ReasoningRequest(enabled=True, adaptive=True)),
        ({"thinking_budget": 512, "include_thoughts": False}, ReasoningRequest(enabled=True, budget=512, display="omitted")),
        ({"thinkingLevel": "LOW", "includeThoughts": True}, ReasoningRequest(effort="low", display="summarized")),
        ({"thinkingLevel": "THINKING_LEVEL_UNSPECIFIED"}, ReasoningRequest()),
    ],
)
def test_thinking(config, wanted):
    """Budgets, levels, and whether it is shown."""
    assert parse(generationConfig={"thinkingConfig": config}).reasoning == wanted


def test_formats():
    """JSON, with a schema in either form; values of an enumeration are nothing that others know."""
    assert parse(generationConfig={"responseMimeType": "application/json"}).response_format == ResponseFormat("json")
    assert parse(generationConfig={"responseMimeType": "text/plain"}).response_format == ResponseFormat("text")
    wanted = parse(
        generationConfig={"responseMimeType": "application/json", "responseSchema": {"type": "STRING"}}
    ).response_format
    assert (wanted.kind, bytes(wanted.schema)) == ("schema", b'{"type":"string"}')
    request = parse(generationConfig={"responseMimeType": "text/x.enum", "responseSchema": {"type": "STRING", "enum": ["a"]}})
    assert request.response_format is None
    assert set(request.extra) == {"generationConfig.responseMimeType", "generationConfig.responseSchema"}


def test_what_nobody_knows_is_kept_by_its_path():
    """At every level, in the caller's own spelling; null says nothing."""
    request = parse(
        {"role": "user", "parts": [{"text": "x", "part_metadata": {"a": 1}}], "new": None},
        safety_settings=[],
        generationConfig={"speechConfig": {"x": 1}},
        tools=[{"functionDeclarations": [{"name": "f", "behavior": "BLOCKING"}]}],
        model="models/gemini-x",
    )
    assert set(request.extra) == {
        "contents[0].parts[0].part_metadata",
        "safety_settings",
        "generationConfig.speechConfig",
        "tools[0].functionDeclarations[0].behavior",
    }


def test_a_model_in_the_body_is_only_told_apart():
    """The URL's holds: the same name says nothing, another one is named."""
    assert set(parse(model="other").extra) == {"model"}
    assert GEMINI.render_request(parse(model="other"), Target("m")).dropped == ["model"]


def test_places():
    """Each part knows where it stood, although signatures are parts of their own here."""
    request = parse(
        HI,
        {"role": "model", "parts": [{"functionCall": {"name": "f"}, "thoughtSignature": "c2ln"}, {"text": "a"}]},
        systemInstruction={"parts": [{"text": "S"}]},
    )
    assert request.messages[0] == Message("system", (Text("S"),))
    assert request.places == (
        ("systemInstruction.parts[0]",),
        ("contents[0].parts[0]",),
        ("contents[1].parts[0]", "contents[1].parts[0]", "contents[1].parts[1]"),
    )


@pytest.mark.parametrize(
    ("contents", "param"),
    [
        ([{"role": "model", "parts": [{"functionCall": {"name": "f", "args": [1]}}]}], "contents[0].parts[0].functionCall.args"),
        ([{"parts": [{"functionResponse": {"name": "f", "response": "x"}}]}], "contents[0].parts[0].functionResponse.response"),
        ([{"parts": [{"text": "a", "functionCall": {"name": "f"}}]}], "contents[0].parts[0]"),
        ([{"parts": [{"inlineData": {}, "inline_data": {}}]}], "contents[0].parts[0].inlineData"),
        ([{"parts": [{"functionCall": {}}]}], "contents[0].parts[0].functionCall.name"),
        ([{"parts": [{"text": 1}]}], "contents[0].parts[0].text"),
    ],
)
def test_what_is_wrong_inside_is_refused(contents, param):
    """With its path."""
    with pytest.raises(InvalidRequest) as caught:
        parse(*contents)
    assert caught.value.param == param


@pytest.mark.parametrize(
    "members",
    [
        {"generationConfig": {"seed": 1.5}},
        {"generation_config": {}, "generationConfig": {}},
        {"tools": [{"functionDeclarations": 3}]},
    ],
)
def test_what_is_wrong_outside_is_refused(members):
    """Half a seed, two spellings of one member, no list."""
    with pytest.raises(InvalidRequest):
        parse(**members)


@examples(20)
@all_of(requests("openai_chat"))
def test_what_is_rendered_for_gemini_is_a_request(request):
    """That parses again, with the same texts, calls and parameters."""
    try:
        rendered = GEMINI.render_request(request, Target("gemini-2.5-pro"))
    except Unsupported:  # nothing but files that another provider keeps
        return
    FRONT.view(rendered.body)
    again = FRONT.parse_request(rendered.body)
    assert (again.max_tokens, again.temperature, again.top_p, again.top_k, again.seed) == (
        request.max_tokens,
        request.temperature,
        request.top_p,
        request.top_k,
        request.seed,
    )
    for kind, told in ((ToolCall, "arguments"), (Text, "text")):
        before = [
            getattr(part, told)
            for message in request.messages
            for part in message.parts
            if isinstance(part, kind) and getattr(part, told)
        ]
        after = [getattr(part, told) for message in again.messages for part in message.parts if isinstance(part, kind)]
        assert sorted(text.strip() for text in after if not text.startswith("<system>")) == sorted(
            text.strip() for text in before
        )
    assert GEMINI.render_request(again, Target("gemini-2.5-pro")).dropped == []
