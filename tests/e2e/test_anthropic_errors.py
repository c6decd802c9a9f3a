"""What goes wrong, as the official Anthropic SDK tells it: typed exceptions, in-band errors, its own timeouts and retries."""

from __future__ import annotations

import uuid
from typing import Any

import anthropic
import pytest
from anthropic import Anthropic, AsyncAnthropic

from e2e.with_anthropic import MODELS, anthropic_client
from e2e.world import BODY_LIMIT, CLAUDE, NARROW_KEY, NATIVE, World, eventually, read_into

client = anthropic_client


def ask(model: str, text: str = "Hi") -> dict[str, object]:
    return {"model": model, "max_tokens": 100, "messages": [{"role": "user", "content": text}]}


def type_of(error: anthropic.APIStatusError) -> str:
    assert isinstance(error.body, dict)
    assert error.body["type"] == "error"
    assert error.body["request_id"].startswith("req_")
    return error.body["error"]["type"]


def test_a_wrong_key(world: World) -> None:
    """401 and AuthenticationError in Anthropic's shape."""
    with Anthropic(base_url=world.url, api_key="sk-wrong", max_retries=0) as client:
        with pytest.raises(anthropic.AuthenticationError) as caught:
            client.messages.create(**ask("claude"))  # type: ignore[call-overload]
        assert type_of(caught.value) == "authentication_error"
        with pytest.raises(anthropic.AuthenticationError):
            client.models.list()


def test_a_model_that_the_key_may_not_use(world: World) -> None:
    """403 and PermissionDeniedError."""
    with (
        Anthropic(base_url=world.url, api_key=NARROW_KEY, max_retries=0) as client,
        pytest.raises(anthropic.PermissionDeniedError) as caught,
    ):
        client.messages.create(**ask("claude"))  # type: ignore[call-overload]
    assert type_of(caught.value) == "permission_error"


def test_a_model_that_does_not_exist(client: Anthropic) -> None:
    """404 and NotFoundError."""
    with pytest.raises(anthropic.NotFoundError) as caught:
        client.messages.create(**ask("no-such-model"))  # type: ignore[call-overload]
    assert type_of(caught.value) == "not_found_error"


def test_a_request_that_is_wrong(client: Anthropic, world: World, question: str) -> None:
    """400 and BadRequestError, the message led by the member that is wrong; no provider is asked."""
    with pytest.raises(anthropic.BadRequestError) as caught:
        client.messages.create(**ask("claude", question) | {"extra_body": {"temperature": 5}})  # type: ignore[call-overload]
    assert type_of(caught.value) == "invalid_request_error"
    assert "temperature" in caught.value.body["error"]["message"]  # type: ignore[index]
    assert world.seen_by_provider(question) == []


def test_a_body_that_is_too_large(client: Anthropic) -> None:
    """413 in Anthropic's shape, though the engine refuses it before the dialect is asked."""
    with pytest.raises(anthropic.APIStatusError) as caught:
        client.messages.create(**ask("claude", "x" * BODY_LIMIT))  # type: ignore[call-overload]
    assert caught.value.status_code == 413
    assert type_of(caught.value) == "request_too_large"


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(
    ("fault", "kind", "status", "said"),
    [
        ("400", anthropic.BadRequestError, 400, "invalid_request_error"),
        ("401", anthropic.InternalServerError, 502, "api_error"),
        ("403", anthropic.InternalServerError, 502, "api_error"),
        ("404", anthropic.NotFoundError, 404, "not_found_error"),
        ("413", anthropic.APIStatusError, 413, "request_too_large"),
        ("422", anthropic.UnprocessableEntityError, 422, "invalid_request_error"),
        ("429", anthropic.RateLimitError, 429, "rate_limit_error"),
        ("500", anthropic.InternalServerError, 502, "api_error"),
        ("503", anthropic.OverloadedError, 529, "overloaded_error"),
        ("504", anthropic.InternalServerError, 504, "timeout_error"),
        ("529", anthropic.OverloadedError, 529, "overloaded_error"),
        ("garbage", anthropic.InternalServerError, 502, "api_error"),
        ("null", anthropic.InternalServerError, 502, "api_error"),
    ],
)
def test_a_provider_that_fails(
    client: Anthropic, model: str, fault: str, kind: type[anthropic.APIStatusError], status: int, said: str, stream: bool
) -> None:
    """Each failure before the first token is one typed exception, streamed or not, the same for both dialects."""
    with pytest.raises(kind) as caught:
        client.messages.create(**ask(f"{model}-{fault}"), stream=stream)  # type: ignore[call-overload]
    assert caught.value.status_code == status
    assert type_of(caught.value) == said
    assert "127.0.0.1" not in str(caught.value)
    assert "sk-" not in str(caught.value)
    if fault == "429":
        assert 1 <= int(caught.value.response.headers["retry-after"]) <= 7  # what is left of the pause


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("fault", ["cut", "error"])
def test_a_stream_that_breaks(client: Anthropic, model: str, fault: str) -> None:
    """After the first token the failure is an error event, which the SDK raises; no message_delta or message_stop came before."""
    events: list[Any] = []
    with (
        client.messages.create(**ask(f"{model}-{fault}", "Hi [tokens=40]"), stream=True) as stream,  # type: ignore[call-overload]
        pytest.raises(anthropic.APIStatusError) as caught,
    ):
        read_into(events, stream)
    kinds = [event.type for event in events]
    assert "content_block_delta" in kinds
    assert "message_delta" not in kinds
    assert "message_stop" not in kinds
    assert type_of(caught.value) in ("api_error", "overloaded_error")


def test_a_provider_that_does_not_answer(client: Anthropic) -> None:
    """The gateway's own patience ends with 504, streamed or not."""
    for stream in (False, True):
        with pytest.raises(anthropic.InternalServerError) as caught:
            client.messages.create(**ask("impatient"), stream=stream)  # type: ignore[call-overload]
        assert (caught.value.status_code, type_of(caught.value)) == (504, "timeout_error")


@pytest.mark.parametrize("stream", [False, True])
def test_the_callers_own_timeout_ends_the_work(client: Anthropic, world: World, stream: bool, question: str) -> None:
    """When the SDK gives up, the provider is cut off too."""
    with pytest.raises(anthropic.APITimeoutError):
        client.messages.create(**ask(f"ant/{CLAUDE}@@slow_headers:secs=5", question), timeout=0.3, stream=stream)  # type: ignore[call-overload]
    assert eventually(lambda: world.seen_by_provider(question)[-1].client_gone is not None)


@pytest.mark.parametrize("model", MODELS)
def test_the_sdks_own_retries(world: World, model: str) -> None:
    """529 is something that the SDK repeats by itself: the second request is answered."""
    mark = uuid.uuid4().hex[:12]
    # The gateway tries three times by itself before it gives up.
    provider = {"gpt": "oai", "claude": "ant"}[model]
    name = f"{provider}/{NATIVE[model]}@@503:times=3,message={mark}"
    with Anthropic(base_url=world.url, api_key=world.key, max_retries=1) as client:
        raw = client.messages.with_raw_response.create(**ask(name))  # type: ignore[arg-type]
    assert raw.retries_taken == 1
    assert raw.parse().content


@pytest.mark.anyio
async def test_async_errors(world: World) -> None:
    """The asynchronous client raises the same types, also in the middle of a stream."""
    async with AsyncAnthropic(base_url=world.url, api_key=world.key, max_retries=0) as client:
        with pytest.raises(anthropic.RateLimitError):
            await client.messages.create(**ask("claude-429"))  # type: ignore[call-overload]
        with pytest.raises(anthropic.APIStatusError):
            async with client.messages.stream(**ask("gpt-cut", "Hi [tokens=40]")) as stream:  # type: ignore[arg-type]
                await stream.get_final_message()
