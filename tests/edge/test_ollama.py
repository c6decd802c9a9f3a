from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from edge.models_world import EVERYTHING, ModelsWorld, get
from llm_gateway.core.caller import Caller
from llm_gateway.core.errors import InvalidRequest, NotFound, Unsupported, UpstreamError
from llm_gateway.edge.ollama import Ollama, loaded, version
from llm_gateway.providers.beside import Said

SHOWN = Said(200, b'{"capabilities":["completion"]}')


class World(ModelsWorld):
    def __init__(self, said: Said = SHOWN) -> None:
        super().__init__()
        self.asked: list[tuple[str, bytes, str, bytes]] = []
        self.said = said
        self.ollama = Ollama(self.models, self.router, self.beside)  # type: ignore[arg-type]

    async def beside(self, provider: str, method: bytes, path: str, body: bytes = b"") -> Said:
        self.asked.append((provider, method, path, body))
        return self.said

    def tags(self, caller: Caller = EVERYTHING) -> Any:
        return msgspec.json.decode(asyncio.run(self.ollama.tags(caller, get())).body)

    def show(self, body: bytes, caller: Caller = EVERYTHING) -> Any:
        plain = asyncio.run(self.ollama.show(caller, get(body)))
        return plain.status, msgspec.json.decode(plain.body)


def test_tags_are_what_may_be_asked_for():
    """Aliases and provider/model names; what only a model server knows of a file is left out, not made up."""
    models = World().tags()["models"]
    assert [model["name"] for model in models] == [
        "fast",
        "house",
        "openai/gpt-4o",
        "gpu/llama",
        "gpu/embed",
        "gpu/rank",
        "gpu/draw",
    ]
    assert models[0] == {"name": "fast", "model": "fast", "modified_at": "2023-11-14T22:13:20Z", "details": {}}
    assert [model["name"] for model in World().tags(Caller("narrow", ("fast",)))["models"]] == ["fast"]


def test_a_model_as_the_gateway_knows_it():
    """Its context under a name that clients search for, and its capabilities in Ollama's words."""
    status, shown = World().show(b'{"model":"fast"}')
    assert status == 200
    assert shown["model_info"] == {"general.context_length": 8192}
    assert shown["capabilities"] == ["completion", "vision", "thinking"]
    assert World().show(b'{"name":"gpu/embed"}')[1]["capabilities"] == ["embedding"]


def test_a_model_of_an_ollama_server_is_shown_by_that():
    """It is asked by its own name, with the other members as they were, and its answer is passed on."""
    world = World()
    assert world.show(b'{"model":"house","verbose":true}') == (200, {"capabilities": ["completion"]})
    assert world.asked == [("house", b"POST", "/api/show", b'{"model":"llama3.2:1b","verbose":true}')]
    assert World(Said(404, b'{"error":"no"}')).show(b'{"model":"house"}') == (404, {"error": "no"})
    for said in (Said(500, b"{}"), Said(401, b'{"error":"key"}'), Said(200, b"<html>")):
        with pytest.raises(UpstreamError):
            World(said).show(b'{"model":"house"}')


def test_a_second_model_is_refused():
    """We would check one, and the server show the other."""
    world = World()
    for body in (
        b'{"model":"other","model":"house"}',
        b'{"model":"house","mod\\u0065l":"other"}',
        b'{"name":"a","name":"house"}',
    ):
        with pytest.raises(InvalidRequest):
            world.show(body)
    assert world.asked == []


@pytest.mark.parametrize("body", [b"{}", b'{"model":""}', b"[]", b'{"model":5}', b""])
def test_a_model_must_be_named(body):
    """In a JSON object."""
    with pytest.raises(InvalidRequest):
        World().show(body)


def test_a_model_of_others_is_not_there():
    """In the same words as one that does not exist."""
    texts = set()
    for name in (b"gpu/llama", b"nothing"):
        with pytest.raises(NotFound) as missing:
            World().show(b'{"model":"%b"}' % name, Caller("narrow", ("fast",)))
        texts.add(missing.value.message)
    assert len(texts) == 1


def test_what_is_not_done_here_is_refused():
    """Models are not pulled or deleted through a gateway."""
    with pytest.raises(Unsupported):
        asyncio.run(World().ollama.refuse())


def test_the_rest():
    """A version to compare with, and no model in the gateway's own memory."""
    assert all(part.isdecimal() for part in msgspec.json.decode(version().body)["version"].split("."))
    assert msgspec.json.decode(loaded().body) == {"models": []}
