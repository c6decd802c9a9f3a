"""The checks that every registered provider type passes. A new file in providers/ and its line in the registry bring it in;
nothing here is edited for it.
"""

from __future__ import annotations

import inspect
import re
import time
from typing import Any

import msgspec
import pytest

from contract.world import (
    BREAKS,
    CHAT_FRONTS,
    DIALECTS_ASKED,
    FAULTS,
    MODEL,
    STALL,
    Account,
    Answered,
    World,
    accounts,
    modules,
    question,
)
from gateway_process import KEY
from llm_gateway.dialects.base import Operation
from llm_gateway.dialects.registry import DIALECTS
from llm_gateway.providers.registry import COMPILED_TYPES, PROVIDER_TYPES
from llm_gateway.simulator import Seen, fingerprint
from llm_gateway.simulator.log import SECRET_HEADERS, shown_headers

MOST_LINES = 60
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOLS: dict[str, list[dict[str, Any]]] = {
    "openai_chat": [{"type": "function", "function": {"name": "weather", "parameters": SCHEMA}}],
    "anthropic_messages": [{"name": "weather", "input_schema": SCHEMA}],
}
ACCOUNTS = [pytest.param(account, id=account.name) for account in accounts()]
ASKED = [pytest.param(account, front, id=f"{account.name}:{front}") for account in accounts() for front in account.fronts()]
CHATS = [
    pytest.param(account, front, id=f"{account.name}:{front}")
    for account in accounts()
    if account.plain and account.offers(Operation.CHAT)
    for front in CHAT_FRONTS
]


@pytest.mark.parametrize(("account", "front"), ASKED)
def test_a_request_is_answered(world: World, account: Account, front: str) -> None:
    """A request in each dialect reaches the endpoint that the provider type names, with the provider's own model name, and is
    answered in the caller's dialect.
    """
    before = len(world.seen(account))
    answered = world.ask(account, front)
    assert (answered.status, answered.headers.get("X-Provider")) == (200, account.name), answered.body
    assert shape(front, answered.document)
    sent = world.seen(account)[before:]
    if front == "anthropic_count_tokens" and front not in account.endpoints:
        assert sent == []  # an estimate, which costs the provider nothing
        assert answered.headers["X-Gateway-Estimated"] == "true"
        return
    assert [(seen.path, seen.status) for seen in sent] == [(native(account, front), 200)]
    assert msgspec.json.decode(sent[0].body)["model"] == MODEL


@pytest.mark.parametrize(("account", "front"), CHATS)
def test_a_stream_says_what_the_whole_answer_says(world: World, account: Account, front: str) -> None:
    """A streamed answer is the same text as the whole one, and ends with the caller's own terminal marker."""
    whole = world.ask(account, front, text="Say it twice").document
    streamed = world.ask(account, front, text="Say it twice", stream=True)
    assert streamed.status == 200
    assert streamed.headers["Content-Type"].startswith("text/event-stream")
    assert streamed.complete
    assert text_of(front, streamed.events) == text_of(front, [whole])


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize(("account", "front"), CHATS)
def test_tools_are_called(world: World, account: Account, front: str, stream: bool) -> None:
    """A declared tool's call comes back with its name, an id and arguments that are JSON."""
    answered = world.ask(account, front, text="call weather please", tools=TOOLS[front], stream=stream)
    name, call_id, arguments = tool_call(front, answered, stream=stream)
    assert (answered.status, name) == (200, "weather")
    assert call_id
    assert isinstance(msgspec.json.decode(arguments)["city"], str)


@pytest.mark.parametrize(("fault", "status"), FAULTS.items())
@pytest.mark.parametrize(("account", "front"), CHATS)
def test_errors_keep_their_meaning(world: World, account: Account, front: str, fault: str, status: int) -> None:
    """A provider's refusal has the caller's shape, the right status, and never the provider's credential."""
    answered = world.ask(account, front, fault=fault)
    assert answered.status == status, answered.body
    assert answered.document["error"]["message"]
    assert (answered.document.get("type") == "error") is (front == "anthropic_messages")
    assert not leaks(account, answered)
    if status == 429:
        assert 1 <= int(answered.headers["Retry-After"]) <= 7  # what is left of the pause that the provider asked for


@pytest.mark.parametrize("fault", BREAKS)
@pytest.mark.parametrize(("account", "front"), CHATS)
def test_a_stream_that_breaks_never_looks_complete(world: World, account: Account, front: str, fault: str) -> None:
    """After a failure in the middle there is an error in the stream, or no stream at all: never a clean end."""
    answered = world.ask(account, front, fault=fault, text="Go on [tokens=60]", stream=True)
    assert not answered.complete
    assert b'"error"' in answered.body
    assert not leaks(account, answered)


@pytest.mark.parametrize(("account", "front"), CHATS)
def test_a_caller_who_leaves_ends_the_provider_s_work(world: World, account: Account, front: str, slack: float) -> None:
    """Closing the connection in the middle of a stream closes the one to the provider within a second."""
    before = len(world.seen(account))
    asked = world.send(account, front, fault=STALL, text="Go on [tokens=60]", stream=True)
    assert asked.response.read1(1)
    asked.response.close()
    asked.connection.close()
    end = time.monotonic() + slack
    while world.seen(account)[before].client_gone is None:
        assert time.monotonic() < end, "the provider is still being listened to"
        time.sleep(0.02)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize(("account", "front"), CHATS)
def test_usage_is_told_and_noted(world: World, account: Account, front: str, stream: bool) -> None:
    """The tokens that the provider counted reach the caller in his dialect and the access log, the same in both."""
    wanted = {"stream_options": {"include_usage": True}} if stream and front == "openai_chat" else {}
    answered = world.ask(account, front, text="Count this [tokens=12]", stream=stream, **wanted)
    prompt, completion = usage_of(front, answered.events if stream else [answered.document])
    assert prompt > 0
    assert completion == 12
    assert world.access(answered)["tokens"] == {"input": prompt, "output": completion, "cached": 0}


@pytest.mark.parametrize("account", ACCOUNTS)
def test_credentials_go_where_the_provider_wants_them_and_nowhere_else(world: World, account: Account) -> None:
    """The provider sees its own key in exactly the headers that its type names, and nothing of the caller's."""
    before = len(world.seen(account))
    for front in account.fronts():
        assert world.ask(account, front).status == 200
    sent = world.seen(account)[before:]
    assert sent
    signed = account.kind.sign(account.api_key) if account.api_key is not None else {}
    if "speaks" in account.extra and account.api_key is not None:
        signed = PROVIDER_TYPES[account.extra["speaks"]].sign(account.api_key)
    wanted = shown_headers([(name.lower().encode(), value.encode()) for name, value in signed.items()])
    for seen in sent:
        assert set(wanted) <= set(seen.headers)
        others = [header for header in seen.headers if header not in wanted]
        assert not [name for name, _ in others if name.encode() in SECRET_HEADERS]
        assert not reveals(seen, others, account.api_key)
        assert not reveals(seen, others, KEY)


@pytest.mark.parametrize("name", sorted(COMPILED_TYPES))
def test_a_provider_is_one_small_file_that_names_its_source(name: str) -> None:
    """A provider's module has 60 lines at most, knows dialects that exist, and a type that stands for a service or server
    with an address or a key says where its API is documented.
    """
    kind, module = COMPILED_TYPES[name], modules()[name]
    assert len(inspect.getsource(module).splitlines()) <= MOST_LINES
    assert set(kind.endpoints) <= set(DIALECTS)
    assert module.__doc__
    if kind.base_url is not None or kind.key_variable is not None:
        assert re.search(r"https://[\w.-]+", module.__doc__)


def test_every_provider_module_is_registered() -> None:
    """A provider file that nobody listed would silently not exist."""
    assert set(modules()) == set(COMPILED_TYPES)


def shape(front: str, document: dict[str, Any]) -> bool:
    """Whether a whole answer is one of this dialect."""
    match front:
        case "embeddings":
            return len(document["data"][0]["embedding"]) > 0
        case "anthropic_messages":
            return bool(document["type"] == "message" and document["content"][0]["text"])
        case "anthropic_count_tokens":
            return bool(document["input_tokens"] > 0)
        case "openai_completions":
            return bool(document["choices"][0]["text"])
        case _:
            return bool(document["object"] == "chat.completion" and document["choices"][0]["message"]["content"])


def native(account: Account, front: str) -> str:
    """The path that the provider is asked at: of the caller's own dialect if it has it, else of its first chat dialect."""
    if front in account.endpoints:
        return "/v1" + account.endpoints[front]
    return "/v1" + next(path for name, path in account.endpoints.items() if DIALECTS[name].operation is Operation.CHAT)


def text_of(front: str, documents: list[dict[str, Any]]) -> str:
    """The text of a whole answer, or of a stream's events."""
    if front == "anthropic_messages":
        blocks = [block for document in documents for block in document.get("content", ())]
        deltas = [document["delta"] for document in documents if document["type"] == "content_block_delta"]
        return "".join(part.get("text", "") for part in (*blocks, *deltas))
    choices = [choice for document in documents for choice in document["choices"]]
    return "".join((choice.get("message") or choice["delta"]).get("content") or "" for choice in choices)


def tool_call(front: str, answered: Answered, *, stream: bool) -> tuple[str, str, str]:
    """Name, id and arguments of the first tool call."""
    documents = answered.events if stream else [answered.document]
    if front == "anthropic_messages":
        starts = [document["content_block"] for document in documents if document["type"] == "content_block_start"]
        blocks = starts or documents[0]["content"]
        use = next(block for block in blocks if block["type"] == "tool_use")
        pieces = [
            document["delta"].get("partial_json", "") for document in documents if document["type"] == "content_block_delta"
        ]
        return use["name"], use["id"], "".join(pieces) if stream else msgspec.json.encode(use["input"]).decode()
    choices = [choice for document in documents for choice in document["choices"]]
    calls = [call for choice in choices for call in (choice.get("message") or choice["delta"]).get("tool_calls") or ()]
    arguments = "".join(call["function"].get("arguments") or "" for call in calls)
    return calls[0]["function"]["name"], calls[0]["id"], arguments


def usage_of(front: str, documents: list[dict[str, Any]]) -> tuple[int, int]:
    """Prompt and completion tokens, the last that was said of each."""
    found: dict[str, int] = {}
    for document in documents:
        for said in (document.get("usage"), (document.get("message") or {}).get("usage")):
            found.update({name: value for name, value in (said or {}).items() if isinstance(value, int)})
    names = ("input_tokens", "output_tokens") if front == "anthropic_messages" else ("prompt_tokens", "completion_tokens")
    return found[names[0]], found[names[1]]


def leaks(account: Account, answered: Answered) -> bool:
    """Whether an answer shows a credential."""
    shown = answered.body + repr(answered.headers).encode()
    return any(secret.encode() in shown for secret in (account.api_key, KEY) if secret is not None)


def reveals(seen: Seen, headers: list[tuple[str, str]], secret: str | None) -> bool:
    """Whether `secret` stands in the target, the body or one of `headers`, as it is or as the log shows it."""
    if secret is None:
        return False
    values = [value for _, value in headers]
    return secret.encode() in seen.body or any(
        s in text for s in (secret, fingerprint(secret)) for text in (seen.target, *values)
    )


def test_questions_exist_for_every_dialect() -> None:
    """A new dialect gets its smallest request here, or the checks above would ask it nonsense."""
    assert {name: sorted(question(name, "x")) for name in DIALECTS_ASKED} == {
        "openai_chat": ["messages"],
        "openai_completions": ["prompt"],
        "embeddings": ["input"],
        "anthropic_messages": ["max_tokens", "messages"],
        "anthropic_count_tokens": ["messages"],
    }
