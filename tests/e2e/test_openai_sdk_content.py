"""The official OpenAI SDK, unmodified: tools, media, structured output and reasoning."""

from __future__ import annotations

import msgspec
import openai
import pytest
from openai import OpenAI
from pydantic import BaseModel

from e2e.with_openai import MODELS, TOOLS, openai_client, user
from e2e.world import PDF, PNG, STRICT_KEY, World

client = openai_client


class City(BaseModel):
    name: str
    people: int


@pytest.mark.parametrize("model", MODELS)
def test_a_round_trip_with_parallel_tools(client: OpenAI, world: World, model: str, question: str) -> None:
    """Two calls at once; their results go back in OpenAI's form and reach the provider in its own."""
    messages = user(f"{question} call weather and call time")
    first = client.chat.completions.create(
        model=model, messages=messages, tools=TOOLS, tool_choice="auto", parallel_tool_calls=True
    )
    calls = first.choices[0].message.tool_calls or []
    assert [call.function.name for call in calls] == ["weather", "time"]
    assert first.choices[0].finish_reason == "tool_calls"
    messages.append(first.choices[0].message.to_dict())
    messages += [{"role": "tool", "tool_call_id": call.id, "content": f"result {n}"} for n, call in enumerate(calls)]
    second = client.chat.completions.create(model=model, messages=messages, tools=TOOLS)
    assert second.choices[0].message.content == "The tool said: result 0; result 1"
    sent = world.body_at_provider(question)["messages"]
    ids = {call.id for call in calls}
    if model == "claude":
        assert {block["tool_use_id"] for block in sent[-1]["content"]} == ids
    else:
        assert {message["tool_call_id"] for message in sent[-2:]} == ids


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(
    ("choice", "called"),
    [("required", ["weather"]), ("none", []), ("auto", []), ({"type": "function", "function": {"name": "time"}}, ["time"])],
)
def test_tool_choice(client: OpenAI, model: str, choice: object, called: list[str], question: str) -> None:
    """auto, none, required and a named tool mean the same at both providers."""
    reply = client.chat.completions.create(model=model, messages=user(question), tools=TOOLS, tool_choice=choice)  # type: ignore[call-overload]
    assert [call.function.name for call in reply.choices[0].message.tool_calls or []] == called


@pytest.mark.parametrize("model", MODELS)
def test_parallel_tool_calls_can_be_forbidden(client: OpenAI, model: str, question: str) -> None:
    """parallel_tool_calls: false is carried to Anthropic as disable_parallel_tool_use."""
    reply = client.chat.completions.create(
        model=model, messages=user(f"{question} call weather call time"), tools=TOOLS, parallel_tool_calls=False
    )
    assert len(reply.choices[0].message.tool_calls or []) == 1


@pytest.mark.parametrize("model", MODELS)
def test_streamed_parallel_tools(client: OpenAI, model: str, question: str) -> None:
    """Tool calls come with consecutive indexes, each with one id and name, and arguments that join to JSON."""
    calls: dict[int, list[str]] = {}
    with client.chat.completions.create(
        model=model, messages=user(f"{question} call weather call time"), tools=TOOLS, stream=True
    ) as stream:
        for chunk in stream:
            for delta in chunk.choices[0].delta.tool_calls or []:
                if delta.id:
                    assert delta.index == len(calls)
                    calls[delta.index] = [delta.function.name, ""]  # type: ignore[union-attr,list-item]
                calls[delta.index][1] += delta.function.arguments or ""  # type: ignore[union-attr]
    assert [name for name, _ in calls.values()] == ["weather", "time"]
    for _, arguments in calls.values():
        assert isinstance(msgspec.json.decode(arguments), dict)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("url", [f"data:image/png;base64,{PNG}", "https://images.example/cat.png"], ids=["data", "url"])
def test_images(client: OpenAI, world: World, model: str, url: str, question: str) -> None:
    """A data URI and a URL each reach the provider as its own kind of image."""
    content = [{"type": "text", "text": question}, {"type": "image_url", "image_url": {"url": url}}]
    reply = client.chat.completions.create(model=model, messages=[{"role": "user", "content": content}])  # type: ignore[list-item,misc]
    assert "I see 1 image." in (reply.choices[0].message.content or "")
    part = world.body_at_provider(question)["messages"][0]["content"][1]
    if model == "gpt":
        assert part == content[1]
    elif url.startswith("data:"):
        assert part["source"] == {"type": "base64", "media_type": "image/png", "data": PNG}
    else:
        assert part["source"] == {"type": "url", "url": url}


@pytest.mark.parametrize("model", MODELS)
def test_a_pdf(client: OpenAI, world: World, model: str, question: str) -> None:
    """A file part becomes a document block at Anthropic."""
    file = {"filename": "a.pdf", "file_data": f"data:application/pdf;base64,{PDF}"}
    content = [{"type": "text", "text": question}, {"type": "file", "file": file}]
    reply = client.chat.completions.create(model=model, messages=[{"role": "user", "content": content}])  # type: ignore[list-item,misc]
    assert "I see 1 file." in (reply.choices[0].message.content or "")
    part = world.body_at_provider(question)["messages"][0]["content"][1]
    if model == "claude":
        assert part["type"] == "document"
        assert part["source"] == {"type": "base64", "media_type": "application/pdf", "data": PDF}


@pytest.mark.parametrize("model", MODELS)
def test_structured_output(client: OpenAI, model: str, question: str) -> None:
    """.parse gives an object of the caller's own class, whole and streamed."""
    reply = client.chat.completions.parse(model=model, messages=user(question), response_format=City)
    assert isinstance(reply.choices[0].message.parsed, City)
    with client.chat.completions.stream(model=model, messages=user(question), response_format=City) as stream:
        for _ in stream:
            pass
        final = stream.get_final_completion()
    assert isinstance(final.choices[0].message.parsed, City)


def test_json_mode_is_named_as_dropped_where_it_does_not_exist(client: OpenAI, question: str) -> None:
    """Anthropic has no free JSON mode: the answer says so in a header instead of pretending."""
    raw = client.chat.completions.with_raw_response.create(
        model="claude", messages=user(question), response_format={"type": "json_object"}
    )
    assert raw.headers["x-gateway-dropped"] == "response_format"
    same = client.chat.completions.with_raw_response.create(
        model="gpt", messages=user(question), response_format={"type": "json_object"}
    )
    assert "x-gateway-dropped" not in same.headers
    assert msgspec.json.decode(same.parse().choices[0].message.content or "")["model"] == "gpt-sim"


def test_strict_translation_refuses_what_it_would_drop(world: World, question: str) -> None:
    """With on_loss: refuse, a parameter that Anthropic does not have is a 400 that names it; nothing is sent."""
    with OpenAI(base_url=f"{world.url}/v1", api_key=STRICT_KEY, max_retries=0) as client:
        with pytest.raises(openai.BadRequestError) as caught:
            client.chat.completions.create(model="claude", messages=user(question), seed=7)
        assert caught.value.code == "unsupported_feature"
        assert caught.value.param == "seed"
        lenient = client.chat.completions.with_raw_response.create(
            model="claude", messages=user(question), seed=7, extra_headers={"X-Gateway-Strict": "false"}
        )
    assert lenient.headers["x-gateway-dropped"] == "seed"
    assert len(world.seen_by_provider(question)) == 1


def test_what_a_new_model_refuses_is_left_out_by_name(client: OpenAI, world: World, question: str) -> None:
    """Anthropic's newer models answer 400 to sampling parameters: they are dropped, and the header says so."""
    raw = client.chat.completions.with_raw_response.create(model="claude-new", messages=user(question), temperature=0.5)
    assert raw.headers["x-gateway-dropped"] == "temperature"
    assert "temperature" not in world.body_at_provider(question)


@pytest.mark.parametrize("model", ["claude", "claude-new", "qwen"])
def test_reasoning(client: OpenAI, model: str, question: str) -> None:
    """reasoning_effort turns thinking on; the text comes as reasoning_content, whole and streamed."""
    ask = {"model": model, "messages": user(question), "reasoning_effort": "low", "max_tokens": 4000}
    whole = client.chat.completions.create(**ask)  # type: ignore[call-overload]
    thought = whole.choices[0].message.reasoning_content
    assert "A plain answer will do." in thought
    with client.chat.completions.create(**ask, stream=True) as stream:  # type: ignore[call-overload]
        streamed = "".join(getattr(chunk.choices[0].delta, "reasoning_content", None) or "" for chunk in stream)
    assert streamed == thought


def test_signed_thinking_survives_the_round_trip(client: OpenAI, world: World, question: str) -> None:
    """The message of a thinking model that called a tool, sent back as the SDK holds it, has its signature at Anthropic again."""
    ask = {"model": "claude", "tools": TOOLS, "reasoning_effort": "low", "max_tokens": 4000}
    messages = user(f"{question} call weather [redacted]")
    first = client.chat.completions.create(messages=messages, **ask)  # type: ignore[call-overload]
    message = first.choices[0].message
    signatures = [entry.get("signature") for entry in message.reasoning_details]
    assert signatures[0]
    messages += [message.to_dict(), {"role": "tool", "tool_call_id": message.tool_calls[0].id, "content": "sun"}]
    second = client.chat.completions.create(messages=messages, **ask)  # type: ignore[call-overload]
    assert "The tool said: sun" in second.choices[0].message.content
    blocks = world.body_at_provider(question)["messages"][1]["content"]
    assert [block["type"] for block in blocks] == ["thinking", "redacted_thinking", "tool_use"]
    assert blocks[0]["signature"] == signatures[0]


def test_signed_thinking_survives_the_streamed_round_trip(client: OpenAI, world: World, question: str) -> None:
    """The SDK's stream accumulator joins reasoning_details by index: the signature and the redacted block are whole."""
    ask = {"model": "claude", "tools": TOOLS, "reasoning_effort": "low", "max_tokens": 4000}
    messages = user(f"{question} call weather [redacted]")
    with client.chat.completions.stream(messages=messages, **ask) as stream:  # type: ignore[arg-type]
        for _ in stream:
            pass
        message = stream.get_final_completion().choices[0].message
    messages += [message.to_dict(), {"role": "tool", "tool_call_id": message.tool_calls[0].id, "content": "sun"}]  # type: ignore[index]
    client.chat.completions.create(messages=messages, **ask)  # type: ignore[call-overload]
    blocks = world.body_at_provider(question)["messages"][1]["content"]
    assert [block["type"] for block in blocks] == ["thinking", "redacted_thinking", "tool_use"]
    whole = client.chat.completions.create(messages=messages[:1], **ask)  # type: ignore[call-overload]
    assert blocks[0]["signature"] == whole.choices[0].message.reasoning_details[0]["signature"]
