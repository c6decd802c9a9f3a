"""The official Anthropic SDK, unmodified: its own dialect at the provider (claude), and OpenAI's (gpt)."""

from __future__ import annotations

import pytest
from anthropic import Anthropic, AsyncAnthropic, NotFoundError

from e2e.with_anthropic import MODELS, TOOLS, anthropic_client, user
from e2e.world import NATIVE, World

client = anthropic_client


@pytest.mark.parametrize("model", MODELS)
def test_a_whole_answer(client: Anthropic, world: World, model: str, question: str) -> None:
    """Text, stop reason and usage arrive typed; the provider got its own key, not the caller's."""
    message = client.messages.create(
        model=model,
        max_tokens=100,
        system="Be kind.",
        messages=user(question),
        metadata={"user_id": "u1"},
        extra_body={"temperature": 0.5},
    )
    assert (message.type, message.role, message.stop_reason) == ("message", "assistant", "end_turn")
    assert question in message.content[0].text
    assert message.usage.input_tokens > 0
    assert message.usage.output_tokens > 0
    (seen,) = world.seen_by_provider(question)
    assert world.key not in str(seen.headers)
    sent = world.body_at_provider(question)
    assert (sent["model"], sent["temperature"]) == (NATIVE[model], 0.5)
    if model == "gpt":
        assert sent["messages"][0] == {"role": "system", "content": "Be kind."}
        assert (sent["user"], sent["max_completion_tokens"]) == ("u1", 100)


@pytest.mark.parametrize("model", MODELS)
def test_a_streamed_answer_equals_the_whole_one(client: Anthropic, model: str, question: str) -> None:
    """The SDK's accumulator ends with the same message; the events follow the API's grammar."""
    ask = {"model": model, "max_tokens": 100, "messages": user(question)}
    whole = client.messages.create(**ask)  # type: ignore[call-overload]
    with client.messages.create(**ask, stream=True) as stream:  # type: ignore[call-overload]
        kinds = [event.type for event in stream if event.type != "ping"]
    assert kinds[:2] == ["message_start", "content_block_start"]
    assert set(kinds[2:-3]) == {"content_block_delta"}
    assert kinds[-3:] == ["content_block_stop", "message_delta", "message_stop"]
    with client.messages.stream(**ask) as helper:
        text = "".join(helper.text_stream)
        final = helper.get_final_message()
    assert text == final.content[0].text == whole.content[0].text
    assert final.stop_reason == "end_turn"
    assert (final.usage.input_tokens, final.usage.output_tokens) == (whole.usage.input_tokens, whole.usage.output_tokens)


@pytest.mark.parametrize("model", MODELS)
def test_stop_sequences(client: Anthropic, model: str, question: str) -> None:
    """The answer ends before the sequence. Anthropic names it; OpenAI does not say which one it was, so it is an end of turn."""
    message = client.messages.create(model=model, max_tokens=100, messages=user(question), stop_sequences=["zebra", "model"])
    assert message.content[0].text == "I am a simulated "
    if model == "claude":
        assert (message.stop_reason, message.stop_sequence) == ("stop_sequence", "model")
    else:
        assert (message.stop_reason, message.stop_sequence) == ("end_turn", None)


@pytest.mark.parametrize("model", MODELS)
def test_a_length_limit(client: Anthropic, model: str, question: str) -> None:
    """max_tokens ends the answer with that stop reason."""
    message = client.messages.create(model=model, max_tokens=3, messages=user(question))
    assert (message.stop_reason, message.usage.output_tokens) == ("max_tokens", 3)


@pytest.mark.parametrize("model", MODELS)
def test_a_refusal(client: Anthropic, model: str, question: str) -> None:
    """A refusal is a stop reason at both, and its words are there."""
    message = client.messages.create(model=model, max_tokens=100, messages=user(f"{question} [refuse]"))
    assert message.stop_reason == "refusal"
    assert "can't help" in message.content[0].text


def test_cached_tokens_are_reported(client: Anthropic, question: str) -> None:
    """OpenAI counts cached tokens within the prompt, Anthropic beside it: the classes are disjoint again here."""
    message = client.messages.create(model="gpt", max_tokens=100, messages=user(f"{question} [cached=9]"))
    plain = client.messages.create(model="gpt", max_tokens=100, messages=user(f"{question} [zebras]"))
    assert message.usage.cache_read_input_tokens == 9
    assert abs(message.usage.input_tokens + 9 - plain.usage.input_tokens) <= 2


def test_prompt_cache_marks(client: Anthropic, world: World, question: str) -> None:
    """cache_control passes through to Anthropic, and is named as dropped for OpenAI, which caches by itself."""
    content = [{"type": "text", "text": question, "cache_control": {"type": "ephemeral"}}]
    message = client.messages.create(model="claude", max_tokens=10, messages=user(content))
    assert message.usage.cache_creation_input_tokens
    raw = client.messages.with_raw_response.create(model="gpt", max_tokens=10, messages=user(content))
    assert raw.headers["x-gateway-dropped"] == "messages[0].content[0].cache_control"


@pytest.mark.parametrize("model", MODELS)
def test_count_tokens(client: Anthropic, world: World, model: str, question: str) -> None:
    """Anthropic counts itself. For another provider it is an estimate of our own, and no model is run for it."""
    few = client.messages.count_tokens(model=model, messages=user(question))
    many = client.messages.count_tokens(model=model, messages=user(question + " and more" * 50), tools=TOOLS, system="Be kind.")
    assert 0 < few.input_tokens < many.input_tokens
    raw = client.messages.with_raw_response.count_tokens(model=model, messages=user(question))
    assert raw.headers.get("x-gateway-estimated") == ("true" if model == "gpt" else None)
    asked = [seen.path for seen in world.seen_by_provider(question)]
    assert asked == (["/v1/messages/count_tokens"] * 3 if model == "claude" else [])


def test_models(client: Anthropic) -> None:
    """The list is in Anthropic's form for who sends its version header; one can be looked up; an unknown one is a 404."""
    models = list(client.models.list(limit=2))
    assert {"gpt", "claude"} <= {model.id for model in models}
    assert all(model.type == "model" for model in models)
    assert client.models.retrieve("claude").display_name
    with pytest.raises(NotFoundError):
        client.models.retrieve("nothing-like-it")


@pytest.mark.parametrize("model", MODELS)
def test_response_headers(client: Anthropic, model: str, question: str) -> None:
    """Request id, provider, model and version are told; nothing of the provider's own headers is."""
    raw = client.messages.with_raw_response.create(model=model, max_tokens=100, messages=user(question))
    headers = raw.headers
    assert headers["x-request-id"].startswith("req_")
    assert headers["x-gateway-provider"] == {"gpt": "oai", "claude": "ant"}[model]
    assert headers["x-gateway-model"] == NATIVE[model]
    for name in ("set-cookie", "openai-organization", "anthropic-organization-id", "server"):
        assert name not in headers


def test_beta_headers_reach_anthropic_and_no_one_else(client: Anthropic, world: World, question: str) -> None:
    """anthropic-beta and anthropic-version are the caller's; every other header of theirs stays here."""
    ask = {"max_tokens": 10, "messages": user(question), "extra_headers": {"anthropic-beta": "some-beta", "x-private": "secret"}}
    client.messages.create(model="claude", **ask)  # type: ignore[call-overload]
    client.messages.create(model="gpt", **ask)  # type: ignore[call-overload]
    anthropic, openai = world.seen_by_provider(question)
    assert anthropic.header("anthropic-beta") == "some-beta"
    assert anthropic.header("anthropic-version") == client.default_headers["anthropic-version"]
    assert openai.header("anthropic-beta") is openai.header("anthropic-version") is None
    for seen in (anthropic, openai):
        assert seen.header("x-private") is None
        assert not any(name.startswith("x-stainless") for name, _ in seen.headers)


def test_a_bearer_token_works_as_well(world: World, question: str) -> None:
    """auth_token (Authorization: Bearer) is accepted like x-api-key."""
    with Anthropic(base_url=world.url, auth_token=world.key, max_retries=0) as client:
        assert client.messages.create(model="claude", max_tokens=10, messages=user(question)).content


def test_failover_into_another_dialect(client: Anthropic, question: str) -> None:
    """The first provider fails; the second, which speaks the caller's dialect, answers, also streamed."""
    with client.messages.stream(model="failover", max_tokens=100, messages=user(question)) as stream:
        assert question in stream.get_final_text()
        assert stream.response.headers["x-gateway-failover"] == "true"


def test_top_k_is_named_as_dropped(client: Anthropic, question: str) -> None:
    """What OpenAI does not have is said in the header."""
    raw = client.messages.with_raw_response.create(model="gpt", max_tokens=10, messages=user(question), extra_body={"top_k": 5})
    assert raw.headers["x-gateway-dropped"] == "top_k"


@pytest.mark.anyio
@pytest.mark.parametrize("model", MODELS)
async def test_async_client(world: World, model: str, question: str) -> None:
    """The asynchronous client, whole and streamed, many at once."""
    import asyncio

    async with AsyncAnthropic(base_url=world.url, api_key=world.key, max_retries=0) as client:

        async def one(number: int) -> bool:
            text = f"{question} number {number}"
            ask = {"model": model, "max_tokens": 100, "messages": user(text)}
            if number % 2:
                message = await client.messages.create(**ask)  # type: ignore[call-overload]
                return text in message.content[0].text
            async with client.messages.stream(**ask) as stream:
                return text in await stream.get_final_text()

        assert all(await asyncio.gather(*(one(number) for number in range(20))))
