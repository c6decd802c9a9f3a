"""Every dialect that callers speak, to every dialect that providers speak: text and calls, whole and streamed, mean the same."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from e2e.every_provider import PROVIDERS, SCHEMA, World, running_world
from gateway_process import KEY

FRONTS = ("chat", "responses", "messages", "gemini", "gemini array", "ollama")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with running_world(tmp_path_factory.mktemp("matrix")) as made:
        yield made


def ask(world: World, front: str, model: str, text: str, *, stream: bool, tools: bool = False) -> tuple[str, bytes]:
    path, body = request_of(front, model, text, stream=stream, tools=tools)
    connection = http.client.HTTPConnection("127.0.0.1", world.gateway.port, timeout=10)
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {KEY}"}
    connection.request("POST", path, msgspec.json.encode(body), headers)
    answer = connection.getresponse()
    data = answer.read()
    connection.close()
    assert answer.status == 200, data
    assert answer.headers["X-Gateway-Dropped"] is None
    return str(answer.headers["Content-Type"]), data


def request_of(front: str, model: str, text: str, *, stream: bool, tools: bool) -> tuple[str, dict[str, Any]]:
    function = {"name": "weather", "description": "The weather somewhere", "parameters": SCHEMA}
    said = [{"role": "user", "content": text}]
    if front == "chat":
        more = {"tools": [{"type": "function", "function": function}]} if tools else {}
        return "/v1/chat/completions", {"model": model, "stream": stream, "messages": said, **more}
    if front == "responses":
        more = {"tools": [{"type": "function", **function}]} if tools else {}
        return "/v1/responses", {"model": model, "stream": stream, "input": text, **more}
    if front == "messages":
        own = {"name": "weather", "description": function["description"], "input_schema": SCHEMA}
        more = {"tools": [own]} if tools else {}
        return "/v1/messages", {"model": model, "stream": stream, "max_tokens": 500, "messages": said, **more}
    if front == "ollama":
        more = {"tools": [{"type": "function", "function": function}]} if tools else {}
        return "/api/chat", {"model": model, "stream": stream, "messages": said, **more}
    more = {"tools": [{"functionDeclarations": [function]}]} if tools else {}
    verb = "generateContent" if not stream else "streamGenerateContent" + ("" if front == "gemini array" else "?alt=sse")
    return f"/v1beta/models/{model}:{verb}", {"contents": [{"role": "user", "parts": [{"text": text}]}], **more}


def documents(front: str, kind: str, data: bytes) -> list[dict[str, Any]]:
    """The answer's JSON documents: one of a whole answer, each event's of a stream."""
    if kind.startswith("text/event-stream"):
        lines = [line.removeprefix(b"data: ") for line in data.split(b"\n") if line.startswith(b"data: ")]
        return [msgspec.json.decode(line) for line in lines if line != b"[DONE]"]
    if kind.startswith("application/x-ndjson"):
        return [msgspec.json.decode(line) for line in data.splitlines() if line]
    decoded = msgspec.json.decode(data)
    return decoded if isinstance(decoded, list) else [decoded]


def text_of(front: str, found: list[dict[str, Any]]) -> str:
    out = ""
    for document in found:
        match front:
            case "chat":
                choices = document["choices"]
                out += "".join((choice.get("message") or choice["delta"]).get("content") or "" for choice in choices)
            case "responses" if document.get("object") == "response":
                parts = [part for item in document["output"] for part in item.get("content") or ()]
                out += "".join(part.get("text", "") for part in parts)
            case "responses" if document["type"] == "response.output_text.delta":
                out += document["delta"]
            case "messages":
                blocks = [*document.get("content", ()), document.get("delta", {})]
                out += "".join(block.get("text", "") for block in blocks)
            case "gemini" | "gemini array":
                parts = [part for one in document.get("candidates", ()) for part in one.get("content", {}).get("parts", ())]
                out += "".join(part.get("text", "") for part in parts)
            case "ollama":
                out += document["message"].get("content") or ""
    return out


def call_of(front: str, found: list[dict[str, Any]]) -> tuple[str, Any]:
    """Name and arguments of the one call."""
    name, arguments = "", ""
    for document in found:
        match front:
            case "chat":
                for choice in document["choices"]:
                    for call in (choice.get("message") or choice["delta"]).get("tool_calls") or ():
                        name += call["function"].get("name") or ""
                        arguments += call["function"].get("arguments") or ""
            case "responses":
                done = document if document.get("object") == "response" else document.get("response", {})
                for item in done.get("output", ()) if done.get("status") == "completed" else ():
                    if item["type"] == "function_call":
                        name, arguments = item["name"], item["arguments"]
            case "messages":
                for block in [*document.get("content", ()), document.get("content_block", {})]:
                    if block.get("type") == "tool_use":
                        name = block["name"]
                        arguments = msgspec.json.encode(block["input"]).decode() if block["input"] else ""
                arguments += document.get("delta", {}).get("partial_json", "")
            case "gemini" | "gemini array":
                for one in document.get("candidates", ()):
                    for part in one.get("content", {}).get("parts", ()):
                        if "functionCall" in part:
                            name, arguments = (
                                part["functionCall"]["name"],
                                msgspec.json.encode(part["functionCall"]["args"]).decode(),
                            )
            case "ollama":
                for call in document["message"].get("tool_calls") or ():
                    name, arguments = call["function"]["name"], msgspec.json.encode(call["function"]["arguments"]).decode()
    return name, msgspec.json.decode(arguments)


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("front", FRONTS)
def test_text_is_the_same_whole_and_streamed(world: World, front: str, provider: str) -> None:
    """A question comes back through any pair of dialects, in the framing that was asked for."""
    text = f"Umlauts äöü and 模型 from {front} to {provider}"
    kind, whole = ask(world, front, f"m-{provider}", text, stream=False)
    assert kind == "application/json"
    said = text_of(front, documents(front, kind, whole))
    assert text in said
    kind, streamed = ask(world, front, f"m-{provider}", text, stream=True)
    assert kind.partition(";")[0] == {"ollama": "application/x-ndjson", "gemini array": "application/json"}.get(
        front, "text/event-stream"
    )
    assert text_of(front, documents(front, kind, streamed)) == said


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("front", FRONTS)
def test_a_tool_is_called(world: World, front: str, provider: str, stream: bool) -> None:
    """A declared tool's call arrives with its name and the arguments that its schema asks for."""
    kind, data = ask(world, front, f"m-{provider}", "call weather please", stream=stream, tools=True)
    name, arguments = call_of(front, documents(front, kind, data))
    assert name == "weather"
    assert isinstance(arguments["city"], str)
