"""Parts of messages, neutral to wire."""

from __future__ import annotations

import msgspec
import pytest
from msgspec import Raw

from dialects.anthropic_messages.asked import content, render
from dialects.rendering import HI
from llm_gateway.core.chat import (
    Audio,
    CacheMark,
    Document,
    Image,
    Message,
    Opaque,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
)
from llm_gateway.dialects.anthropic_messages import parts_out


@pytest.mark.parametrize(
    ("image", "source"),
    [
        (Image(url="https://example.test/a"), {"type": "url", "url": "https://example.test/a"}),
        (Image(data="AA", media_type="image/webp"), {"type": "base64", "media_type": "image/webp", "data": "AA"}),
        (Image(data="/9j/x"), {"type": "base64", "media_type": "image/jpeg", "data": "/9j/x"}),
        (Image(file_id="f"), {"type": "file", "file_id": "f"}),
        (Image(url="data:image/gif;base64,R0"), {"type": "base64", "media_type": "image/gif", "data": "R0"}),
    ],
)
def test_images(image, source):
    """In every place; a data URL is taken apart, a type that nobody named is read off the first bytes."""
    assert content(image) == ([{"type": "image", "source": source}], [])


def test_an_images_detail_is_named():
    """The API has no such setting, and auto is what it does."""
    assert content(Image(url="u", detail="high"))[1] == ["messages[0].content[0].image_url.detail"]
    assert content(Image(url="u", detail="auto"))[1] == []


@pytest.mark.parametrize(
    ("document", "source"),
    [
        (Document(data="AA"), {"type": "base64", "media_type": "application/pdf", "data": "AA"}),
        (Document(url="https://example.test/a"), {"type": "url", "url": "https://example.test/a"}),
        (Document(text="t"), {"type": "text", "media_type": "text/plain", "data": "t"}),
        (Document(file_id="f"), {"type": "file", "file_id": "f"}),
        (Document(text="a,b", media_type="text/csv"), {"type": "text", "media_type": "text/plain", "data": "a,b"}),
        (Document(data="YSxi", media_type="text/csv"), {"type": "text", "media_type": "text/plain", "data": "a,b"}),
        (Document(url="data:text/csv;base64,YSxi"), {"type": "text", "media_type": "text/plain", "data": "a,b"}),
        (Document(data="/w==", media_type="text/csv"), {"type": "base64", "media_type": "text/csv", "data": "/w=="}),
    ],
)
def test_documents(document, source):
    """With their title, context and leave to cite; any text as plain text, which alone the API takes beside PDFs."""
    full = msgspec.structs.replace(document, name="T", context="C", citations=True, cache=CacheMark("1h"))
    assert content(full)[0] == [
        {
            "type": "document",
            "source": source,
            "title": "T",
            "context": "C",
            "citations": {"enabled": True},
            "cache_control": {"type": "ephemeral", "ttl": "1h"},
        }
    ]


def test_parts_without_a_place_are_named():
    """Speech, blocks of other dialects, thinking that the API would refuse; the transcript of speech is kept."""
    parts = (
        Audio(data="AA", transcript="said"),
        Opaque("elsewhere", "x", Raw(b"{}")),
        Reasoning("hm"),
        Reasoning("hm", ""),
        Text("t"),
    )
    shown, dropped = content(*parts, role="assistant")
    assert shown == [{"type": "text", "text": "said"}, {"type": "text", "text": "t"}]
    assert len(dropped) == 4


def test_thinking_goes_back_to_the_byte():
    """With its signature, and redacted."""
    shown, _ = content(Reasoning("a", "s/+="), Reasoning(redacted="r"), role="assistant")
    assert shown == [{"type": "thinking", "thinking": "a", "signature": "s/+="}, {"type": "redacted_thinking", "data": "r"}]


def test_refusals_are_texts():
    """The API has no block for them."""
    assert content(Refusal("No."), role="assistant") == ("No.", [])


def test_sources_that_the_api_would_refuse_are_named():
    """Its own go back, those of others do not."""
    own = {"type": "page_location", "cited_text": "c"}
    shown, dropped = content(Text("t", citations=(own, {"type": "url_citation"})), role="assistant")
    assert shown[0]["citations"] == [own]
    assert dropped == ["messages[0].content[0].citations"]


@pytest.mark.parametrize("arguments", ["{", "[1]", '"x"', "1", "x"])
def test_arguments_that_are_no_object_are_kept_as_text_and_named(arguments):
    """The model wrote them, so the model sees them again."""
    shown, dropped = content(ToolCall("a", "f", arguments), role="assistant")
    assert shown[0]["input"] == {"_raw": arguments}
    assert dropped == ["messages[0].tool_calls[0].function.arguments"]


def test_arguments_that_were_never_written_are_none():
    """OpenAI's models leave them empty when a function takes none."""
    assert content(ToolCall("a", "f", " "), role="assistant")[0][0]["input"] == {}


def test_ids_of_calls_have_the_characters_that_the_api_takes():
    """The same way for a call and its result, and different ids stay different."""
    body, _ = render(
        HI,
        Message("assistant", (ToolCall("f.x:0", "f", "{}"), ToolCall("f.x.0", "f", "{}"))),
        Message("tool", (ToolResult("f.x:0"), ToolResult("f.x.0"))),
    )
    called = [block["id"] for block in body["messages"][1]["content"]]
    assert called == [block["tool_use_id"] for block in body["messages"][2]["content"]]
    assert called == ["f_x2e_x_x3a_0", "f_x2e_x_x2e_0"]


def test_results_of_tools():
    """Text alone is a string, nothing is nothing, errors and images are kept; what cannot stand there is named."""
    parts = (Text("a"), Image(data="AA", media_type="image/png"), ToolCall("x", "f", "{}"))
    shown, dropped = content(ToolResult("1", (Text("t"),)), ToolResult("2", parts, True, CacheMark()), ToolResult("3"))
    assert shown[0] == {"type": "tool_result", "tool_use_id": "1", "content": "t"}
    assert [block["type"] for block in shown[1]["content"]] == ["text", "image"]
    assert (shown[1]["is_error"], shown[1]["cache_control"]) == (True, {"type": "ephemeral"})
    assert shown[2] == {"type": "tool_result", "tool_use_id": "3"}
    assert len(dropped) == 1


@pytest.mark.parametrize(
    "text", ["{}", '{"a":1}', '{"\u00e9":[1]}', "[]", "1", '"a"', "{", "", "true", '{"a":"\\ud800"}', "[" * 5000]
)
def test_arguments_are_an_object_or_are_wrapped(text: str):
    """Whether a call's arguments are a JSON object is found by reading them, whatever is wrong with them."""
    call = ToolCall("1", "f", text)
    try:
        good = isinstance(msgspec.json.decode(text or "{}"), dict)
    except (msgspec.DecodeError, RecursionError):
        good = False
    assert parts_out.input_of(call) == (Raw((text or "{}").encode()) if good else None)
