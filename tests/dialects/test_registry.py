"""Every request of an operation without conversations, for every provider of it, and every answer to every caller."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from dialects.recorded import FOLDER, agrees, given
from llm_gateway.core import embeddings, rerank
from llm_gateway.core.embeddings import EmbeddingsReply, EmbeddingsRequest
from llm_gateway.core.errors import InvalidRequest, MalformedBody, Unsupported, UpstreamMalformed
from llm_gateway.core.rerank import RankDocument, RerankReply, RerankRequest
from llm_gateway.dialects.base import Operation, Target
from llm_gateway.dialects.gemini.embed import GeminiEmbedFront
from llm_gateway.dialects.registry import DIALECTS

FORMS = (Operation.EMBEDDING, Operation.RERANK)
BACKS = {name: back for name, back in DIALECTS.items() if back.operation in FORMS and hasattr(back, "render_request")}
FRONTS: dict[str, Any] = {
    **{name: back for name, back in DIALECTS.items() if back.operation in FORMS and hasattr(back, "view")},
    "gemini_embed": GeminiEmbedFront("m"),
    "gemini_batch_embed": GeminiEmbedFront("m", batch=True),
}
REQUESTS = sorted(f"{name}/{path.name}" for name in FRONTS for path in (FOLDER / name).glob("*.request.json"))
REPLIES = sorted(f"{name}/{path.name}" for name in BACKS for path in (FOLDER / name).glob("*.reply.json"))
STRANGE: list[Any] = [None, [], {}, 1, -1.5, "x", True, [[]], [{}], [None], {"type": []}]


def rendered(front: Any, body: bytes, name: str) -> Any:
    """What the back `name` makes of a request: the document and what it leaves out, or where it refuses."""
    request = front.parse_request(body)
    try:
        asked = request if name == front.name else front.portable(request)
        made = BACKS[name].render_request(asked, Target("their-model"))  # type: ignore[attr-defined]
    except Unsupported as error:
        return {"refused": error.param or "?"}
    return {"body": msgspec.json.decode(made.body), "dropped": made.dropped}


def answered(reply: Any, back: str) -> dict[str, Any]:
    """What each front shows of an answer."""
    shown: dict[str, Any] = {}
    for name, front in FRONTS.items():
        if front.operation is BACKS[back].operation:
            shown[name] = msgspec.json.decode(front.render_reply(*settled(reply)))
    return shown


def settled(reply: Any) -> tuple[Any, Any]:
    """A reply as the callers get it, and a request that it answers."""
    if isinstance(reply, RerankReply):
        documents = tuple(RankDocument(f"document {index}") for index in range(9))
        asked = RerankRequest("m", "q", documents, return_documents=True)
        return rerank.completed(reply, asked, "model", "id"), asked
    request = EmbeddingsRequest("m", tuple(f"text {index}" for index in range(len(reply.vectors))))
    return embeddings.completed(reply, request, "model", "id"), request


@pytest.mark.parametrize("path", REQUESTS)
def test_a_request_for_every_provider(path: str) -> None:
    """Checked once by eye: what is sent, what is left out by the caller's own names, and what is refused."""
    front = FRONTS[path.partition("/")[0]]
    body = given(path)
    front.view(body)
    made = {name: rendered(front, body, name) for name, back in BACKS.items() if back.operation is front.operation}
    agrees(path.replace(".request.", ".rendered."), msgspec.json.encode(made))


@pytest.mark.parametrize("path", REPLIES)
def test_an_answer_for_every_caller(path: str) -> None:
    """Checked once by eye; who passes an answer on reads the same usage."""
    name = path.partition("/")[0]
    back: Any = BACKS[name]
    reply = back.parse_reply(given(path))
    assert back.check_reply(given(path)).usage == reply.usage
    agrees(path.replace(".reply.", ".shown."), msgspec.json.encode(answered(reply, name)))


def places(value: Any, path: tuple[Any, ...] = ()) -> Any:
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in inner:
        yield from places(child, (*path, key))


def mutants(document: Any) -> Any:
    """The document with one value, or one member more, that nobody expects there."""
    for path in places(document):
        for value in STRANGE:
            made = msgspec.json.decode(msgspec.json.encode({"": document}))
            inside = made
            for key in ("", *path[:-1]) if path else ():
                inside = inside[key]
            inside[path[-1] if path else ""] = value
            yield msgspec.json.encode(made[""])


@pytest.mark.parametrize("path", REQUESTS)
def test_a_request_with_a_strange_value(path: str) -> None:
    """It is refused with the caller's error, or rendered for every provider (C09 to C11)."""
    front = FRONTS[path.partition("/")[0]]
    taken = 0
    for body in mutants(msgspec.json.decode(given(path))):
        try:
            front.view(body)
            front.parse_request(body)
        except (InvalidRequest, MalformedBody):
            continue
        taken += 1
        for name, back in BACKS.items():
            if back.operation is front.operation:
                rendered(front, body, name)
    assert taken


@pytest.mark.parametrize("path", REPLIES)
def test_an_answer_with_a_strange_value(path: str) -> None:
    """It is malformed, or shown to every caller (U20)."""
    name = path.partition("/")[0]
    back: Any = BACKS[name]
    taken = 0
    for body in mutants(msgspec.json.decode(given(path))):
        for look in (back.check_reply, back.parse_reply):
            try:
                reply = look(body)
                if isinstance(reply, EmbeddingsReply | RerankReply):
                    answered(reply, name)
                    taken += 1
            except UpstreamMalformed:
                continue
    assert taken
