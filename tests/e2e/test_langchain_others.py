"""LangChain, unmodified, by OpenAI's Responses API and by Ollama's: each with two providers that speak neither, or another dialect too."""

from __future__ import annotations

import gc
import warnings
from collections.abc import Iterator
from typing import Any

import ollama
import openai
import pytest
from langchain_core.messages import HumanMessage, ToolMessage

from e2e.with_langchain import City, forget_cached_clients, weather
from e2e.world import PNG, World

pytestmark = pytest.mark.usefixtures("tidy_before_langchain")

MODELS = ("gpt", "claude")
both = pytest.mark.parametrize(
    ("made_by", "model"),
    [
        ("responses", "claude"),
        ("ollama", "gpt"),
        pytest.param("responses", "gpt", marks=pytest.mark.long),
        pytest.param("ollama", "claude", marks=pytest.mark.long),
    ],
)


def clock(zone: str) -> str:
    """The time in a zone."""
    return f"noon in {zone}"


@pytest.fixture
def chat(world: World) -> Iterator[Any]:
    """Makes a chat model; its clients are closed at the end."""
    made: list[Any] = []

    def make(made_by: str, model: str, **options: Any) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # theirs, while it is imported
            if made_by == "responses":
                from langchain_openai import ChatOpenAI

                more = {"use_responses_api": True, "max_retries": 0, "timeout": 60.5 + len(made), **options}
                made.append(ChatOpenAI(model=model, base_url=f"{world.url}/v1", api_key=world.key, **more))
            else:
                from langchain_ollama import ChatOllama

                head = {"headers": {"Authorization": f"Bearer {world.key}"}}
                made.append(ChatOllama(model=model, base_url=world.url, client_kwargs=head, **options))
        return made[-1]

    yield make

    import langchain_openai.chat_models._client_utils as of_openai

    for model in made:
        if hasattr(model, "root_client"):
            model.root_client.close()
        else:
            model._client._client.close()
    forget_cached_clients(of_openai)
    made.clear()
    gc.collect()


@both
def test_whole_and_streamed(chat: Any, made_by: str, model: str, question: str) -> None:
    """The chunks add up to the whole answer, with the same usage."""
    made = chat(made_by, model)
    whole = made.invoke([("system", "Be kind."), ("human", question)])
    assert question in whole.text
    usage = whole.usage_metadata
    assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"] > 0
    chunks = list(made.stream([("system", "Be kind."), ("human", question)]))
    total = chunks[0]
    for chunk in chunks[1:]:
        total += chunk
    assert len(chunks) > 3
    assert total.text == whole.text
    assert total.usage_metadata["output_tokens"] == usage["output_tokens"]


@both
def test_several_turns(chat: Any, made_by: str, model: str, question: str, world: World) -> None:
    """An answer goes back as LangChain kept it."""
    made = chat(made_by, model)
    first = made.invoke(question)
    again = made.invoke([("human", question), first, ("human", "And now?")])
    assert "And now?" in again.text
    assert len(world.seen_by_provider(question)) == 2


@both
@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
def test_two_tools_and_their_results(chat: Any, made_by: str, model: str, question: str, streamed: bool) -> None:
    """Called side by side, also where their arguments come in pieces, and answered with both results."""
    bound = chat(made_by, model).bind_tools([weather, clock])
    messages: list[Any] = [HumanMessage(f"{question} call weather and call clock")]
    if streamed:
        chunks = list(bound.stream(messages))
        reply = chunks[0]
        for chunk in chunks[1:]:
            reply += chunk
    else:
        reply = bound.invoke(messages)
    assert [call["name"] for call in reply.tool_calls] == ["weather", "clock"]
    tools = {"weather": weather, "clock": clock}
    messages.append(reply)
    messages += [ToolMessage(tools[call["name"]](**call["args"]), tool_call_id=call["id"]) for call in reply.tool_calls]
    said = bound.invoke(messages).text
    assert "sun in" in said
    assert "noon in" in said


@both
@pytest.mark.parametrize("method", ["function_calling", "json_schema"])
def test_structured_output(chat: Any, made_by: str, model: str, method: str, question: str) -> None:
    """An object of the caller's class by either method."""
    asked = f"{question} call City" if made_by == "ollama" else question  # its API cannot force a call
    made = chat(made_by, model).with_structured_output(City, method=method).invoke(asked)
    assert isinstance(made, City)


@both
def test_an_image(chat: Any, made_by: str, model: str, question: str) -> None:
    """LangChain's own content blocks arrive as an image at the provider."""
    image = {"type": "image", "base64": PNG, "mime_type": "image/png"}
    reply = chat(made_by, model).invoke([HumanMessage([{"type": "text", "text": question}, image])])
    assert "I see 1 image." in reply.text


@pytest.mark.parametrize("model", MODELS)
def test_reasoning_that_goes_back(chat: Any, model: str, question: str, world: World) -> None:
    """Reasoning items come, and the conversation goes on with them."""
    made = chat("responses", model, reasoning={"effort": "high", "summary": "auto"}, include=["reasoning.encrypted_content"])
    first = made.invoke(question)
    assert "reasoning" in [block["type"] for block in first.content]
    second = made.invoke([("human", question), first, ("human", "And now?")])
    assert "And now?" in second.text
    assert len(world.seen_by_provider(question)) == 2


@pytest.mark.parametrize("model", MODELS)
def test_what_the_gateway_keeps(chat: Any, model: str, question: str, world: World) -> None:
    """LangChain goes on from the last response's id instead of sending everything again."""
    made = chat("responses", model, use_previous_response_id=True)
    first = made.invoke(question)
    second = made.invoke([("human", question), first, ("human", "And now?")])
    assert "And now?" in second.text
    assert b"And now?" in world.seen_by_provider(question)[-1].body


def test_thinking_of_ollama(chat: Any, question: str) -> None:
    """reasoning=True shows the thinking apart from the text."""
    reply = chat("ollama", "claude", reasoning=True).invoke(question)
    assert reply.additional_kwargs["reasoning_content"]
    assert question in reply.text


@pytest.mark.parametrize("model", MODELS)
def test_errors(chat: Any, model: str) -> None:
    """The SDKs' typed exceptions, and no half answer that looks whole."""
    with pytest.raises(openai.RateLimitError) as caught:
        chat("responses", f"{model}-429").invoke("Hi")
    assert 0 < int(caught.value.response.headers["retry-after"]) <= 7  # less, if another test asked a moment ago
    with pytest.raises(openai.NotFoundError):
        chat("responses", "nobody").invoke("Hi")
    with pytest.raises(openai.InternalServerError):
        chat("responses", f"{model}-503").invoke("Hi")
    with pytest.raises(openai.APIError):
        list(chat("responses", f"{model}-cut").stream("Hi [tokens=40]"))
    for name, status in (("429", 429), ("503", 503)):
        with pytest.raises(ollama.ResponseError) as raised:
            chat("ollama", f"{model}-{name}").invoke("Hi")
        assert raised.value.status_code == status
    with pytest.raises(ollama.ResponseError):
        list(chat("ollama", f"{model}-cut").stream("Hi [tokens=40]"))


def test_embeddings(world: World) -> None:
    """OllamaEmbeddings."""
    from langchain_ollama import OllamaEmbeddings

    made = OllamaEmbeddings(
        model="embed", base_url=world.url, client_kwargs={"headers": {"Authorization": f"Bearer {world.key}"}}
    )
    one, two = made.embed_documents(["one", "two"])
    assert len(one) == len(two) > 8
    assert made.embed_query("one") == pytest.approx(one)
    made._client._client.close()
