"""Google's own SDK, unmodified, against the gateway: its own provider, and others'."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from google import genai
from google.genai import errors, types

from e2e.every_provider import PROVIDERS, running_world
from gateway_process import KEY, GatewayProcess


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    with running_world(tmp_path_factory.mktemp("genai")) as world:
        yield world.gateway


@pytest.fixture
def client(gateway: GatewayProcess) -> Iterator[genai.Client]:
    made = genai.Client(api_key=KEY, http_options=types.HttpOptions(base_url=gateway.url))
    yield made
    made.close()


WEATHER = types.Tool(
    function_declarations=[
        types.FunctionDeclaration(
            name="weather",
            description="The weather somewhere",
            parameters=types.Schema(
                type=types.Type.OBJECT, properties={"city": types.Schema(type=types.Type.STRING)}, required=["city"]
            ),
        )
    ]
)
BY_HAND = types.GenerateContentConfig(
    tools=[WEATHER], automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True)
)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_whole_streamed_and_counted(client: genai.Client, provider: str) -> None:
    """The text is the same both ways, and the tokens are told."""
    model, text = f"m-{provider}", f"Hello {provider}, ça va?"
    whole = client.models.generate_content(model=model, contents=text)
    assert text in (whole.text or "")
    assert whole.usage_metadata.prompt_token_count > 0
    assert whole.usage_metadata.candidates_token_count > 0
    assert whole.candidates[0].finish_reason == types.FinishReason.STOP
    pieces = list(client.models.generate_content_stream(model=model, contents=text))
    assert "".join(piece.text or "" for piece in pieces) == whole.text
    assert client.models.count_tokens(model=model, contents=text).total_tokens > 0


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_call_and_its_result(client: genai.Client, provider: str) -> None:
    """The model's call goes back with its result, as the SDK's users do it."""
    model = f"m-{provider}"
    asked = types.Content(role="user", parts=[types.Part(text="call weather please")])
    answer = client.models.generate_content(model=model, contents=[asked], config=BY_HAND)
    (call,) = answer.function_calls
    assert call.name == "weather"
    assert isinstance(call.args["city"], str)
    returned = types.Content(role="user", parts=[types.Part.from_function_response(name="weather", response={"sky": "clear"})])
    then = client.models.generate_content(model=model, contents=[asked, answer.candidates[0].content, returned], config=BY_HAND)
    assert then.candidates[0].finish_reason == types.FinishReason.STOP


def test_errors_are_its_own(client: genai.Client, gateway: GatewayProcess) -> None:
    """An unknown model and a wrong key raise the SDK's errors, with status and message."""
    with pytest.raises(errors.ClientError) as unknown:
        client.models.generate_content(model="nobody", contents="hi")
    assert (unknown.value.code, unknown.value.status) == (404, "NOT_FOUND")
    stranger = genai.Client(api_key="wrong", http_options=types.HttpOptions(base_url=gateway.url))
    with pytest.raises(errors.ClientError) as refused:
        stranger.models.generate_content(model="m-gemini", contents="hi")
    assert refused.value.code == 401
    stranger.close()


@pytest.mark.parametrize("version", ["v1beta", "v1alpha", "v1"])
def test_the_models_there_are(gateway: GatewayProcess, version: str) -> None:
    """Listed over several pages, and looked up, under each version that Google's SDKs ask for."""
    client = genai.Client(api_key=KEY, http_options=types.HttpOptions(base_url=gateway.url, api_version=version))
    names = [model.name for model in client.models.list(config={"page_size": 3})]
    assert {f"models/m-{provider}" for provider in PROVIDERS} <= set(names)
    assert len(names) == len(set(names))
    for name in ("m-openai", "models/m-openai", "models/openai/gpt-4o"):
        model = client.models.get(model=name)
        assert model.name in {"models/m-openai", "models/openai/gpt-4o"}
        assert "generateContent" in (model.supported_actions or [])
    with pytest.raises(errors.ClientError) as unknown:
        client.models.get(model="nobody")
    assert (unknown.value.code, unknown.value.status) == (404, "NOT_FOUND")
    client.close()
