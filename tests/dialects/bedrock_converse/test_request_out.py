"""Converse requests, neutral to wire."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Raw

from dialects.bedrock_converse.lawful import broken
from dialects.recorded import agrees
from dialects.recorded import given as recorded
from dialects.strategies import requests
from llm_gateway.core.chat import (
    Audio,
    CacheMark,
    ChatRequest,
    Document,
    Image,
    Message,
    Opaque,
    Part,
    Reasoning,
    ReasoningRequest,
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
from llm_gateway.dialects.bedrock_converse import BEDROCK_CONVERSE
from llm_gateway.dialects.openai_chat import OPENAI_CHAT

CLAUDE = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
OLD_CLAUDE = "anthropic.claude-3-5-sonnet-20240620-v1:0"
NEW_CLAUDE = "global.anthropic.claude-opus-4-8"
NOVA = "amazon.nova-pro-v1:0"
NOVA_2 = "us.amazon.nova-2-lite-v1:0"
LLAMA = "meta.llama3-3-70b-instruct-v1:0"
MISTRAL = "mistral.mistral-large-2407-v1:0"
TITAN = "amazon.titan-text-express-v1"
GPT_OSS = "openai.gpt-oss-120b-1:0"
R1 = "us.deepseek.r1-v1:0"
PROFILE = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc"
EVERY = [CLAUDE, OLD_CLAUDE, NEW_CLAUDE, NOVA, NOVA_2, LLAMA, MISTRAL, TITAN, GPT_OSS, R1, PROFILE, "cohere.command-r-v1:0"]

HI = Message("user", (Text("hi"),))
OBJECT = Raw(b'{"type":"object"}')
CLOSED = '{"type":"object","properties":{"a":{"type":"string"}},"additionalProperties":false}'
MARK = CacheMark()
POINT = {"cachePoint": {"type": "default"}}


def render(
    *messages: Message, model: str = CLAUDE, dialect: str = "openai_chat", **members: Any
) -> tuple[dict[str, Any], list[str]]:
    request = ChatRequest("m", messages or (HI,), dialect=dialect, **members)
    rendered = BEDROCK_CONVERSE.render_request(request, Target(model))
    body = msgspec.json.decode(rendered.body)
    assert broken(body) == []
    return body, rendered.dropped


def content(*parts: Part, role: Any = "user", model: str = CLAUDE) -> tuple[Any, list[str]]:
    body, dropped = render(HI, Message(role, parts), model=model)
    turns = body["messages"]
    return (turns[1]["content"] if len(turns) > 1 else turns[0]["content"][1:]), dropped


def says(role: Any, *texts: str) -> Message:
    return Message(role, tuple(Text(text) for text in texts))


def fields(**members: Any) -> Any:
    return render(**members)[0].get("additionalModelRequestFields")


def test_the_plainest_request():
    """Neither the model nor the stream stands in the body, and no maximum is made up."""
    assert render(stream=True) == ({"messages": [{"role": "user", "content": [{"text": "hi"}]}]}, [])


@pytest.mark.parametrize("front", [OPENAI_CHAT, ANTHROPIC_MESSAGES])
@pytest.mark.parametrize("kind", ["conversation", "everything"])
@pytest.mark.parametrize(("model", "label"), [(CLAUDE, "claude"), (NOVA_2, "nova")])
def test_whole_requests_of_other_dialects(front, kind, model, label):
    """What was checked by eye, with everything that was left out."""
    request = front.parse_request(recorded(f"{front.name}/{kind}.request.json"))
    rendered = BEDROCK_CONVERSE.render_request(request, Target(model))
    body = msgspec.json.decode(rendered.body)
    assert broken(body) == []
    shown = msgspec.json.encode({"body": body, "dropped": rendered.dropped})
    agrees(f"bedrock_converse/{front.name}.{kind}.{label}.json", shown)


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(["openai_chat", "anthropic_messages"]).flatmap(requests), st.sampled_from(EVERY))
def test_every_request_keeps_the_rules(request, model):
    """Whatever a caller says: lawful, or refused as a whole; and nothing unknown is lost in silence."""
    try:
        rendered = BEDROCK_CONVERSE.render_request(request, Target(model))
    except Unsupported:
        return
    assert broken(msgspec.json.decode(rendered.body)) == []
    assert set(request.extra) <= set(rendered.dropped)
    assert len(set(rendered.dropped)) == len(rendered.dropped)


def test_leading_system_messages_are_the_system_prompt():
    """All of them, in order, with their marks; a later one is the user's and named."""
    body, dropped = render(
        Message("system", (Text("a", MARK), Text(" "))), says("developer", "b"), HI, says("system", "c"), says("user", "d")
    )
    assert body["system"] == [{"text": "a"}, POINT, {"text": "b"}]
    assert body["messages"][0]["content"] == [{"text": "hi"}, {"text": "<system>\nc\n</system>"}, {"text": "d"}]
    assert dropped == ["messages[3].role"]


def test_models_without_system_prompts():
    """They get it as the user's words."""
    body, dropped = render(says("system", "a"), HI, model=TITAN)
    assert body == {"messages": [{"role": "user", "content": [{"text": "<system>\na\n</system>"}, {"text": "hi"}]}]}
    assert dropped == ["messages[0].role"]
    assert render(says("system", "a"))[0]["messages"][0]["content"] == [{"text": "<system>\na\n</system>"}]


def test_what_a_system_prompt_cannot_hold_is_named():
    """Whether it stands in front or in the middle."""
    odd = Message("system", (Image(url="x"), Text("a")))
    assert render(odd, HI)[1] == ["messages[0].content[0]"]
    assert render(HI, odd)[1] == ["messages[1].content[0]", "messages[1].role"]


def test_the_first_turn_is_the_users():
    """A conversation may begin with the assistant elsewhere."""
    body, dropped = render(says("assistant", "Hello!"), HI)
    assert [turn["role"] for turn in body["messages"]] == ["user", "assistant", "user"]
    assert dropped == []


def test_results_come_first_and_together():
    """All results of one turn in one message, each with its own mark behind it."""
    body, dropped = render(
        HI,
        Message("assistant", (ToolCall("a", "f", "{}"), ToolCall("b", "f", '{"x":1}', MARK))),
        Message("tool", (ToolResult("a", (Text("1"),), cache=MARK),)),
        says("user", "and"),
        Message("tool", (ToolResult("b", error=True),)),
        tools=(Tool("f", schema=OBJECT),),
    )
    assert body["messages"][1]["content"][1:] == [{"toolUse": {"toolUseId": "b", "name": "f", "input": {"x": 1}}}, POINT]
    first, point, second, text = body["messages"][2]["content"]
    assert first == {"toolResult": {"toolUseId": "a", "content": [{"text": "1"}]}}
    assert point == POINT
    assert second["toolResult"]["status"] == "error"
    assert second["toolResult"]["content"][0]["text"].strip()
    assert text == {"text": "and"}
    assert dropped == []


def test_an_error_flag_that_the_family_does_not_take_is_named():
    """Only Nova and Claude know it."""
    body, dropped = render(
        HI,
        Message("assistant", (ToolCall("123456789", "f", ""),)),
        Message("tool", (ToolResult("123456789", (Text(""),), error=True),)),
        model=MISTRAL,
    )
    assert body["messages"][2]["content"] == [{"toolResult": {"toolUseId": "123456789", "content": []}}]
    assert dropped == ["messages[2].is_error"]


def test_results_with_images_and_documents():
    """They stay inside of the result; a mark inside goes behind it, and what has no place is named."""
    inner = (Text("see", MARK, ({"type": "x"},)), Image(data="iVBOR"), Document(text="t", name="a"), Reasoning("r", "s"))
    body, dropped = render(
        Message("user", (ToolResult("c", inner), Document(text="u", name="a"))), tools=(Tool("f"),), dialect="anthropic_messages"
    )
    result, point, document, filler = body["messages"][0]["content"]
    kinds = [next(iter(block)) for block in result["toolResult"]["content"]]
    assert kinds == ["text", "image", "document"]
    assert point == POINT
    assert document["document"]["name"] == "a (2)"
    assert "text" in filler
    assert dropped == ["messages[0].content[0].content[0].citations", "messages[0].content[0].content[3]"]


@pytest.mark.parametrize(
    ("image", "shown"),
    [
        (Image(data="AA", media_type="image/webp"), {"format": "webp", "source": {"bytes": "AA"}}),
        (Image(data="/9j/x"), {"format": "jpeg", "source": {"bytes": "/9j/x"}}),
        (Image(url="data:image/gif;base64,R0"), {"format": "gif", "source": {"bytes": "R0"}}),
        (Image(url="s3://b/k.jpg"), {"format": "jpeg", "source": {"s3Location": {"uri": "s3://b/k.jpg"}}}),
    ],
)
def test_images(image, shown):
    """Bytes and S3 objects; the format by its type, or by the first bytes."""
    assert content(image) == ([{"image": shown}], [])


@pytest.mark.parametrize(
    "part", [Image(url="https://x.test/a"), Image(file_id="f"), Image(data="A", media_type="image/tiff"), Document(file_id="f")]
)
def test_what_the_api_cannot_fetch_is_named(part):
    """It takes no URLs of the web, no ids of other stores, and four formats."""
    assert content(part) == ([], ["messages[1].content[0]"])


def test_the_detail_of_an_image_is_named():
    """There is none here."""
    assert content(Image(data="iVBOR", detail="low"))[1] == ["messages[1].content[0].image_url.detail"]


def test_media_are_the_users():
    """An assistant's turn takes none."""
    assert content(Image(data="iVBOR"), Text("x"), role="assistant") == ([{"text": "x"}], ["messages[1].content[0]"])


def test_speech_goes_to_models_that_hear():
    """To others its transcript, and it is named."""
    assert content(Audio("AA", "mp3"), model="mistral.voxtral-small-24b-2507") == (
        [{"audio": {"format": "mp3", "source": {"bytes": "AA"}}}],
        [],
    )
    assert content(Audio("AA", transcript="Hello")) == ([{"text": "Hello"}], ["messages[1].content[0]"])
    assert content(Audio(id="a", transcript="Hi"), role="assistant") == ([{"text": "Hi"}], ["messages[1].audio"])


def test_a_mark_behind_a_document():
    """The API refuses a cachePoint there, so a text stands between; the document is cached all the same."""
    shown, dropped = content(Document(data="JVBERi0", media_type="application/pdf", name="a.pdf", cache=MARK), Text("go"))
    assert [next(iter(block)) for block in shown] == ["document", "text", "cachePoint", "text"]
    assert dropped == []


@pytest.mark.parametrize(
    ("model", "ttl", "point", "lost"),
    [
        (CLAUDE, None, POINT, []),
        (CLAUDE, "5m", POINT, []),
        (CLAUDE, "1h", {"cachePoint": {"type": "default", "ttl": "1h"}}, []),
        (OLD_CLAUDE, "1h", POINT, ["messages[1].content[0].cache_control.ttl"]),
        (NOVA, None, POINT, []),
        (LLAMA, None, None, ["messages[1].content[0].cache_control"]),
    ],
)
def test_marks_of_what_to_cache(model, ttl, point, lost):
    """A block behind the part, for the families that cache."""
    expected = [{"text": "x"}] if point is None else [{"text": "x"}, point]
    assert content(Text("x", CacheMark(ttl)), model=model) == (expected, lost)


def test_a_mark_on_nothing_is_named():
    """An empty text is left out, and its mark with it."""
    assert content(Text("", MARK), Text("x")) == ([{"text": "x"}], ["messages[1].content[0].cache_control"])


def test_blank_texts_are_left_out():
    """The API refuses them, and nothing is lost with them."""
    body, dropped = render(HI, says("assistant", " \n"), says("user", "", "go"))
    assert body["messages"] == [{"role": "user", "content": [{"text": "hi"}, {"text": "go"}]}]
    assert dropped == []


def test_a_conversation_of_nothing_is_refused():
    """There is nothing to ask then."""
    with pytest.raises(Unsupported) as refused:
        render(Message("user", (Opaque("elsewhere", "x", Raw(b"{}")),)))
    assert refused.value.param == "messages"


def test_thinking_goes_back_to_claude_only():
    """With its signature byte for byte; redacted thinking as the blob that it came as. Without a signature it is named."""
    parts = (Reasoning("t", "s+/="), Reasoning(redacted="EuYB"), Reasoning("u"), Text("x"))
    shown, dropped = content(*parts, role="assistant")
    assert shown == [
        {"reasoningContent": {"reasoningText": {"text": "t", "signature": "s+/="}}},
        {"reasoningContent": {"redactedContent": "RXVZQg=="}},
        {"text": "x"},
    ]
    assert dropped == ["messages[1].reasoning_content"]
    assert content(*parts, role="assistant", model=NOVA_2)[0] == [{"text": "x"}]


@pytest.mark.parametrize("state", ["gemini/t:QUJD", "openai_responses/rs_1#s12#gAAA"])
def test_thinking_of_other_families_stays_away(state):
    """Its signatures are refused by whoever did not make them; what a tag says is theirs is left out and named."""
    shown, dropped = content(Reasoning("t", state), Reasoning(redacted=state), Text("x"), role="assistant")
    assert shown == [{"text": "x"}]
    assert dropped == ["messages[1].reasoning_content", "messages[1].reasoning_details"]


def test_refusals_and_own_blocks():
    """A refusal is a text; a block of this dialect goes back as it came; one of another is named."""
    own = Opaque("bedrock_converse", "video", Raw(b'{"video":{"format":"mp4"}}'))
    foreign = Opaque("gemini", "x", Raw(b"{}"))
    shown, dropped = content(Refusal("No."), Refusal(""), own, foreign, role="assistant")
    assert shown == [{"text": "No."}, {"video": {"format": "mp4"}}]
    assert dropped == ["messages[1].opaque_blocks[1]"]


def test_cited_texts_go_back():
    """Sources in the conversation's documents; others are named."""
    page = {"type": "page_location", "cited_text": "c", "document_index": 0, "document_title": "d"}
    source = page | {"start_page_number": 1, "end_page_number": 2}
    shown, dropped = content(Text("x", None, (source,)), Text("y", None, ({"type": "url_citation"},)), role="assistant")
    cited = {
        "location": {"documentPage": {"documentIndex": 0, "start": 1, "end": 2}},
        "title": "d",
        "sourceContent": [{"text": "c"}],
    }
    assert shown == [{"citationsContent": {"content": [{"text": "x"}], "citations": [cited]}}, {"text": "y"}]
    assert dropped == ["messages[1].content[1].citations"]


def test_arguments_that_are_no_object():
    """They are wrapped into one, and named."""
    body, dropped = render(HI, Message("assistant", (ToolCall("a", "f", "[1"),)), tools=(Tool("f"),))
    assert body["messages"][1]["content"][0]["toolUse"]["input"] == {"_raw": "[1"}
    assert dropped == ["messages[1].tool_calls[0].function.arguments"]


@pytest.mark.parametrize(("model", "pattern"), [(CLAUDE, r"call_[A-Z2-7]{52}"), (MISTRAL, r"[A-Z2-7]{9}")])
def test_ids_that_the_api_refuses(model, pattern):
    """A call and its result get the same lawful id; two ids stay two."""
    long = "x" * 65
    parts = [ToolCall(ident, "f", "") for ident in (long, "a b")]
    body, _ = render(HI, Message("assistant", tuple(parts)), Message("tool", (ToolResult(long), ToolResult("a b"))), model=model)
    asked = [block["toolUse"]["toolUseId"] for block in body["messages"][1]["content"]]
    told = [block["toolResult"]["toolUseId"] for block in body["messages"][2]["content"]]
    assert asked == told
    assert len(set(asked)) == 2
    assert all(re.fullmatch(pattern, ident) for ident in asked)


def test_bedrocks_own_ids_stay_at_mistral():
    """Its models take those beside nine letters or digits."""
    ids = ["tooluse_daIKOZu4g4GrvIIv9wdqy4", "getphoto1"]
    body, _ = render(HI, Message("assistant", tuple(ToolCall(ident, "f", "") for ident in ids)), model=MISTRAL)
    assert [block["toolUse"]["toolUseId"] for block in body["messages"][1]["content"]] == ids


def test_tools():
    """Schema untouched, given the type that it lacks; a mark behind the tool; foreign tools named."""
    tools = (
        Tool("f", "d", Raw(b'{"properties":{"a":{}},"additionalProperties":false}'), True, MARK),
        Tool("g", " "),
        Tool("h", dialect="elsewhere", raw=Raw(b"{}")),
        Tool("i", dialect="bedrock_converse", raw=Raw(b'{"systemTool":{"name":"i"}}')),
    )
    body, dropped = render(tools=tools)
    shown = {"type": "object", "properties": {"a": {}}, "additionalProperties": False}
    first = {"name": "f", "inputSchema": {"json": shown}, "description": "d"}
    empty = {"name": "g", "inputSchema": {"json": {"type": "object", "properties": {}}}}
    assert body["toolConfig"]["tools"] == [
        {"toolSpec": first | {"strict": True}},
        POINT,
        {"toolSpec": empty},
        {"systemTool": {"name": "i"}},
    ]
    assert dropped == ["tools[2]"]
    assert render(tools=tools[:1], model=NOVA)[1] == ["tools[0].function.strict", "tools[0].cache_control"]
    assert render(tools=tools[:1], model=NOVA, dialect="anthropic_messages")[1][0] == "tools[0].strict"


@pytest.mark.parametrize(
    ("model", "choice", "shown", "lost"),
    [
        (CLAUDE, ToolChoice("auto"), {"auto": {}}, []),
        (CLAUDE, ToolChoice("required"), {"any": {}}, []),
        (CLAUDE, ToolChoice("named", "f"), {"tool": {"name": "f"}}, []),
        (MISTRAL, ToolChoice("named", "f"), {"any": {}}, []),
        (LLAMA, ToolChoice("required"), None, ["tool_choice"]),
        (TITAN, ToolChoice("auto"), None, []),
    ],
)
def test_tool_choice(model, choice, shown, lost):
    """As far as the family has it; any of one tool is that tool."""
    body, dropped = render(tools=(Tool("f"),), tool_choice=choice, model=model)
    assert body["toolConfig"].get("toolChoice") == shown
    assert dropped == lost


def test_tools_that_are_not_allowed_stay_away():
    """The API has no list of those that may be called."""
    body, dropped = render(tools=(Tool("f"), Tool("g")), tool_choice=ToolChoice("required", allowed=("g",)))
    assert [tool["toolSpec"]["name"] for tool in body["toolConfig"]["tools"]] == ["g"]
    assert body["toolConfig"]["toolChoice"] == {"any": {}}
    assert dropped == []


def test_a_named_tool_among_several():
    """Where only any tool can be forced, the choice is named as lost."""
    assert render(tools=(Tool("f"), Tool("g")), tool_choice=ToolChoice("named", "f"), model=MISTRAL)[1] == ["tool_choice"]


def test_no_tool_shall_be_called():
    """Without calls in the conversation the tools stay away; with calls they have to be there, and the choice is named."""
    none = {"tools": (Tool("f"),), "tool_choice": ToolChoice("none")}
    assert render(**none) == ({"messages": [{"role": "user", "content": [{"text": "hi"}]}]}, [])
    body, dropped = render(HI, Message("assistant", (ToolCall("a", "f", ""),)), **none)
    assert [tool["toolSpec"]["name"] for tool in body["toolConfig"]["tools"]] == ["f"]
    assert dropped == ["tool_choice"]


def test_calls_without_tools():
    """The API demands a definition of what was called; choices of tools that cannot be carried are named."""
    called = Message("assistant", (ToolCall("a", "f", ""), ToolCall("b", "f", ""), ToolCall("c", "g", "")))
    body, dropped = render(HI, called)
    assert [tool["toolSpec"]["name"] for tool in body["toolConfig"]["tools"]] == ["f", "g"]
    assert dropped == []
    foreign = {"tools": (Tool("h", dialect="x", raw=Raw(b"{}")),), "tool_choice": ToolChoice("required")}
    assert render(**foreign)[1] == ["tools[0]", "tool_choice"]


def test_parallel_calls_cannot_be_forbidden():
    """The API has no word for it."""
    assert render(tools=(Tool("f"),), parallel_tool_calls=False)[1] == ["parallel_tool_calls"]
    assert render(tools=(Tool("f"),), parallel_tool_calls=False, dialect="anthropic_messages")[1] == [
        "tool_choice.disable_parallel_tool_use"
    ]
    assert render(tools=(Tool("f"),), parallel_tool_calls=True)[1] == []


@pytest.mark.parametrize(
    ("model", "asked", "config", "lost"),
    [
        (OLD_CLAUDE, {"temperature": 0.5, "top_p": 0.9}, {"temperature": 0.5, "topP": 0.9}, []),
        (CLAUDE, {"temperature": 0.5, "top_p": 0.9}, {"temperature": 0.5}, ["top_p"]),
        (CLAUDE, {"temperature": 2.0, "top_p": 1.0}, {"temperature": 1.0}, ["temperature"]),
        (NEW_CLAUDE, {"temperature": 0.5, "top_k": 3}, None, ["temperature", "top_k"]),
        (LLAMA, {"temperature": 1.5, "max_tokens": 9}, {"temperature": 1.0, "maxTokens": 9}, ["temperature"]),
        (CLAUDE, {"max_tokens": 0}, {"maxTokens": 1}, ["max_tokens"]),
        (LLAMA, {"stop": ("a",)}, None, ["stop"]),
        (NOVA, {"stop": ("a", " ")}, {"stopSequences": ["a"]}, ["stop"]),
        (R1, {"top_k": 3}, None, ["top_k"]),
    ],
)
def test_sampling(model, asked, config, lost):
    """What the model refuses is left out, what is out of range is brought into it, and both are named."""
    body, dropped = render(model=model, **asked)
    assert body.get("inferenceConfig") == config
    assert dropped == lost


@pytest.mark.parametrize(
    ("model", "shown"),
    [(CLAUDE, {"top_k": 5}), (NOVA, {"inferenceConfig": {"topK": 5}}), ("cohere.command-r-v1:0", {"k": 5})],
)
def test_top_k_by_family(model, shown):
    """Each has its own place for it."""
    assert fields(model=model, top_k=5) == shown


def test_claude_is_asked_which_stop_sequence_it_met():
    """Its answer says so only when asked, under another path in a stream."""
    assert render(stop=("a",))[0]["additionalModelResponseFieldPaths"] == ["/stop_sequence"]
    assert render(stop=("a",), stream=True)[0]["additionalModelResponseFieldPaths"] == ["/delta/stop_sequence"]
    assert "additionalModelResponseFieldPaths" not in render(stop=("a",), model=NOVA)[0]


@pytest.mark.parametrize(
    ("model", "members", "shown", "lost"),
    [
        (CLAUDE, {"reasoning": ReasoningRequest(effort="low")}, {"thinking": {"type": "enabled", "budget_tokens": 1024}}, []),
        (CLAUDE, {"reasoning": ReasoningRequest(enabled=False)}, {"thinking": {"type": "disabled"}}, []),
        (
            NOVA_2,
            {"reasoning": ReasoningRequest(effort="minimal")},
            {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "low"}},
            ["reasoning_effort"],
        ),
        (
            NOVA_2,
            {"reasoning": ReasoningRequest(effort="high"), "temperature": 0.1},
            {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "high"}},
            ["temperature"],
        ),
        (
            NOVA_2,
            {"reasoning": ReasoningRequest(effort="high"), "max_tokens": 10},
            {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "medium"}},
            ["reasoning_effort"],
        ),
        (
            NOVA_2,
            {"reasoning": ReasoningRequest(enabled=True, budget=5000, display="omitted")},
            {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "medium"}},
            ["reasoning.display", "reasoning.max_tokens"],
        ),
        (NOVA_2, {"reasoning": ReasoningRequest(effort="none")}, {"reasoningConfig": {"type": "disabled"}}, []),
        (GPT_OSS, {"reasoning": ReasoningRequest(effort="high")}, {"reasoning_effort": "high"}, []),
        (GPT_OSS, {"reasoning": ReasoningRequest(effort="odd")}, None, ["reasoning_effort"]),
        (GPT_OSS, {"reasoning": ReasoningRequest(effort="none")}, None, ["reasoning_effort"]),
        (LLAMA, {"reasoning": ReasoningRequest(effort="low")}, None, ["reasoning_effort"]),
        (LLAMA, {"reasoning": ReasoningRequest(enabled=False)}, None, []),
    ],
)
def test_thinking_by_family(model, members, shown, lost):
    """In the words of each; what a family cannot do is named."""
    body, dropped = render(model=model, **members)
    assert body.get("additionalModelRequestFields") == shown
    assert dropped == lost


def test_adaptive_thinking_has_its_effort_in_the_output_config():
    """For the newest models, whoever asks."""
    body, _ = render(model=NEW_CLAUDE, reasoning=ReasoningRequest(effort="high"))
    assert body["outputConfig"] == {"effort": "high"}
    assert body["additionalModelRequestFields"] == {"thinking": {"type": "adaptive"}}
    only = render(model=LLAMA, reasoning=ReasoningRequest(effort="high"), dialect="anthropic_messages")
    assert only[1] == ["output_config.effort"]


def test_structured_output():
    """The schema as JSON text, for the families that have it."""
    wanted = ResponseFormat("schema", "n", "d", Raw(CLOSED.encode()), strict=False)
    body, dropped = render(response_format=wanted)
    said = {"name": "n", "description": "d", "schema": CLOSED}
    assert body["outputConfig"]["textFormat"] == {"type": "json_schema", "structure": {"jsonSchema": said}}
    assert dropped == ["response_format.json_schema.strict"]
    assert render(response_format=wanted, model=NOVA)[1] == ["response_format"]
    assert render(response_format=ResponseFormat("json"))[1] == ["response_format"]
    assert render(response_format=ResponseFormat("text")) == render()
    assert render(response_format=wanted, model=NOVA, dialect="anthropic_messages")[1] == ["output_config.format"]


@pytest.mark.parametrize(
    ("tier", "shown", "lost"),
    [
        ("auto", None, []),
        ("flex", {"type": "flex"}, []),
        ("standard_only", {"type": "default"}, []),
        ("scale", None, ["service_tier"]),
    ],
)
def test_service_tiers(tier, shown, lost):
    """Auto says nothing."""
    body, dropped = render(service_tier=tier)
    assert body.get("serviceTier") == shown
    assert dropped == lost


@pytest.mark.parametrize(
    ("metadata", "shown"),
    [(b'{"a":"b c"}', {"a": "b c"}), (b'{"a":1}', None), (b'{"a":"\xc3\xa9"}', None), (b'{"":"x"}', None)],
)
def test_metadata(metadata, shown):
    """For the invocation log, where its characters fit."""
    body, dropped = render(metadata=Raw(metadata))
    assert body.get("requestMetadata") == shown
    assert dropped == ([] if shown else ["metadata"])


def test_what_does_not_exist_here_is_named():
    """By the caller's own name for it."""
    lost = {
        "n": 2,
        "seed": 1,
        "presence_penalty": 0.1,
        "frequency_penalty": 0.1,
        "logprobs": True,
        "top_logprobs": 2,
        "user": "u",
    }
    assert set(render(**lost)[1]) == set(lost)
    assert render(n=1, presence_penalty=0.0, logprobs=False)[1] == []
    assert render(user="u", stop=("a",), model=LLAMA, dialect="anthropic_messages")[1] == ["stop_sequences", "metadata.user_id"]
    assert render(Message("user", (Text("x"),), "bob"))[1] == ["messages[0].name"]


def test_the_apis_own_members_pass():
    """A caller of any dialect may name them; fields join ours, and win. Everything else is named."""
    extra = {
        "guardrailConfig": Raw(b'{"guardrailIdentifier":"g"}'),
        "additionalModelRequestFields": Raw(b'{"top_k":9,"x":1}'),
        "toolConfig": Raw(b"{}"),
        "messages[0].prefix": Raw(b"true"),
    }
    body, dropped = render(top_k=5, extra=extra)
    assert body["guardrailConfig"] == {"guardrailIdentifier": "g"}
    assert body["additionalModelRequestFields"] == {"top_k": 9, "x": 1}
    assert "toolConfig" not in body
    assert dropped == ["toolConfig", "messages[0].prefix"]
    assert render(extra={"additionalModelRequestFields": Raw(b"3")})[1] == ["additionalModelRequestFields"]
