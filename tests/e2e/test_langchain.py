"""LangChain, unmodified: ChatOpenAI and ChatAnthropic, each in its own dialect at the provider and in the other one."""

from __future__ import annotations

import gc
import warnings
from collections.abc import Iterator
from typing import Any

import anthropic
import openai
import pytest

from e2e.with_langchain import City, forget_cached_clients, weather
from e2e.world import PNG, World

pytestmark = pytest.mark.usefixtures("tidy_before_langchain")

MODELS = ("gpt", "claude")
CLASSES = ("ChatOpenAI", "ChatAnthropic")
both = pytest.mark.parametrize(("made_by", "model"), [(made_by, model) for made_by in CLASSES for model in MODELS])


@pytest.fixture
def chat(world: World) -> Iterator[Any]:
    """Makes a chat model. Its clients are closed at the end, or their sockets would be reported as leaked."""
    made: list[Any] = []

    def make(made_by: str, model: str, **options: Any) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # theirs, while it is imported
            if made_by == "ChatOpenAI":
                from langchain_openai import ChatOpenAI

                options = {"max_retries": 0, "timeout": 30.5 + len(made), **options}
                made.append(ChatOpenAI(model=model, base_url=f"{world.url}/v1", api_key=world.key, **options))
            else:
                from langchain_anthropic import ChatAnthropic

                options = {"max_retries": 0, "max_tokens": 500, "timeout": 30.5 + len(made), **options}
                made.append(ChatAnthropic(model=model, base_url=world.url, api_key=world.key, **options))
        return made[-1]

    yield make

    import langchain_anthropic._client_utils as of_anthropic
    import langchain_openai.chat_models._client_utils as of_openai

    for model in made:
        for client in (getattr(model, "root_client", None), model.__dict__.get("_client")):
            if client is not None:
                client.close()
    forget_cached_clients(of_anthropic, of_openai)
    made.clear()
    gc.collect()


@both
def test_invoke(chat: Any, made_by: str, model: str, question: str) -> None:
    """A whole answer with its usage."""
    reply = chat(made_by, model).invoke([("system", "Be kind."), ("human", question)])
    assert question in reply.text
    assert reply.usage_metadata["input_tokens"] > 0
    assert reply.usage_metadata["total_tokens"] == reply.usage_metadata["input_tokens"] + reply.usage_metadata["output_tokens"]


@both
def test_stream(chat: Any, made_by: str, model: str, question: str) -> None:
    """The chunks add up to the whole answer, usage included."""
    whole = chat(made_by, model).invoke(question)
    chunks = list(chat(made_by, model, stream_usage=True).stream(question))
    total = chunks[0]
    for chunk in chunks[1:]:
        total += chunk
    assert len(chunks) > 3
    assert total.text == whole.text
    assert total.usage_metadata["output_tokens"] == whole.usage_metadata["output_tokens"]


@both
def test_tools_and_their_results(chat: Any, made_by: str, model: str, question: str) -> None:
    """Bound tools are called, and an answer is given to their results."""
    from langchain_core.messages import HumanMessage, ToolMessage

    bound = chat(made_by, model).bind_tools([weather])
    messages: list[Any] = [HumanMessage(f"{question} call weather")]
    reply = bound.invoke(messages)
    (call,) = reply.tool_calls
    assert (call["name"], call["args"].keys()) == ("weather", {"city", "days"})
    messages += [reply, ToolMessage(weather(**call["args"]), tool_call_id=call["id"])]
    assert "The tool said: sun in" in bound.invoke(messages).text


@both
def test_a_forced_tool(chat: Any, made_by: str, model: str, question: str) -> None:
    """tool_choice by name."""
    reply = chat(made_by, model).bind_tools([weather], tool_choice="weather").invoke(question)
    assert [call["name"] for call in reply.tool_calls] == ["weather"]


@both
@pytest.mark.parametrize("method", ["function_calling", "json_schema"])
def test_structured_output(chat: Any, made_by: str, model: str, method: str, question: str) -> None:
    """with_structured_output by either method gives an object of the caller's class."""
    made = chat(made_by, model).with_structured_output(City, method=method).invoke(question)
    assert isinstance(made, City)


@both
def test_an_image(chat: Any, made_by: str, model: str, question: str) -> None:
    """LangChain's own content blocks arrive as an image at the provider."""
    from langchain_core.messages import HumanMessage

    image = {"type": "image", "base64": PNG, "mime_type": "image/png"}
    reply = chat(made_by, model).invoke([HumanMessage([{"type": "text", "text": question}, image])])
    assert "I see 1 image." in reply.text


def test_thinking(chat: Any, world: World, question: str) -> None:
    """ChatAnthropic's thinking comes with its signature, which goes back with the next turn."""
    model = chat("ChatAnthropic", "claude", max_tokens=4000, thinking={"type": "enabled", "budget_tokens": 2000})
    first = model.invoke(question)
    thinking = first.content[0]
    assert thinking["type"] == "thinking"
    model.invoke([("human", question), first, ("human", "And now?")])
    sent = world.body_at_provider(question)["messages"][1]["content"][0]
    assert sent["signature"] == thinking["signature"]


@pytest.mark.parametrize("model", MODELS)
def test_errors(chat: Any, model: str) -> None:
    """The SDKs' typed exceptions come through."""
    with pytest.raises(openai.RateLimitError):
        chat("ChatOpenAI", f"{model}-429").invoke("Hi")
    with pytest.raises(anthropic.RateLimitError):
        chat("ChatAnthropic", f"{model}-429").invoke("Hi")
    with pytest.raises(openai.APIError):
        list(chat("ChatOpenAI", f"{model}-cut").stream("Hi [tokens=40]"))
    with pytest.raises(anthropic.APIStatusError):
        list(chat("ChatAnthropic", f"{model}-cut").stream("Hi [tokens=40]"))


def test_embeddings(world: World, question: str) -> None:
    """OpenAIEmbeddings, which sends texts when told not to count tokens itself (it would fetch a tokenizer)."""
    from langchain_openai import OpenAIEmbeddings

    made = OpenAIEmbeddings(
        model="embed", base_url=f"{world.url}/v1", api_key=world.key, dimensions=8, check_embedding_ctx_length=False
    )
    try:
        one, two = made.embed_documents([question, "another"])
        assert len(one) == len(two) == 8
        assert made.embed_query(question) == pytest.approx(one)
    finally:
        made.client._client.close()


@pytest.mark.anyio
@pytest.mark.parametrize("made_by", CLASSES)
async def test_async(chat: Any, made_by: str, question: str) -> None:
    """ainvoke and astream."""
    model = chat(made_by, "gpt" if made_by == "ChatAnthropic" else "claude")
    reply = await model.ainvoke(question)
    streamed = "".join([chunk.text async for chunk in model.astream(question)])
    assert streamed == reply.text
    client = getattr(model, "root_async_client", None) or model.__dict__["_async_client"]
    await client.close()
