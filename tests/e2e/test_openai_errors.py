"""What goes wrong, as the official OpenAI SDK tells it: typed exceptions, in-band errors, its own timeouts and retries."""

from __future__ import annotations

import uuid
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI, OpenAI

from e2e.with_openai import MODELS, openai_client, user
from e2e.world import BODY_LIMIT, GPT, NARROW_KEY, NATIVE, World, eventually, read_into

client = openai_client


def test_a_wrong_key(world: World) -> None:
    """401 and AuthenticationError, in the same words for every wrong key."""
    said = set()
    for key in ("sk-wrong", "sk-gateway-tests-0123456789abcdeX"):
        with OpenAI(base_url=f"{world.url}/v1", api_key=key, max_retries=0) as client:
            with pytest.raises(openai.AuthenticationError) as caught:
                client.chat.completions.create(model="gpt", messages=user("Hi"))
            assert caught.value.code == "invalid_api_key"
            assert key not in str(caught.value)
            said.add(caught.value.body["message"])  # type: ignore[index]
            with pytest.raises(openai.AuthenticationError):
                client.models.list()
    assert len(said) == 1


def test_a_model_that_the_key_may_not_use(world: World, question: str) -> None:
    """403 and PermissionDeniedError, and nothing is sent to a provider; what it may use, it can."""
    with OpenAI(base_url=f"{world.url}/v1", api_key=NARROW_KEY, max_retries=0) as client:
        assert client.chat.completions.create(model="gpt", messages=user("Hi")).choices
        assert [model.id for model in client.models.list()] == ["gpt"]
        with pytest.raises(openai.PermissionDeniedError):
            client.chat.completions.create(model="claude", messages=user(question))
    assert world.seen_by_provider(question) == []


def test_a_model_that_does_not_exist(client: OpenAI) -> None:
    """404 and NotFoundError with the code and param that OpenAI gives."""
    with pytest.raises(openai.NotFoundError) as caught:
        client.chat.completions.create(model="no-such-model", messages=user("Hi"))
    assert (caught.value.code, caught.value.param) == ("model_not_found", "model")
    assert caught.value.request_id is not None
    assert caught.value.request_id.startswith("req_")


def test_a_path_that_does_not_exist(client: OpenAI) -> None:
    """An API that the gateway does not have is a 404, not a connection error."""
    with pytest.raises(openai.NotFoundError):
        client.fine_tuning.jobs.list()


def test_a_parameter_out_of_range(client: OpenAI, world: World, question: str) -> None:
    """400 and BadRequestError that names the parameter, without asking a provider."""
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model="gpt", messages=user(question), temperature=5)
    assert caught.value.param == "temperature"
    assert world.seen_by_provider(question) == []


def test_what_a_provider_does_not_offer(client: OpenAI) -> None:
    """Embeddings at a provider that has none: 400 with a code, not a failure of the provider."""
    with pytest.raises(openai.BadRequestError) as caught:
        client.embeddings.create(model="claude", input="Hi")
    assert (caught.value.code, caught.value.param) == ("unsupported_feature", "model")


def test_a_body_that_is_too_large(client: OpenAI) -> None:
    """413 with a code, though the SDK has no class of its own for it."""
    with pytest.raises(openai.APIStatusError) as caught:
        client.chat.completions.create(model="gpt", messages=user("x" * BODY_LIMIT))
    assert (caught.value.status_code, caught.value.code) == (413, "payload_too_large")


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(
    ("fault", "kind", "status", "code"),
    [
        ("400", openai.BadRequestError, 400, None),
        ("401", openai.InternalServerError, 502, "provider_authentication_failed"),
        ("403", openai.InternalServerError, 502, "provider_authentication_failed"),
        ("404", openai.NotFoundError, 404, "model_not_found"),
        ("413", openai.APIStatusError, 413, None),
        ("422", openai.UnprocessableEntityError, 422, None),
        ("429", openai.RateLimitError, 429, None),
        ("500", openai.InternalServerError, 502, "upstream_error"),
        ("503", openai.InternalServerError, 503, "provider_unavailable"),
        ("504", openai.InternalServerError, 504, "request_timeout"),
        ("529", openai.InternalServerError, 503, "provider_unavailable"),
        ("garbage", openai.InternalServerError, 502, "upstream_error"),
        ("null", openai.InternalServerError, 502, "upstream_error"),
    ],
)
def test_a_provider_that_fails(
    client: OpenAI, model: str, fault: str, kind: type[openai.APIStatusError], status: int, code: str | None, stream: bool
) -> None:
    """Each failure before the first token is one typed exception, streamed or not, with the same status for both dialects."""
    with pytest.raises(kind) as caught:
        client.chat.completions.create(model=f"{model}-{fault}", messages=user("Hi"), stream=stream)
    assert caught.value.status_code == status
    if code is not None:
        assert caught.value.code == code
    assert "127.0.0.1" not in str(caught.value)
    assert "sk-" not in str(caught.value)
    if fault == "429":
        assert 1 <= int(caught.value.response.headers["retry-after"]) <= 7  # what is left of the pause
    if status == 503:
        assert int(caught.value.response.headers["retry-after"]) >= 1


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("fault", ["cut", "error"])
def test_a_stream_that_breaks(client: OpenAI, model: str, fault: str) -> None:
    """After the first token the failure comes inside the stream: APIError while iterating, and no finish reason before it."""
    chunks: list[Any] = []
    with (
        client.chat.completions.create(model=f"{model}-{fault}", messages=user("Hi [tokens=40]"), stream=True) as stream,
        pytest.raises(openai.APIError) as caught,
    ):
        read_into(chunks, stream)
    choices = [choice for chunk in chunks for choice in chunk.choices]
    assert any(choice.delta.content for choice in choices)
    assert not any(choice.finish_reason for choice in choices)
    assert not isinstance(caught.value, openai.APIStatusError)
    assert caught.value.type in ("provider_error", "timeout_error")
    assert caught.value.body["request_id"].startswith("req_")  # type: ignore[index]


def test_a_provider_that_does_not_answer(client: OpenAI) -> None:
    """The gateway's own patience ends with 504, streamed or not."""
    for stream in (False, True):
        with pytest.raises(openai.InternalServerError) as caught:
            client.chat.completions.create(model="impatient", messages=user("Hi"), stream=stream)
        assert (caught.value.status_code, caught.value.code) == (504, "request_timeout")


@pytest.mark.parametrize("stream", [False, True])
def test_the_callers_own_timeout_ends_the_work(client: OpenAI, world: World, stream: bool, question: str) -> None:
    """When the SDK gives up, the provider is cut off too: nobody pays for an answer that nobody reads."""
    with pytest.raises(openai.APITimeoutError):
        client.chat.completions.create(
            model=f"oai/{GPT}@@slow_headers:secs=5", messages=user(question), timeout=0.3, stream=stream
        )
    assert eventually(lambda: world.seen_by_provider(question)[-1].client_gone is not None)


def test_a_caller_who_stops_reading_a_stream(client: OpenAI, world: World, question: str) -> None:
    """Closing the stream early cuts the provider's."""
    with client.chat.completions.create(
        model=f"oai/{GPT}@@stall:after=900,secs=20", messages=user(f"{question} [tokens=60]"), stream=True
    ) as stream:
        next(iter(stream))
    assert eventually(lambda: world.seen_by_provider(question)[-1].client_gone is not None)


@pytest.mark.parametrize("model", MODELS)
def test_the_sdks_own_retries(world: World, model: str) -> None:
    """503 with Retry-After is something that the SDK repeats by itself: the second request is answered."""
    mark = uuid.uuid4().hex[:12]
    # The gateway tries three times by itself before it says 503.
    provider = {"gpt": "oai", "claude": "ant"}[model]
    name = f"{provider}/{NATIVE[model]}@@503:times=3,message={mark}"
    with OpenAI(base_url=f"{world.url}/v1", api_key=world.key, max_retries=1) as client:
        raw = client.chat.completions.with_raw_response.create(model=name, messages=user("Hi"))
    assert raw.retries_taken == 1
    assert raw.parse().choices[0].message.content


@pytest.mark.anyio
async def test_async_errors(world: World) -> None:
    """The asynchronous client raises the same types, also in the middle of a stream."""
    async with AsyncOpenAI(base_url=f"{world.url}/v1", api_key=world.key, max_retries=0) as client:
        with pytest.raises(openai.RateLimitError):
            await client.chat.completions.create(model="gpt-429", messages=user("Hi"))
        stream = await client.chat.completions.create(model="claude-cut", messages=user("Hi [tokens=40]"), stream=True)
        with pytest.raises(openai.APIError):
            async for _ in stream:
                pass
        await stream.close()
