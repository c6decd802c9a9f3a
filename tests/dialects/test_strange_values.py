"""Documents in which one value is of a type that nobody expects there: refused or taken, never a fault of ours."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from amount import EVERYTHING
from dialects.recorded import FOLDER
from llm_gateway.core.errors import InvalidRequest, MalformedBody, Unsupported, UpstreamMalformed
from llm_gateway.dialects.base import Operation, Target
from llm_gateway.dialects.registry import DIALECTS

pytestmark = pytest.mark.thorough
STRANGE: list[Any] = [None, [], {}, 1, -1.5, "x", True, [[]], [{}], [None], {"type": []}, {"type": {}}]
CHATS = {name: back for name, back in DIALECTS.items() if back.operation is Operation.CHAT}
REQUESTS = sorted(
    path for name in CHATS for path in (FOLDER / name).glob("*.request.json") if hasattr(CHATS[name], "parse_request")
)
STREAMS = sorted(path for name in CHATS for path in (FOLDER / name).glob("*.stream.sse"))
REPLIES = sorted(path for name in CHATS for path in (FOLDER / name).glob("*.reply.json"))


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in inner:
        yield from places(child, (*path, key))


def changed(document: Any, path: tuple[Any, ...], value: Any) -> bytes:
    if not path:
        return msgspec.json.encode(value)
    made = copy.deepcopy(document)
    inside = made
    for key in path[:-1]:
        inside = inside[key]
    inside[path[-1]] = value
    return msgspec.json.encode(made)


def mutants(path: Any) -> Iterator[bytes]:
    return mutants_of(msgspec.json.decode(path.read_bytes()))


def mutants_of(document: Any) -> Iterator[bytes]:
    """Each place with each strange value where everything is tried, and with every third of them, in turn, elsewhere."""
    for number, place in enumerate(places(document)):
        for value in STRANGE if EVERYTHING else STRANGE[number % 3 :: 3]:
            yield changed(document, place, value)


@pytest.mark.parametrize("path", REQUESTS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_a_request_with_a_strange_value(path):
    """It is refused with the caller's error, or rendered for every provider (C09 to C11)."""
    front: Any = CHATS[path.parent.name]
    taken = 0
    for body in mutants(path):
        try:
            front.view(body)
            request = front.portable(front.parse_request(body))
        except (InvalidRequest, MalformedBody, Unsupported):
            continue
        taken += 1
        for back in CHATS.values():
            try:
                rendered = back.render_request(request, Target("m"))  # type: ignore[attr-defined]
            except Unsupported:
                continue
            msgspec.json.decode(rendered.body)
    assert taken


@pytest.mark.parametrize("path", REPLIES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_an_answer_with_a_strange_value(path):
    """It is malformed, or shown to the callers of every dialect (U20)."""
    back: Any = CHATS[path.parent.name]
    taken = 0
    for body in mutants(path):
        for look in (back.check_reply, back.parse_reply):
            try:
                reply = look(body)
            except UpstreamMalformed:
                continue
            if look == back.check_reply:
                continue
            taken += 1
            for front in CHATS.values():
                if hasattr(front, "render_reply"):
                    msgspec.json.decode(front.render_reply(reply))
    assert taken


@pytest.mark.parametrize("broken", [False, True], ids=["type", "syntax"])
@pytest.mark.parametrize("path", STREAMS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_a_stream_with_a_strange_value(path, broken):
    """It is malformed, or goes on; read as events and passed on alike, also where it breaks off behind the strange value."""
    back: Any = CHATS[path.parent.name]
    events = path.read_bytes().split(b"\n\n")
    for number, event in enumerate(events):
        name, found, data = event.rpartition(b"data: ")
        if not found or data == b"[DONE]":
            continue
        for body in mutants_of(msgspec.json.decode(data)):
            strange = name + found + (body[:-1] if broken else body)
            stream = b"\n\n".join([*events[:number], strange, *events[number + 1 :]])
            for reader in (back.stream_reader(), back.relay()):
                try:
                    reader.feed(stream)
                    reader.end()
                except UpstreamMalformed:
                    continue
