"""The official Anthropic SDK, unmodified: tools, media, structured output and thinking."""

from __future__ import annotations

import msgspec
import pytest
from anthropic import Anthropic
from pydantic import BaseModel

from e2e.with_anthropic import MODELS, TOOLS, anthropic_client, user
from e2e.world import PDF, PNG, World

client = anthropic_client

THINKING = {"type": "enabled", "budget_tokens": 2000}


class City(BaseModel):
    name: str
    people: int


@pytest.mark.parametrize("model", MODELS)
def test_a_round_trip_with_parallel_tools(client: Anthropic, world: World, model: str, question: str) -> None:
    """Two calls at once; their results, one of them an error, go back in Anthropic's form and reach the provider in its own."""
    messages = user(f"{question} call weather and call time")
    first = client.messages.create(model=model, max_tokens=500, messages=messages, tools=TOOLS)
    calls = [block for block in first.content if block.type == "tool_use"]
    assert [call.name for call in calls] == ["weather", "time"]
    assert calls[0].input.keys() == {"city", "days"}
    assert first.stop_reason == "tool_use"
    messages.append({"role": "assistant", "content": first.content})
    messages.append(
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": calls[0].id, "content": "sun"},
                {
                    "type": "tool_result",
                    "tool_use_id": calls[1].id,
                    "content": [{"type": "text", "text": "late"}],
                    "is_error": True,
                },
            ],
        }
    )
    raw = client.messages.with_raw_response.create(model=model, max_tokens=500, messages=messages, tools=TOOLS)
    assert raw.parse().content[0].text == "The tool said: sun; late"
    sent = world.body_at_provider(question)["messages"]
    if model == "gpt":
        assert [call["id"] for call in sent[1]["tool_calls"]] == [call.id for call in calls]
        assert [(m["role"], m["tool_call_id"], m["content"]) for m in sent[2:]] == [
            ("tool", calls[0].id, "sun"),
            ("tool", calls[1].id, "late"),
        ]
        assert raw.headers["x-gateway-dropped"] == "messages[2].content[1].is_error"


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(
    ("choice", "called"),
    [
        ({"type": "any"}, ["weather"]),
        ({"type": "none"}, []),
        ({"type": "auto"}, []),
        ({"type": "tool", "name": "time"}, ["time"]),
    ],
    ids=lambda value: value["type"] if isinstance(value, dict) else "",
)
def test_tool_choice(client: Anthropic, model: str, choice: dict[str, str], called: list[str], question: str) -> None:
    """auto, none, any and a named tool mean the same at both providers."""
    message = client.messages.create(model=model, max_tokens=500, messages=user(question), tools=TOOLS, tool_choice=choice)
    assert [block.name for block in message.content if block.type == "tool_use"] == called


@pytest.mark.parametrize("model", MODELS)
def test_parallel_tool_use_can_be_forbidden(client: Anthropic, model: str, question: str) -> None:
    """disable_parallel_tool_use is carried to OpenAI as parallel_tool_calls: false."""
    message = client.messages.create(
        model=model,
        max_tokens=500,
        messages=user(f"{question} call weather call time"),
        tools=TOOLS,
        tool_choice={"type": "auto", "disable_parallel_tool_use": True},
    )
    assert [block.type for block in message.content] == ["tool_use"]


@pytest.mark.parametrize("model", MODELS)
def test_streamed_parallel_tools(client: Anthropic, model: str, question: str) -> None:
    """One block after another, each with its own index; the accumulated inputs are whole."""
    ask = {"model": model, "max_tokens": 500, "messages": user(f"{question} call weather call time"), "tools": TOOLS}
    with client.messages.stream(**ask) as stream:
        events = list(stream)
        final = stream.get_final_message()
    assert [(block.name, set(block.input)) for block in final.content] == [("weather", {"city", "days"}), ("time", {"zone"})]
    order = [(e.type, e.index) for e in events if e.type in ("content_block_start", "content_block_stop")]
    assert order == [
        ("content_block_start", 0),
        ("content_block_stop", 0),
        ("content_block_start", 1),
        ("content_block_stop", 1),
    ]
    assert final.stop_reason == "tool_use"


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(
    "source",
    [{"type": "base64", "media_type": "image/png", "data": PNG}, {"type": "url", "url": "https://images.example/cat.png"}],
    ids=["base64", "url"],
)
def test_images(client: Anthropic, world: World, model: str, source: dict[str, str], question: str) -> None:
    """Both sources reach the provider, as image_url where it speaks OpenAI's dialect."""
    content = [{"type": "image", "source": source}, {"type": "text", "text": question}]
    message = client.messages.create(model=model, max_tokens=100, messages=user(content))
    assert "I see 1 image." in message.content[0].text
    part = world.body_at_provider(question)["messages"][0]["content"][0]
    if model == "claude":
        assert part == content[0]
    else:
        url = source.get("url") or f"data:image/png;base64,{PNG}"
        assert part == {"type": "image_url", "image_url": {"url": url}}


@pytest.mark.parametrize("model", MODELS)
def test_a_pdf(client: Anthropic, world: World, model: str, question: str) -> None:
    """A document block becomes a file part at OpenAI."""
    document = {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": PDF}, "title": "a.pdf"}
    message = client.messages.create(model=model, max_tokens=100, messages=user([document, {"type": "text", "text": question}]))
    assert "I see 1 file." in message.content[0].text
    if model == "gpt":
        part = world.body_at_provider(question)["messages"][0]["content"][0]
        assert part == {"type": "file", "file": {"file_data": f"data:application/pdf;base64,{PDF}", "filename": "a.pdf"}}


@pytest.mark.parametrize("model", MODELS)
def test_structured_output(client: Anthropic, world: World, model: str, question: str) -> None:
    """.parse gives an object of the caller's own class; OpenAI is asked for the same schema as response_format."""
    message = client.messages.parse(model=model, max_tokens=500, messages=user(question), output_format=City)
    assert isinstance(message.parsed_output, City)
    if model == "gpt":
        wanted = world.body_at_provider(question)["response_format"]
        assert wanted["type"] == "json_schema"
        assert wanted["json_schema"]["schema"]["required"] == ["name", "people"]
    with client.messages.stream(model=model, max_tokens=500, messages=user(question), output_format=City) as stream:
        assert isinstance(stream.get_final_message().parsed_output, City)


def test_thinking(client: Anthropic, question: str) -> None:
    """Thinking passes through with its signature and a redacted block, whole and streamed alike."""
    ask = {"model": "claude", "max_tokens": 4000, "messages": user(f"{question} [redacted]"), "thinking": THINKING}
    whole = client.messages.create(**ask)  # type: ignore[call-overload]
    assert [block.type for block in whole.content] == ["thinking", "redacted_thinking", "text"]
    with client.messages.stream(**ask) as stream:
        final = stream.get_final_message()
    assert final.content[0].signature == whole.content[0].signature
    assert [block.to_dict() for block in final.content[:2]] == [block.to_dict() for block in whole.content[:2]]


def test_thinking_survives_the_round_trip(client: Anthropic, world: World, question: str) -> None:
    """Signed blocks go back to the provider exactly as they came."""
    ask = {"model": "claude", "max_tokens": 4000, "thinking": THINKING, "tools": TOOLS}
    messages = user(f"{question} call weather")
    with client.messages.stream(messages=messages, **ask) as stream:  # type: ignore[arg-type]
        first = stream.get_final_message()
    call = first.content[-1]
    messages.append({"role": "assistant", "content": first.content})
    messages.append({"role": "user", "content": [{"type": "tool_result", "tool_use_id": call.id, "content": "sun"}]})
    second = client.messages.create(messages=messages, **ask)  # type: ignore[call-overload]
    assert "The tool said: sun" in second.content[-1].text
    sent = world.body_at_provider(question)["messages"][1]["content"][0]
    assert (sent["type"], sent["signature"]) == ("thinking", first.content[0].signature)


def test_thinking_at_an_openai_provider(client: Anthropic, world: World, question: str) -> None:
    """A budget becomes the nearest effort, named as approximated; reasoning text comes back as a thinking block, also streamed."""
    ask = {"model": "gpt", "max_tokens": 4000, "messages": user(question), "thinking": THINKING}
    raw = client.messages.with_raw_response.create(**ask)  # type: ignore[arg-type]
    assert raw.headers["x-gateway-dropped"] == "thinking.budget_tokens"
    assert world.body_at_provider(question)["reasoning_effort"] == "low"
    whole = raw.parse()
    assert [block.type for block in whole.content] == ["thinking", "text"]
    with client.messages.stream(**ask) as stream:
        final = stream.get_final_message()
    assert final.content[0].thinking == whole.content[0].thinking
    assert final.content[1].text == whole.content[1].text
    # And back again: a conversation with unsigned thinking is still accepted.
    messages = [*user(question), {"role": "assistant", "content": final.content}, *user("And now?")]
    assert client.messages.create(model="gpt", max_tokens=100, messages=messages).content[0].text


def test_the_schema_reaches_the_provider_in_the_callers_own_order(client: Anthropic, world: World, question: str) -> None:
    """A tool's schema is passed on byte for byte: property order matters to models."""
    schema = {"type": "object", "properties": {"z": {"type": "string"}, "a": {"type": "string"}}, "required": ["z", "a"]}
    tool = {"name": "t", "description": "d", "input_schema": schema}
    for model in MODELS:
        client.messages.create(model=model, max_tokens=10, messages=user(question), tools=[tool])
        body = world.seen_by_provider(question)[-1].body
        assert b'"z"' in body
        assert body.index(b'"z"') < body.index(b'"a"')
        assert msgspec.json.decode(body)["tools"]
