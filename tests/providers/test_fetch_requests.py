"""Files named by URL in requests, through a whole gateway."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from providers.files import PNG, UNREACHABLE, file
from scripted_upstream import ASK
from scripted_upstream import Upstream as Server
from serving import run
from whole_gateway import CHAT, MESSAGES, answer, chat, one_provider, said, whole_gateway

OLLAMA = answer(
    {"model": "real", "created_at": "2024-01-01T00:00:00Z", "message": {"role": "assistant", "content": "ok"}, "done": True}
)
ON = {"enabled": True, "allow_http": True, "allow_private": ["127.0.0.0/8"]}


def body_of(data: bytes) -> Any:
    return msgspec.json.decode(data.partition(b"\r\n\r\n")[2])


def in_messages(url: str) -> dict[str, Any]:
    content = [{"type": "text", "text": "what is it"}, {"type": "image", "source": {"type": "url", "url": url}}]
    return {"model": "m", "max_tokens": 5, "messages": [{"role": "user", "content": content}]}


def in_chat(url: str) -> dict[str, Any]:
    content = [{"type": "text", "text": "what is it"}, {"type": "image_url", "image_url": {"url": url}}]
    return {"model": "m", "messages": [{"role": "user", "content": content}], "keep": 1}


def through(settings: dict[str, Any], path: str, body: Callable[[str], Any], *providers: str, url: str = "", **more: Any) -> Any:
    """What the caller is answered, what Ollama was sent, and how often the file was asked for."""
    got: list[Any] = []

    async def test() -> None:
        said_by = OLLAMA if path == MESSAGES else said()
        async with Server(file()) as files, Server([ASK, said_by]) as server, Server([ASK, answer({}, "503 Down")]) as down:
            document = one_provider(server.url, kind="ollama")
            document["providers"]["b"] = {"type": "ollama", "base_url": down.url}
            document["models"]["m"]["deployments"] = list(providers or ("a/real",))
            document["translation"] = {"fetch": {**settings, "allow_ports": [files.port]}, **more}
            async with whole_gateway(document) as gateway:
                got.append(await gateway.post(path, body(url or f"http://127.0.0.1:{files.port}/a.png")))
            got.append([body_of(data) for _, data in server.requests])
            got.append(files.connections)

    run(test)
    return got


def test_a_picture_reaches_a_provider_that_fetches_nothing() -> None:
    """As bytes, though the caller named a URL; nothing was lost."""
    (status, headers, _), (sent,), _ = through(ON, MESSAGES, in_messages)
    assert status == 200
    assert sent["messages"][0]["images"] == [b64encode(PNG).decode()]
    assert b"x-gateway-dropped" not in headers


def test_a_place_that_takes_bytes_only_in_a_dialect_that_has_urls() -> None:
    """Ollama's own form of OpenAI's API: the request is left alone but for the picture."""
    (status, _, _), (sent,), fetched = through(ON, CHAT, in_chat)
    assert (status, fetched, sent["keep"]) == (200, 1, 1)
    assert sent["messages"][0]["content"][1]["image_url"]["url"] == f"data:image/png;base64,{b64encode(PNG).decode()}"
    (_, _, _), (sent,), fetched = through(ON, CHAT, lambda _: chat(keep=1))
    assert (fetched, sent) == (0, {**chat(keep=1), "model": "real"})


@pytest.mark.parametrize(("path", "body"), [(MESSAGES, in_messages), (CHAT, in_chat)])
def test_the_next_candidate_gets_the_same_bytes(path: str, body: Callable[[str], Any]) -> None:
    """A provider that fails after the file was fetched does not make the gateway fetch it again."""
    (status, _, _), sent, fetched = through(ON, path, body, "b/real", "a/real")
    assert (status, len(sent), fetched) == (200, 1, 1)
    assert b64encode(PNG).decode() in str(sent)


def test_it_is_off_unless_configured() -> None:
    """The picture is lost, and named; where loss is refused, the text names the key."""
    (status, headers, _), (sent,), fetched = through({}, MESSAGES, in_messages)
    assert (status, headers[b"x-gateway-dropped"], fetched) == (200, b"messages[0].content[1]", 0)
    assert "images" not in sent["messages"][0]
    (status, _, data), sent, _ = through({}, MESSAGES, in_messages, on_loss="refuse")
    assert (status, sent) == (400, [])
    assert b"translation.fetch.enabled" in data


def test_metadata_services_are_not_reached_through_the_gateway() -> None:
    """C17: a clear 400 with the place of the URL, and nothing of what is there."""
    (status, _, data), sent, _ = through(ON, CHAT, in_chat, url="http://169.254.169.254/latest/meta-data/")
    error = msgspec.json.decode(data)["error"]
    assert (status, sent, error["param"]) == (400, [], "messages[0].content[1].image_url.url")
    assert UNREACHABLE in error["message"]
