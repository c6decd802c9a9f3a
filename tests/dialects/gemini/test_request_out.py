"""Requests, neutral to wire."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from msgspec import Raw

from dialects.recorded import agrees
from dialects.recorded import given as recorded
from dialects.rendering import HI, body_for
from llm_gateway.core.chat import (
    Audio,
    CacheMark,
    Document,
    Image,
    Message,
    Opaque,
    Part,
    Reasoning,
    Refusal,
    ResponseFormat,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)
from llm_gateway.core.errors import Unsupported
from llm_gateway.dialects.anthropic_messages import ANTHROPIC_MESSAGES
from llm_gateway.dialects.base import Target
from llm_gateway.dialects.gemini import GEMINI
from llm_gateway.dialects.openai_chat import OPENAI_CHAT

NEW, OLD = Target("gemini-3-flash"), Target("gemini-2.5-flash")


def render(*messages: Message, target: Target = NEW, **members: Any) -> tuple[dict[str, Any], list[str]]:
    return body_for(GEMINI, target, *messages, **members)


def config(**members: Any) -> tuple[Any, list[str]]:
    body, dropped = render(**members)
    return body.get("generationConfig"), dropped


def said(*parts: Part, role: Any = "user") -> tuple[Any, list[str]]:
    body, dropped = render(Message(role, parts))
    return body["contents"][0]["parts"], dropped


def test_the_plainest_request():
    """The model and the stream are the URL's."""
    assert render(stream=True) == ({"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}, [])


@pytest.mark.parametrize("front", [OPENAI_CHAT, ANTHROPIC_MESSAGES], ids=["openai", "anthropic"])
@pytest.mark.parametrize("name", ["everything", "conversation"])
@pytest.mark.parametrize("model", ["gemini-3-flash", "gemini-2.5-pro"])
def test_requests_of_other_dialects(front, name, model):
    """The whole of them, and everything that is dropped, by its path."""
    request = front.parse_request(recorded(f"{front.name}/{name}.request.json"))
    rendered = GEMINI.render_request(request, Target(model))
    document = {"body": msgspec.json.decode(rendered.body), "dropped": rendered.dropped}
    agrees(f"gemini/{front.name}.{name}.{model}.json", msgspec.json.encode(document))


def test_system_messages():
    """Leading ones are the instruction; later ones the user's words, and named; alone they are the user's."""
    body, dropped = render(Message("system", (Text("a"),)), Message("developer", (Text("b"),)), HI)
    assert body["systemInstruction"] == {"parts": [{"text": "a"}, {"text": "b"}]}
    assert dropped == []
    body, dropped = render(HI, Message("system", (Text("s"),)))
    assert body["contents"] == [{"role": "user", "parts": [{"text": "hi"}, {"text": "<system>\ns\n</system>"}]}]
    assert dropped == ["messages[1].role"]
    body, dropped = render(Message("system", (Text("s"),)))
    assert body["contents"][0]["role"] == "user"


def test_results_follow_their_calls():
    """In one content, in the order of the calls, with the names that Gemini wants; neighbours are joined."""
    body, dropped = render(
        HI,
        Message("assistant", (Text("Wait."),)),
        Message("assistant", (ToolCall("a", "f", "{}"), ToolCall("call_g_r_1", "g", '{"x":1}'))),
        Message("user", (Text("and"),)),
        Message("tool", (ToolResult("call_g_r_1", (Text("2"),)),)),
        Message("tool", (ToolResult("a", (Text("1"), Text("one")), error=True),)),
    )
    assert [content["role"] for content in body["contents"]] == ["user", "model", "user"]
    assert body["contents"][1]["parts"][1:] == [
        {"functionCall": {"name": "f", "args": {}, "id": "a"}, "thoughtSignature": "skip_thought_signature_validator"},
        {"functionCall": {"name": "g", "args": {"x": 1}}},
    ]
    assert body["contents"][2]["parts"] == [
        {"functionResponse": {"name": "f", "response": {"error": "1\none"}, "id": "a"}},
        {"functionResponse": {"name": "g", "response": {"output": "2"}}},
        {"text": "and"},
    ]
    assert dropped == []


def test_pictures_that_a_tool_returned():
    """Inside of the response for models that take them, beside it for others."""
    turn = (HI, Message("assistant", (ToolCall("a", "f", "{}"),)))
    result = Message("tool", (ToolResult("a", (Text("see"), Image(data="AAAA", media_type="image/png"))),))
    blob = {"inlineData": {"mimeType": "image/png", "data": "AAAA"}}
    response = {"name": "f", "response": {"output": "see"}, "id": "a"}
    assert render(*turn, result)[0]["contents"][2]["parts"] == [{"functionResponse": {**response, "parts": [blob]}}]
    assert render(*turn, result, target=OLD)[0]["contents"][2]["parts"] == [{"functionResponse": response}, blob]


def test_a_result_of_no_known_call():
    """Has its id for a name: there must be one."""
    assert said(ToolResult("x"), role="tool")[0][0]["functionResponse"]["name"] == "x"


def test_media():
    """By data, by address, or not at all."""
    shown, dropped = said(
        Image(url="data:image/webp;base64,AAAA", detail="high"),
        Image(data="/9j/AA"),
        Image(url="https://a.test/x.png?y"),
        Image(url="https://a.test/x"),
        Image(file_id="file-1"),
        Document(data="AAAA", name="a.pdf", context="c", citations=True),
        Document(text="é", media_type="text/plain"),
        Audio("AAAA", "mp3"),
        Audio(id="audio_1", transcript="said"),
        Opaque("anthropic_messages", "x", Raw(b"{}")),
        Refusal("no"),
    )
    assert shown == [
        {"inlineData": {"mimeType": "image/webp", "data": "AAAA"}},
        {"inlineData": {"mimeType": "image/jpeg", "data": "/9j/AA"}},
        {"fileData": {"mimeType": "image/png", "fileUri": "https://a.test/x.png?y"}},
        {"fileData": {"fileUri": "https://a.test/x"}},
        {"inlineData": {"mimeType": "application/pdf", "data": "AAAA"}},
        {"inlineData": {"mimeType": "text/plain", "data": "w6k="}},
        {"inlineData": {"mimeType": "audio/mp3", "data": "AAAA"}},
        {"text": "said"},
        {"text": "no"},
    ]
    assert dropped == [
        "messages[0].content[0].image_url.detail",
        "messages[0].content[4]",
        "messages[0].content[5].title",
        "messages[0].content[5].context",
        "messages[0].content[5].citations",
        "messages[0].audio",
        "messages[0].opaque_blocks[0]",
    ]


def test_arguments_that_are_no_object():
    """Are shown as what they were, and named."""
    body, dropped = render(HI, Message("assistant", (ToolCall("a", "f", "[1"), ToolCall("b", "g", ""))))
    assert [part["functionCall"]["args"] for part in body["contents"][1]["parts"]] == [{"_raw": "[1"}, {}]
    assert dropped == ["messages[1].tool_calls[0].arguments"]


def test_cache_marks_and_unsigned_thoughts_are_named():
    """Gemini has no marks, and thoughts without a signature say nothing to it."""
    _, dropped = render(
        HI,
        Message("assistant", (Reasoning("hm"), Text("a", CacheMark()), ToolCall("a", "f", "{}", CacheMark()))),
        tools=(Tool("f", cache=CacheMark(), strict=True),),
    )
    assert dropped == [
        "messages[1].reasoning_content",
        "messages[1].content[0].cache_control",
        "messages[1].tool_calls[0].cache_control",
        "tools[0].strict",
        "tools[0].cache_control",
    ]


def test_parameters():
    """By Google's names; what says nothing is not sent, since some models refuse it whatever it says."""
    shown, dropped = config(
        temperature=1.5, top_p=0.5, top_k=3, max_tokens=9, n=2, seed=4, presence_penalty=0.5, frequency_penalty=1.0, logprobs=True,
        top_logprobs=2, stop=("a",),
    )  # fmt: skip
    assert shown == {
        "temperature": 1.5,
        "topP": 0.5,
        "topK": 3,
        "maxOutputTokens": 9,
        "candidateCount": 2,
        "seed": 4,
        "presencePenalty": 0.5,
        "frequencyPenalty": 1.0,
        "responseLogprobs": True,
        "logprobs": 2,
        "stopSequences": ["a"],
    }
    assert dropped == []
    assert config(n=1, presence_penalty=0.0, logprobs=False) == (None, [])
    assert config(stop=tuple("abcdef")) == ({"stopSequences": list("abcde")}, ["stop"])


def test_what_does_not_exist_is_named():
    """By the caller's names."""
    assert render(user="u", metadata=Raw(b"{}"), service_tier="flex", parallel_tool_calls=False, extra={"x": Raw(b"1")})[1] == [
        "parallel_tool_calls",
        "user",
        "metadata",
        "service_tier",
        "x",
    ]
    assert render(user="u", service_tier="auto", dialect="anthropic_messages")[1] == ["metadata.user_id"]


def test_formats():
    """JSON Schema goes as such."""
    schema = Raw(b'{"$ref":"#/$defs/a","$defs":{"a":{"type":"object"}}}')
    shown, dropped = config(response_format=ResponseFormat("schema", "n", "d", schema, strict=False))
    assert shown == {"responseMimeType": "application/json", "responseJsonSchema": msgspec.json.decode(schema)}
    assert dropped == ["response_format.json_schema.description", "response_format.json_schema.strict"]
    assert config(response_format=ResponseFormat("json")) == ({"responseMimeType": "application/json"}, [])
    assert config(response_format=ResponseFormat("text")) == (None, [])


@pytest.mark.parametrize(
    ("choice", "calling"),
    [
        (ToolChoice("auto"), {"mode": "AUTO"}),
        (ToolChoice("required"), {"mode": "ANY"}),
        (ToolChoice("none"), {"mode": "NONE"}),
        (ToolChoice("named", "f"), {"mode": "ANY", "allowedFunctionNames": ["f"]}),
        (ToolChoice("required", allowed=("f", "g")), {"mode": "ANY", "allowedFunctionNames": ["f", "g"]}),
        (ToolChoice("auto", allowed=("f",)), {"mode": "VALIDATED", "allowedFunctionNames": ["f"]}),
    ],
)
def test_choices_of_tools(choice, calling):
    """Each has its mode."""
    body, dropped = render(tools=(Tool("f", "d", Raw(b'{"type":"object"}')),), tool_choice=choice)
    assert body["toolConfig"] == {"functionCallingConfig": calling}
    assert body["tools"] == [
        {"functionDeclarations": [{"name": "f", "description": "d", "parametersJsonSchema": {"type": "object"}}]}
    ]
    assert dropped == []


def test_tools_of_others_are_named_and_googles_stand_alone():
    """A choice among none is none."""
    foreign = Tool("s", dialect="anthropic_messages", raw=Raw(b"{}"))
    assert render(tools=(foreign,), tool_choice=ToolChoice("required")) == (render()[0], ["tools[0]", "tool_choice"])
    body, _ = render(tools=(Tool("f"), Tool("googleSearch", dialect="gemini", raw=Raw(b'{"googleSearch":{}}')), Tool("g")))
    assert [list(entry) for entry in body["tools"]] == [["functionDeclarations"], ["googleSearch"], ["functionDeclarations"]]


def test_nothing_left_is_unsupported():
    """Of a conversation of nothing but foreign blocks."""
    with pytest.raises(Unsupported):
        render(Message("user", (Opaque("anthropic_messages", "x", Raw(b"{}")),)))
    with pytest.raises(Unsupported):
        render(Message("assistant", (Reasoning("hm", "sig"),)))
