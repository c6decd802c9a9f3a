"""Responses requests, neutral to wire."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from msgspec import Raw

from dialects.recorded import agrees
from dialects.recorded import given as recorded
from dialects.rendering import HI, body_for
from dialects.strategies import requests
from llm_gateway.core.chat import (
    Audio,
    CacheMark,
    Document,
    Image,
    Message,
    Opaque,
    Part,
    Reasoning,
    ReasoningRequest,
    ResponseFormat,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)
from llm_gateway.core.errors import Unsupported
from llm_gateway.core.json import encode
from llm_gateway.dialects.anthropic_messages import ANTHROPIC_MESSAGES
from llm_gateway.dialects.base import Target
from llm_gateway.dialects.openai_chat import OPENAI_CHAT
from llm_gateway.dialects.openai_responses import OPENAI_RESPONSES

NAME = "openai_responses"
SEALED = Reasoning("t", "openai_responses/rs_1##gA==")


def render(*messages: Message, model: str = "gpt-4.1", **members: Any) -> tuple[dict[str, Any], list[str]]:
    return body_for(OPENAI_RESPONSES, Target(model), *messages, **members)


def content(*parts: Part, role: Any = "user", dialect: str = "openai_chat") -> tuple[Any, list[str]]:
    body, dropped = render(Message(role, parts), dialect=dialect)
    return body["input"][0]["content"], dropped


def items(*messages: Message) -> tuple[Any, list[str]]:
    body, dropped = render(*messages)
    return body["input"], dropped


@pytest.mark.parametrize(("front", "name"), [(OPENAI_CHAT, "openai_chat"), (ANTHROPIC_MESSAGES, "anthropic_messages")])
@pytest.mark.parametrize("which", ["conversation", "everything"])
def test_requests_of_other_dialects(front, name, which):
    """What becomes of all that they can hold, with what is dropped, checked by eye."""
    request = front.parse_request(recorded(f"{name}/{which}.request.json"))
    rendered = OPENAI_RESPONSES.render_request(request, Target("gpt-5"))
    shown = {"dropped": rendered.dropped, "body": Raw(rendered.body)}
    agrees(f"{NAME}/{name}.{which}.json", encode(shown))
    OPENAI_RESPONSES.view(rendered.body)


def test_others_leave_nothing_behind_and_get_reasoning_encrypted():
    """Models that do not reason refuse to be asked for it."""
    assert render(model="gpt-5-mini")[0]["include"] == ["reasoning.encrypted_content"]
    for model in ("gpt-4.1", "gpt-5-chat-latest", "gpt-4o"):
        body, _ = render(model=model)
        assert body["store"] is False
        assert "include" not in body
    assert render(extra={"store": Raw(b"true")})[0]["store"] is True


def test_functions_and_schemas_of_others_say_that_they_are_not_strict():
    """They are by default here, and are not elsewhere; a function without parameters takes none."""
    body, _ = render(tools=(Tool("f"),), response_format=ResponseFormat("schema", schema=Raw(b"{}")))
    assert body["tools"] == [
        {"type": "function", "name": "f", "parameters": {"type": "object", "properties": {}}, "strict": False}
    ]
    assert body["text"]["format"] == {"type": "json_schema", "name": "response", "schema": {}, "strict": False}


def test_tools_of_other_dialects():
    """A custom tool of Chat Completions is one here; others are dropped, and a choice among none with them."""
    custom = Tool("c", dialect="openai_chat", raw=Raw(b'{"type":"custom","custom":{"name":"c","format":{"type":"text"}}}'))
    search = Tool("web_search", dialect="anthropic_messages", raw=Raw(b'{"type":"web_search_20250305"}'))
    body, dropped = render(tools=(search, custom), tool_choice=ToolChoice("named", "c"))
    assert body["tools"] == [{"type": "custom", "name": "c", "format": {"type": "text"}}]
    assert (body["tool_choice"], dropped) == ({"type": "custom", "name": "c"}, ["tools[0]"])
    assert render(tools=(search,), tool_choice=ToolChoice("auto"))[1] == ["tools[0]", "tool_choice"]


def test_calls_and_their_results():
    """Each is an item, and a custom call's result another one than a function's; what has no place is named."""
    called = Message("assistant", (ToolCall("a", "f", "{}"), ToolCall("b", "c", "ls", custom=True)))
    back = (ToolResult("a", (Text("1"), Image(url="https://e/"))), ToolResult("b", (Text("2"),), error=True, cache=CacheMark()))
    given, dropped = items(called, Message("tool", back))
    assert given == [
        {"type": "function_call", "call_id": "a", "name": "f", "arguments": "{}"},
        {"type": "custom_tool_call", "call_id": "b", "name": "c", "input": "ls"},
        {
            "type": "function_call_output",
            "call_id": "a",
            "output": [{"type": "input_text", "text": "1"}, {"type": "input_image", "image_url": "https://e/", "detail": "auto"}],
        },
        {"type": "custom_tool_call_output", "call_id": "b", "output": "2"},
    ]
    assert dropped == ["messages[1].cache_control", "messages[1].is_error"]


def test_reasoning_of_this_family_is_whole_again():
    """Byte-exact, with its id; of another family, or without a signature, it stays behind and is named."""
    given, dropped = items(HI, Message("assistant", (SEALED, Reasoning("x"), Reasoning("y", "sig"), Reasoning(redacted="r"))))
    assert given[1:] == [
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "t"}], "id": "rs_1", "encrypted_content": "gA=="}
    ]
    assert len(dropped) == 3


def test_a_conversation_of_which_nothing_is_left_is_refused():
    """An empty input would be another request."""
    with pytest.raises(Unsupported):
        render(Message("assistant", (Reasoning("x"),)))


@pytest.mark.parametrize(
    ("part", "shown", "dropped"),
    [
        (Document(data="AA"), {"file_data": "data:application/pdf;base64,AA", "filename": "document.pdf"}, []),
        (Document(url="https://e/", name="n"), {"file_url": "https://e/", "filename": "n"}, []),
        (Document(file_id="f"), {"file_id": "f"}, []),
        (Document(url="u", context="c", citations=True), {"file_url": "u"}, ["citations", "context"]),
    ],
)
def test_documents(part, shown, dropped):
    """By data, address or id; what the API cannot be told is named."""
    given, lost = content(part)
    assert given == [{"type": "input_file", **shown}]
    assert [path.rpartition(".")[2] for path in lost] == dropped


def test_files_of_another_provider_are_not_its():
    """An id of Anthropic's names nothing here."""
    assert content(Text("x"), Image(file_id="f"), Document(file_id="g"), dialect="anthropic_messages") == (
        "x",
        ["messages[0].content[1]", "messages[0].content[2]"],
    )


def test_content_of_the_assistant():
    """Texts keep the sources that the API knows; what was spoken is its transcript; images are not said."""
    flat = {"type": "url_citation", "start_index": 0, "end_index": 1, "url": "u", "title": "t"}
    nested = {"type": "url_citation", "url_citation": {name: flat[name] for name in ("start_index", "end_index", "url", "title")}}
    parts = (Text("a", None, (nested, {"type": "char_location"})), Audio(id="i", transcript="b"), Image(url="u"))
    given, dropped = content(*parts, role="assistant")
    assert given == [{"type": "output_text", "text": "a", "annotations": [flat]}, {"type": "output_text", "text": "b"}]
    assert dropped == ["messages[0].content[0].citations", "messages[0].content[2]"]


def test_system_messages_stay_where_they_are():
    """The API takes them anywhere; names of speakers it does not know."""
    body, dropped = render(
        Message("system", (Text("s"),)), HI, Message("developer", (Text("d"),)), Message("user", (Text("x"),), "n")
    )
    assert [item["role"] for item in body["input"]] == ["system", "user", "developer", "user"]
    assert dropped == ["messages[3].name"]


@pytest.mark.parametrize(
    ("wanted", "shown", "dropped"),
    [
        (ReasoningRequest(effort="high"), {"effort": "high"}, []),
        (ReasoningRequest(enabled=True, budget=2000), {"effort": "low", "summary": "auto"}, ["thinking.budget_tokens"]),
        (ReasoningRequest(enabled=True, budget=9000, display="omitted"), {"effort": "medium"}, ["thinking.budget_tokens"]),
        (ReasoningRequest(enabled=True, adaptive=True, effort="max"), {"effort": "max", "summary": "auto"}, []),
        (ReasoningRequest(enabled=False), None, ["thinking"]),
    ],
)
def test_reasoning_requests(wanted, shown, dropped):
    """A budget becomes the nearest effort; who is used to see thinking gets a summary."""
    body, lost = render(reasoning=wanted)
    assert (body.get("reasoning"), lost) == (shown, dropped)


def test_what_the_api_does_not_have_is_named():
    """Everything that would change the answer, in the caller's words."""
    members = {"n": 2, "top_k": 1, "seed": 1, "presence_penalty": 1.0, "frequency_penalty": 1.0, "stop": ("x",)}
    assert set(render(**members)[1]) == {"n", "top_k", "seed", "presence_penalty", "frequency_penalty", "stop"}
    assert render(stop=("x",), dialect="anthropic_messages")[1] == ["stop_sequences"]
    assert render(n=1, presence_penalty=0.0)[1] == []


def test_a_tiny_maximum_is_raised_to_the_least_and_named():
    """The API refuses less than 16; a caller of its own is told so by the provider."""
    body, dropped = render(max_tokens=5)
    assert (body["max_output_tokens"], dropped) == (16, ["max_tokens"])
    assert render(max_tokens=5, dialect=NAME)[0]["max_output_tokens"] == 5


def test_members_that_chat_shares_go_along():
    """By their own names, or in their place here."""
    body, dropped = render(extra={"prompt_cache_key": Raw(b'"k"'), "verbosity": Raw(b'"low"'), "logit_bias": Raw(b"{}")})
    assert (body["prompt_cache_key"], body["text"], dropped) == ("k", {"verbosity": "low"}, ["logit_bias"])


def test_a_text_document_and_marks():
    """A text is a text; cache marks are not known."""
    given, dropped = content(Document(text="t", name="n"), Text("x", CacheMark()))
    assert given == [{"type": "input_text", "text": "t"}, {"type": "input_text", "text": "x"}]
    assert dropped == ["messages[0].content[0].title", "messages[0].content[1].cache_control"]


def test_blocks_of_other_dialects_stay_behind():
    """By name."""
    assert items(HI, Message("assistant", (Opaque("gemini", "x", Raw(b"{}")),)))[1] == ["messages[1].opaque_blocks[0]"]


@settings(max_examples=60, deadline=None)
@given(requests("openai_chat"))
def test_any_request_can_be_rendered_and_read(request):
    """And rendering what was read changes nothing more."""
    once = OPENAI_RESPONSES.render_request(request, Target("gpt-5"))
    again = OPENAI_RESPONSES.parse_request(once.body)
    assert OPENAI_RESPONSES.view(once.body).model == "gpt-5"
    twice = OPENAI_RESPONSES.render_request(again, Target("gpt-5"))
    assert twice.dropped == []
    assert OPENAI_RESPONSES.parse_request(twice.body) == again
