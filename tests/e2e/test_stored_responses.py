"""Conversations that the gateway keeps, through OpenAI's unmodified SDK: any provider can go on from any other's answer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import msgspec
import openai
import pytest
from openai import OpenAI

from e2e.every_provider import PROVIDERS
from e2e.world import eventually
from gateway_process import KEY, GatewayProcess, running_gateway
from llm_gateway.simulator import Mount, RunningSimulator, SimulatorOptions, running_simulator

OTHER = "sk-gateway-other-0123456789abcdef"
TOOLS: list[Any] = [
    {
        "type": "function",
        "name": "weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
        "strict": False,
    }
]


class World:
    def __init__(self, simulator: RunningSimulator, gateway: GatewayProcess, config: dict[str, Any]) -> None:
        self.simulator = simulator
        self.config = config
        self.gateway = gateway

    def last(self) -> dict[str, Any]:
        """What a provider was sent last."""
        document: dict[str, Any] = msgspec.json.decode(self.simulator.requests[-1].body)
        return document

    def text(self) -> str:
        return self.simulator.requests[-1].body.decode()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    mounts = tuple(Mount(prefix=f"/{name}") for name in (*PROVIDERS, "chat", "second"))
    with running_simulator(SimulatorOptions(mounts=mounts, log_body_bytes=1 << 16)) as simulator:
        at = f"http://127.0.0.1:{simulator.port}"
        providers: dict[str, Any] = {
            name: {"base_url": f"{at}/{name}{rest}", "api_key": f"sk-secret-of-{name}-0123456789"}
            for name, rest in PROVIDERS.items()
        }
        providers["chat"] = {"type": "openai_compatible", "base_url": f"{at}/chat/v1"}
        providers["second"] = {"type": "openai", "base_url": f"{at}/second/v1", "api_key": "sk-secret-of-second-0123456789"}
        config = {
            "providers": providers,
            "models": {f"m-{name}": f"{name}/some-model" for name in providers},
            "auth": {"keys": [{"name": "tests", "key": KEY}, {"name": "other", "key": OTHER}]},
        }
        with running_gateway(config, tmp_path_factory.mktemp("stored")) as gateway:
            yield World(simulator, gateway, config)


@pytest.fixture
def client(world: World) -> Iterator[OpenAI]:
    with OpenAI(base_url=f"{world.gateway.url}/v1", api_key=KEY, max_retries=0) as made:
        yield made


@pytest.fixture
def other(world: World) -> Iterator[OpenAI]:
    with OpenAI(base_url=f"{world.gateway.url}/v1", api_key=OTHER, max_retries=0) as made:
        yield made


@pytest.mark.parametrize("first", ["anthropic", "openai", "ollama"])
@pytest.mark.parametrize("second", ["chat", "gemini", "openai", "anthropic", "bedrock", "cohere"])
def test_a_conversation_moves_between_providers(client: OpenAI, world: World, question: str, first: str, second: str) -> None:
    """What was asked and answered at the first provider is before the second one's eyes; the caller sees what it goes on from."""
    one = client.responses.create(model=f"m-{first}", input=question, instructions="Never repeat this.")
    two = client.responses.create(model=f"m-{second}", input="And now?", previous_response_id=one.id)
    assert two.previous_response_id == one.id
    assert two.id != one.id
    assert two.status == "completed"
    sent = world.text()
    assert question in sent
    assert one.output_text in msgspec.json.encode(msgspec.json.decode(sent)).decode()
    assert "And now?" in sent
    assert "Never repeat this." not in sent
    assert "previous_response_id" not in sent


@pytest.mark.parametrize("first", ["anthropic", "openai", "gemini"])
@pytest.mark.parametrize("second", ["anthropic", "openai", "chat"])
def test_a_tool_loop(client: OpenAI, world: World, question: str, first: str, second: str) -> None:
    """Only the tool's result is sent; the call it answers comes from the store."""
    called = client.responses.create(model=f"m-{first}", input=f"{question} call weather", tools=TOOLS)
    (call,) = [item for item in called.output if item.type == "function_call"]
    result: Any = {"type": "function_call_output", "call_id": call.call_id, "output": "sunny"}
    final = client.responses.create(model=f"m-{second}", input=[result], previous_response_id=called.id, tools=TOOLS)
    assert "sunny" in final.output_text
    assert question in world.text()


@pytest.mark.parametrize("provider", ["openai", "anthropic"])
def test_a_stream_is_kept(client: OpenAI, world: World, question: str, provider: str) -> None:
    """Its last event's response is what can be fetched and continued; a joined stream names what it goes on from in every event."""
    final = list(client.responses.create(model=f"m-{provider}", input=question, stream=True))[-1].response
    assert client.responses.retrieve(final.id).to_dict() == final.to_dict()
    events = list(client.responses.create(model=f"m-{provider}", input="More", previous_response_id=final.id, stream=True))
    told = [event.response.previous_response_id for event in events if hasattr(event, "response")]
    assert told == [final.id] * 3
    assert question in world.text()
    fetched = client.responses.retrieve(events[-1].response.id)
    assert fetched.previous_response_id == final.id


@pytest.mark.parametrize("provider", ["openai", "anthropic"])
def test_fetching_gives_the_same_bytes(client: OpenAI, question: str, provider: str) -> None:
    """GET answers with the body that the caller got."""
    raw = client.responses.with_raw_response.create(model=f"m-{provider}", input=question)
    body = raw.http_response.content
    ident = msgspec.json.decode(body)["id"]
    assert client.responses.with_raw_response.retrieve(ident).http_response.content == body
    assert "x-gateway-stored" not in raw.headers


def test_stream_of_a_kept_response_is_refused(client: OpenAI, question: str) -> None:
    """Rather than answered whole where events are expected."""
    made = client.responses.create(model="m-anthropic", input=question)
    with pytest.raises(openai.BadRequestError) as refused:
        client.responses.retrieve(made.id, stream=True)
    assert refused.value.param == "stream"


def test_input_items(client: OpenAI, question: str) -> None:
    """The whole conversation before an answer, newest first or oldest first, in pages, each item with an id."""
    one = client.responses.create(model="m-anthropic", input=question)
    two = client.responses.create(model="m-openai", input=[{"role": "user", "content": "two"}], previous_response_id=one.id)
    items = list(client.responses.input_items.list(two.id, order="asc"))
    assert [item.type for item in items] == ["message", "message", "message"]
    assert [item.role for item in items] == ["user", "assistant", "user"]
    assert [item.content[0].text for item in items] == [question, one.output_text, "two"]
    page = client.responses.input_items.list(two.id, limit=1)
    assert [item.content[0].text for item in page.data] == ["two"]
    assert page.has_more
    assert [item.id for item in client.responses.input_items.list(two.id, limit=2)] == [item.id for item in reversed(items)]
    assert [item.id for item in client.responses.input_items.list(two.id, order="asc", after=items[0].id)] == [
        items[1].id,
        items[2].id,
    ]
    with pytest.raises(openai.BadRequestError):
        client.responses.input_items.list(two.id, after="nothing")


@pytest.mark.parametrize("provider", ["openai", "anthropic"])
def test_deleted_is_gone(client: OpenAI, world: World, question: str, provider: str) -> None:
    """Fetching, continuing and deleting again are 404; an answer that went on from it can be fetched, not continued."""
    one = client.responses.create(model=f"m-{provider}", input=question)
    two = client.responses.create(model="m-anthropic", input="two", previous_response_id=one.id)
    client.responses.delete(one.id)
    assert client.responses.retrieve(two.id).id == two.id
    for gone in (client.responses.retrieve, client.responses.delete, client.responses.cancel, client.responses.input_items.list):
        with pytest.raises(openai.NotFoundError) as missing:
            gone(one.id)
        assert missing.value.code == "response_not_found"
    for ident in (one.id, two.id):
        with pytest.raises(openai.NotFoundError) as unknown:
            client.responses.create(model="m-openai", input="x", previous_response_id=ident)
        assert (unknown.value.code, unknown.value.param) == ("previous_response_not_found", "previous_response_id")


def test_another_key_finds_nothing(client: OpenAI, other: OpenAI, world: World, question: str) -> None:
    """C25: another caller's response is told of in the words for one that is not there, and no provider is asked for it."""
    mine = client.responses.create(model="m-openai", input=question)
    before = len(world.simulator.requests)
    for ident in (mine.id, "resp_nothing"):
        for gone in (other.responses.retrieve, other.responses.delete, other.responses.input_items.list):
            with pytest.raises(openai.NotFoundError) as missing:
                gone(ident)
            assert missing.value.body["message"] == f'Response with id "{ident}" not found.'
        with pytest.raises(openai.NotFoundError) as unknown:
            other.responses.create(model="m-openai", input="x", previous_response_id=ident)
        assert unknown.value.body["message"] == f'Previous response with id "{ident}" not found.'
    assert len(world.simulator.requests) == before
    assert client.responses.retrieve(mine.id).id == mine.id


@pytest.mark.parametrize("provider", ["openai", "anthropic"])
def test_store_false_keeps_nothing(client: OpenAI, question: str, provider: str) -> None:
    """And the answer says so."""
    made = client.responses.create(model=f"m-{provider}", input=question, store=False)
    assert made.to_dict()["store"] is False
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(made.id)
    with pytest.raises(openai.NotFoundError):
        client.responses.create(model=f"m-{provider}", input="x", previous_response_id=made.id)


def test_a_chain_of_twenty(client: OpenAI, world: World, question: str) -> None:
    """All that was said before stands before the last input, in its order."""
    previous, names = None, ("anthropic", "openai", "gemini", "chat")
    for turn in range(20):
        made = client.responses.create(
            model=f"m-{names[turn % 4]}", input=f"{question} turn {turn:02}.", previous_response_id=previous or openai.omit
        )
        previous = made.id
    sent = world.text()
    places = [sent.index(f"{question} turn {turn:02}.") for turn in range(20)]
    assert places == sorted(places)
    assert len(list(client.responses.input_items.list(previous, order="asc", limit=7))) == 39


def test_reasoning_that_one_provider_keeps_is_left_out_for_another(client: OpenAI, world: World, question: str) -> None:
    """A name in another account's store would be refused there; the header says what was left out. Encrypted, it goes along."""
    one = client.responses.create(model="m-openai", input=f"{question} think", reasoning={"effort": "low"})
    assert [item.type for item in one.output] == ["reasoning", "message"]
    same = client.responses.with_raw_response.create(model="m-openai", input="x", previous_response_id=one.id)
    assert "x-gateway-dropped" not in same.headers
    assert [item.get("type") for item in world.last()["input"]] == ["message", "reasoning", "message", "message"]
    elsewhere = client.responses.with_raw_response.create(model="m-second", input="x", previous_response_id=one.id)
    assert elsewhere.headers["x-gateway-dropped"] == "input[1]"
    assert [item.get("type") for item in world.last()["input"]] == ["message", "message", "message"]
    sealed = client.responses.create(
        model="m-openai", input=f"{question} think", reasoning={"effort": "low"}, include=["reasoning.encrypted_content"]
    )
    client.responses.create(model="m-openai", input="x", previous_response_id=sealed.id)
    assert world.last()["input"][1] == sealed.output[0].to_dict()


@pytest.mark.parametrize("ident", ["", "x" * 5000, "..%2F..%2Fmodels", "resp_\u0000", "resp_%2F..", "a/b", "ü", "%"])
def test_hostile_ids(client: OpenAI, ident: str) -> None:
    """They are not there, whatever they look like."""
    with pytest.raises(openai.NotFoundError):
        client.responses.create(model="m-anthropic", input="x", previous_response_id=ident)
    for quoted in filter(None, (quote(ident, safe=""), quote(ident, safe="/%"))):
        url = f"{client.base_url}responses/{quoted}"
        answer = httpx.get(url, headers={"Authorization": f"Bearer {KEY}"})
        assert answer.status_code == 404
        assert answer.json()["error"]["type"] in ("invalid_request_error", "not_found_error")


def test_what_only_a_provider_holds_stays_there(world: World, tmp_path: Path, question: str) -> None:
    """A conversation in the provider's store is passed on to it, cannot move, and its answers are continued there by their id."""
    config = world.config | {"responses": {"unknown_ids": "pass"}}
    with running_gateway(config, tmp_path) as gateway, OpenAI(base_url=f"{gateway.url}/v1", api_key=KEY, max_retries=0) as client:
        with pytest.raises(openai.BadRequestError) as refused:
            client.responses.create(model="m-anthropic", input=question, conversation="conv_1")
        assert refused.value.param == "conversation"
        one = client.responses.create(model="m-openai", input=question, conversation="conv_1")
        two = client.responses.create(model="m-openai", input="two", previous_response_id=one.id)
        assert world.last()["previous_response_id"] == one.id
        assert two.previous_response_id == one.id
        for model in ("m-second", "m-anthropic"):
            with pytest.raises(openai.BadRequestError) as stuck:
                client.responses.create(model=model, input="x", previous_response_id=two.id)
            assert stuck.value.param == "previous_response_id"


def test_a_conversation_may_be_another_keys(client: OpenAI, world: World, question: str) -> None:
    """C25: the provider keeps one account for all keys, so that its conversations are passed on only if that is wished."""
    before = len(world.simulator.requests)
    with pytest.raises(openai.BadRequestError) as refused:
        client.responses.create(model="m-openai", input=question, conversation="conv_1")
    assert refused.value.param == "conversation"
    assert len(world.simulator.requests) == before


def test_background_needs_a_provider_that_has_it(client: OpenAI, question: str) -> None:
    """Passed on where the provider speaks this API, refused where it does not; a finished response cannot be cancelled."""
    with pytest.raises(openai.BadRequestError) as refused:
        client.responses.create(model="m-anthropic", input=question, background=True)
    assert refused.value.param == "background"
    made = client.responses.create(model="m-openai", input=question, background=True)
    with pytest.raises(openai.BadRequestError):
        client.responses.cancel(made.id)


def test_a_reload_keeps_what_is_kept(tmp_path: Path, question: str) -> None:
    """Another configuration meets the same store; without one, nothing can be continued, and an answer says that it is not stored."""
    with running_simulator(SimulatorOptions()) as simulator:
        provider = {"type": "anthropic", "base_url": simulator.url, "api_key": "sk-ant-0123456789"}
        config: dict[str, Any] = {"providers": {"a": provider}, "models": {"m": "a/one"}}
        with running_gateway(config, tmp_path) as gateway, OpenAI(base_url=f"{gateway.url}/v1", api_key=KEY) as client:
            made = client.responses.create(model="m", input=question)
            gateway.reload(config | {"models": {"m": "a/two"}})
            assert eventually(lambda: client.responses.create(model="m", input="x").model == "two")
            client.responses.create(model="m", input="and?", previous_response_id=made.id)
            assert question.encode() in simulator.requests[-1].body
            gateway.reload(config | {"models": {"m": "a/three"}, "responses": {"store": "none"}})
            assert eventually(lambda: client.responses.create(model="m", input="x").model == "three")
            assert client.responses.create(model="m", input="x").to_dict()["store"] is False
            with pytest.raises(openai.NotFoundError):
                client.responses.retrieve(made.id)
