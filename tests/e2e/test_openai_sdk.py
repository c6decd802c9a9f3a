"""The official OpenAI SDK, unmodified: its own dialect at the provider (gpt), and Anthropic's (claude)."""

from __future__ import annotations

import msgspec
import openai
import pytest
from openai import AsyncOpenAI, OpenAI

from e2e.with_openai import MODELS, TOOLS, openai_client, user
from e2e.world import CLAUDE, NATIVE, World

client = openai_client


@pytest.mark.parametrize("model", MODELS)
def test_a_whole_answer(client: OpenAI, world: World, model: str, question: str) -> None:
    """Text, finish reason, usage and the object's fixed members arrive typed; the provider got its own key, not the caller's."""
    reply = client.chat.completions.create(
        model=model, messages=[{"role": "system", "content": "Be kind."}, *user(question)], temperature=0.5, max_tokens=100
    )
    assert reply.object == "chat.completion"
    assert question in (reply.choices[0].message.content or "")
    assert reply.choices[0].finish_reason == "stop"
    assert reply.choices[0].message.role == "assistant"
    assert reply.usage is not None
    assert reply.usage.total_tokens == reply.usage.prompt_tokens + reply.usage.completion_tokens > 0
    (seen,) = world.seen_by_provider(question)
    assert world.key not in str(seen.headers)
    sent = world.body_at_provider(question)
    assert sent["model"] == NATIVE[model]
    assert sent["temperature"] == 0.5


@pytest.mark.parametrize("model", MODELS)
def test_a_streamed_answer_equals_the_whole_one(client: OpenAI, model: str, question: str) -> None:
    """The deltas join to the same text; one role, one finish reason, one id, usage last and only because it was asked for."""
    whole = client.chat.completions.create(model=model, messages=user(question))
    with client.chat.completions.create(
        model=model, messages=user(question), stream=True, stream_options={"include_usage": True}
    ) as stream:
        chunks = list(stream)
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == whole.choices[0].message.content
    assert [c.choices[0].finish_reason for c in chunks if c.choices and c.choices[0].finish_reason] == ["stop"]
    assert [c.choices[0].delta.role for c in chunks if c.choices and c.choices[0].delta.role] == ["assistant"]
    assert len({chunk.id for chunk in chunks}) == 1
    assert len({chunk.created for chunk in chunks}) == 1
    assert chunks[-1].choices == []
    assert chunks[-1].usage == whole.usage or chunks[-1].usage.total_tokens == whole.usage.total_tokens  # type: ignore[union-attr]
    assert not any(chunk.usage for chunk in chunks[:-1])


@pytest.mark.parametrize("model", MODELS)
def test_usage_is_not_shown_in_a_stream_unless_asked_for(client: OpenAI, world: World, model: str, question: str) -> None:
    """Without stream_options no chunk has usage and none has an empty list of choices, though the provider was asked for it."""
    with client.chat.completions.create(model=model, messages=user(question), stream=True) as stream:
        chunks = list(stream)
    assert not any(chunk.usage for chunk in chunks)
    assert all(chunk.choices for chunk in chunks)
    if model == "gpt":
        assert world.body_at_provider(question)["stream_options"] == {"include_usage": True}


@pytest.mark.parametrize("model", MODELS)
def test_the_stream_helper_accumulates(client: OpenAI, model: str, question: str) -> None:
    """The SDK's own accumulator, which is strict about indexes and ids, ends with the final completion."""
    with client.chat.completions.stream(model=model, messages=user(f"{question} call weather"), tools=TOOLS) as stream:
        kinds = [event.type for event in stream]
        final = stream.get_final_completion()
    (call,) = final.choices[0].message.tool_calls or []
    assert call.function.name == "weather"
    assert msgspec.json.decode(call.function.arguments).keys() == {"city", "days"}
    assert "tool_calls.function.arguments.done" in kinds
    assert final.choices[0].finish_reason == "tool_calls"


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("stop", ["model", ["zebra", "model"]])
def test_stop_sequences(client: OpenAI, model: str, stop: str | list[str], question: str) -> None:
    """The answer ends before the sequence, with finish_reason stop."""
    reply = client.chat.completions.create(model=model, messages=user(question), stop=stop)
    assert reply.choices[0].message.content == "I am a simulated "
    assert reply.choices[0].finish_reason == "stop"


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("field", ["max_tokens", "max_completion_tokens"])
def test_a_length_limit(client: OpenAI, model: str, field: str, question: str) -> None:
    """Either spelling of the limit ends the answer with finish_reason length."""
    reply = client.chat.completions.create(model=model, messages=user(question), **{field: 3})  # type: ignore[call-overload]
    assert reply.choices[0].finish_reason == "length"
    assert reply.usage.completion_tokens == 3


def test_several_choices(client: OpenAI, question: str) -> None:
    """n = 3 gives three different answers, also streamed, each with its own index and finish reason."""
    whole = client.chat.completions.create(model="gpt", messages=user(question), n=3)
    texts = [choice.message.content for choice in whole.choices]
    assert len(set(texts)) == 3
    streamed = ["", "", ""]
    finished = []
    with client.chat.completions.create(model="gpt", messages=user(question), n=3, stream=True) as stream:
        for chunk in stream:
            for choice in chunk.choices:
                streamed[choice.index] += choice.delta.content or ""
                if choice.finish_reason:
                    finished.append(choice.index)
    assert streamed == texts
    assert sorted(finished) == [0, 1, 2]


def test_several_choices_are_named_as_dropped_where_there_is_one_only(client: OpenAI, question: str) -> None:
    """Anthropic answers once: n is named as dropped."""
    raw = client.chat.completions.with_raw_response.create(model="claude", messages=user(question), n=2)
    assert raw.headers["x-gateway-dropped"] == "n"
    assert len(raw.parse().choices) == 1


def test_logprobs(client: OpenAI, question: str) -> None:
    """Logprobs pass through, whole and streamed, token by token."""
    ask = {"model": "gpt", "messages": user(question), "logprobs": True, "top_logprobs": 2}
    whole = client.chat.completions.create(**ask)  # type: ignore[call-overload]
    tokens = whole.choices[0].logprobs.content
    assert "".join(token.token for token in tokens) == whole.choices[0].message.content
    assert all(len(token.top_logprobs) == 2 for token in tokens)
    streamed = []
    with client.chat.completions.create(**ask, stream=True) as stream:  # type: ignore[call-overload]
        for chunk in stream:
            if chunk.choices[0].logprobs:
                streamed += chunk.choices[0].logprobs.content or []
    assert [token.token for token in streamed] == [token.token for token in tokens]


@pytest.mark.parametrize("model", MODELS)
def test_a_refusal(client: OpenAI, model: str, question: str) -> None:
    """A refusal is said as such: OpenAI's own as `refusal`; Anthropic's stop reason as content_filter."""
    reply = client.chat.completions.create(model=model, messages=user(f"{question} [refuse]"))
    message = reply.choices[0].message
    assert "can't help" in (message.refusal or message.content or "")
    if model == "claude":
        assert reply.choices[0].finish_reason == "content_filter"


def test_cached_tokens_are_reported(client: OpenAI, question: str) -> None:
    """Anthropic counts cached tokens beside the prompt, OpenAI within: the sum is right in OpenAI's terms."""
    reply = client.chat.completions.create(model="claude", messages=user(f"{question} [cached=9]"))
    assert reply.usage.prompt_tokens_details.cached_tokens == 9  # type: ignore[union-attr]
    assert reply.usage.prompt_tokens > 9  # type: ignore[union-attr]
    assert reply.usage.total_tokens == reply.usage.prompt_tokens + reply.usage.completion_tokens  # type: ignore[union-attr]


def test_embeddings(client: OpenAI, world: World, question: str) -> None:
    """The SDK asks for base64 unless told otherwise: both encodings give the same vectors."""
    packed = client.embeddings.create(model="embed", input=[question, "b"], dimensions=8)
    plain = client.embeddings.create(model="embed", input=[question, "b"], dimensions=8, encoding_format="float")
    assert [row.index for row in packed.data] == [0, 1]
    assert len(plain.data[0].embedding) == 8
    for one, other in zip(packed.data, plain.data, strict=True):
        assert one.embedding == pytest.approx(other.embedding, abs=1e-6)
    assert packed.usage.total_tokens > 0
    formats = [msgspec.json.decode(seen.body)["encoding_format"] for seen in world.seen_by_provider(question)]
    assert formats == ["base64", "float"]


@pytest.mark.parametrize("model", MODELS)
def test_legacy_completions(client: OpenAI, model: str, question: str) -> None:
    """Text completions pass through, and are translated for a provider that only chats; streamed they join to the same."""
    whole = client.completions.create(model=model, prompt=question, max_tokens=100)
    assert whole.object == "text_completion"
    assert question in whole.choices[0].text
    with client.completions.create(model=model, prompt=question, max_tokens=100, stream=True) as stream:
        streamed = "".join(choice.text for chunk in stream for choice in chunk.choices)
    assert streamed == whole.choices[0].text


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("asks", [True, False])
def test_legacy_completions_show_usage_to_whoever_asks(client: OpenAI, model: str, question: str, asks: bool) -> None:
    """One chunk of it and the last, or none, whatever the provider was asked."""
    options = {"stream_options": {"include_usage": True}} if asks else {}
    with client.completions.create(model=model, prompt=question, stream=True, **options) as stream:  # type: ignore[call-overload]
        chunks = list(stream)
    assert [bool(chunk.usage) for chunk in chunks] == [False] * (len(chunks) - asks) + [True] * asks
    assert [bool(chunk.choices) for chunk in chunks] == [True] * (len(chunks) - asks) + [False] * asks


def test_models(client: OpenAI) -> None:
    """The list pages through and has every alias; one can be looked up; an unknown one is a 404."""
    names = [model.id for model in client.models.list()]
    assert {"gpt", "claude", "embed", "failover"} <= set(names)
    one = client.models.retrieve("gpt")
    assert (one.id, one.object) == ("gpt", "model")
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("nothing-like-it")


@pytest.mark.parametrize("model", MODELS)
def test_response_headers(client: OpenAI, model: str, question: str) -> None:
    """Request id, provider, model, latency and version are told; nothing of the provider's own headers is."""
    raw = client.chat.completions.with_raw_response.create(model=model, messages=user(question))
    headers = raw.headers
    assert raw.request_id == headers["x-request-id"]
    assert headers["x-request-id"].startswith("req_")
    assert headers["x-gateway-provider"] == headers["x-provider"] == {"gpt": "oai", "claude": "ant"}[model]
    assert headers["x-gateway-model"] == NATIVE[model]
    assert headers["x-gateway-retries"] == "0"
    assert int(headers["x-latency-ms"]) >= 0
    assert headers["x-gateway-version"]
    assert headers["cache-control"] == "no-store"
    for name in ("set-cookie", "openai-organization", "anthropic-organization-id", "server"):
        assert name not in headers
    mine = client.chat.completions.with_raw_response.create(
        model=model, messages=user(question), extra_headers={"X-Request-ID": "my-own-id-1"}
    )
    assert mine.headers["x-request-id"] == "my-own-id-1"


def test_streamed_response_headers(client: OpenAI, question: str) -> None:
    """A stream's head has the same headers, and asks proxies not to collect it."""
    with client.chat.completions.with_streaming_response.create(model="gpt", messages=user(question), stream=True) as raw:
        assert raw.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert raw.headers["x-accel-buffering"] == "no"
        assert raw.headers["x-gateway-provider"] == "oai"
        lines = list(raw.iter_lines())
    assert lines[-2:] == ["data: [DONE]", ""]


def test_metadata_in_the_body(client: OpenAI, question: str) -> None:
    """X-Gateway-Metadata: body puts who served it into the answer."""
    reply = client.chat.completions.create(model="claude", messages=user(question), extra_headers={"X-Gateway-Metadata": "body"})
    told = reply.x_gateway_metadata  # type: ignore[attr-defined]
    assert (told["provider"], told["model"], told["retries"]) == ("ant", CLAUDE, 0)
    assert told["request_id"] == reply._request_id


def test_failover_within_one_request(client: OpenAI, question: str) -> None:
    """The first provider fails, the second answers in another dialect; the caller sees one answer and two headers."""
    raw = client.chat.completions.with_raw_response.create(model="failover", messages=user(question))
    assert question in (raw.parse().choices[0].message.content or "")
    assert (raw.headers["x-gateway-retries"], raw.headers["x-gateway-failover"]) == ("1", "true")
    assert raw.headers["x-gateway-provider"] == "ant"


def test_a_parameter_of_ones_own_passes_through(client: OpenAI, world: World, question: str) -> None:
    """extra_body reaches a provider of the same dialect untouched, and is named as dropped for the other one."""
    client.chat.completions.create(model="gpt", messages=user(question), extra_body={"my_option": {"a": 1}})
    assert world.body_at_provider(question)["my_option"] == {"a": 1}
    raw = client.chat.completions.with_raw_response.create(
        model="claude", messages=user(question), extra_body={"my_option": {"a": 1}}
    )
    assert raw.headers["x-gateway-dropped"] == "my_option"


@pytest.mark.anyio
@pytest.mark.parametrize("model", MODELS)
async def test_async_client(world: World, model: str, question: str) -> None:
    """The asynchronous client, whole and streamed, many at once on its own connection pool."""
    import asyncio

    async with AsyncOpenAI(base_url=f"{world.url}/v1", api_key=world.key, max_retries=0) as client:

        async def one(number: int) -> bool:
            text = f"{question} number {number}"
            if number % 2:
                reply = await client.chat.completions.create(model=model, messages=user(text))
                return text in (reply.choices[0].message.content or "")
            said = ""
            async with await client.chat.completions.create(model=model, messages=user(text), stream=True) as stream:
                async for chunk in stream:
                    said += chunk.choices[0].delta.content or ""
            return text in said

        assert all(await asyncio.gather(*(one(number) for number in range(20))))
