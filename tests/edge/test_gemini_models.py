from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from edge.models_world import EVERYTHING, ModelsWorld, get
from llm_gateway.core.caller import Caller
from llm_gateway.core.errors import InvalidRequest, NotFound
from llm_gateway.edge.gemini_models import GeminiModels

NAMES = [
    "models/fast",
    "models/house",
    "models/openai/gpt-4o",
    "models/gpu/llama",
    "models/gpu/embed",
    "models/gpu/rank",
    "models/gpu/draw",
]


def listed(query: bytes = b"", caller: Caller = EVERYTHING) -> Any:
    made = GeminiModels(ModelsWorld().models)
    return msgspec.json.decode(asyncio.run(made.listing(caller, get(query=query))).body)


def one(rest: str, caller: Caller = EVERYTHING) -> Any:
    return msgspec.json.decode(asyncio.run(GeminiModels(ModelsWorld().models).one(caller, rest, get())).body)


def test_the_list():
    """All that the caller may use; limits only where they are known, methods by what the model is for."""
    document = listed()
    assert document.keys() == {"models"}
    assert [model["name"] for model in document["models"]] == NAMES
    fast = document["models"][0]
    assert (fast["inputTokenLimit"], fast["outputTokenLimit"]) == (8192, 1024)
    assert fast["supportedGenerationMethods"] == ["generateContent", "streamGenerateContent", "countTokens"]
    assert "outputTokenLimit" not in document["models"][-1]
    methods = {model["name"]: model["supportedGenerationMethods"] for model in document["models"]}
    assert methods["models/gpu/embed"] == ["embedContent", "batchEmbedContents"]
    assert methods["models/gpu/rank"] == []
    assert methods["models/gpu/draw"] == fast["supportedGenerationMethods"]  # it draws, and talks as well
    assert methods["models/openai/gpt-4o"] == fast["supportedGenerationMethods"]
    assert [model["name"] for model in listed(caller=Caller("narrow", ("fast",)))["models"]] == ["models/fast"]


def test_pages():
    """pageSize and nextPageToken, to the end and no further."""
    seen, query = [], b"pageSize=2"
    for _ in range(9):
        document = listed(query)
        seen.append([model["name"] for model in document["models"]])
        if "nextPageToken" not in document:
            break
        query = b"pageSize=2&pageToken=" + document["nextPageToken"].encode()
    assert seen == [NAMES[:2], NAMES[2:4], NAMES[4:6], NAMES[6:]]
    assert len(listed(b"pageSize=0")["models"]) == len(NAMES)
    assert len(listed(b"pageSize=99999")["models"]) == len(NAMES)


@pytest.mark.parametrize("query", [b"pageSize=-1", b"pageSize=x", b"pageToken=%00", b"pageToken=e30"])
def test_pages_that_make_no_sense(query):
    """Refused, naming the parameter."""
    with pytest.raises(InvalidRequest) as refused:
        listed(query)
    assert refused.value.param == query.partition(b"=")[0].decode()


def test_one_model():
    """By the alias or the provider's name for it, slashes quoted or not."""
    assert one("fast")["name"] == "models/fast"
    assert one("gpu/llama") == one("gpu%2Fllama")
    for rest in ("nothing", "%ff"):
        with pytest.raises(NotFound):
            one(rest)
    with pytest.raises(NotFound):
        one("gpu/llama", Caller("narrow", ("fast",)))
