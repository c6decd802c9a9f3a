from __future__ import annotations

import asyncio

import pytest

from edge.listed import EVERYTHING, GPT, World
from llm_gateway.catalogue.lookup import Catalogue
from llm_gateway.core.caller import Caller
from llm_gateway.core.errors import InvalidRequest, NotFound
from llm_gateway.providers.discovery import ListedModel


def test_the_list_holds_aliases_and_models():
    """Aliases first, then configured and discovered models by provider/model."""
    expected = ["fast", "smart", "mixed", "openai/gpt-4o", "openai/gpt-4o-mini", "gpu/llama", "gpu/org/qwen:2"]
    assert World().ids() == expected


def test_a_row():
    """OpenAI's members and x_gateway_info; what its provider says counts, the catalogue has the rest."""
    body = World().data(b"id=fast")
    assert body == {
        "object": "list",
        "data": [
            {
                "id": "fast",
                "object": "model",
                "created": 1_700_000_000,
                "owned_by": "meta",
                "x_gateway_info": {
                    "providers": ["gpu"],
                    "capabilities": ["chat", "vision"],
                    "context_window": 8192,
                    "max_output_tokens": 1024,
                    "modalities": {"input": [], "output": []},
                    "deprecated": None,
                    "deprecation_date": None,
                    "release_date": None,
                    "knowledge_cutoff": None,
                    "pricing": {"input_per_million": 0.5, "output_per_million": 1, "currency": "USD", "source": "tests"},
                },
            }
        ],
        "has_more": False,
    }


def test_a_row_from_the_catalogue():
    """A configured model that is not asked about: limits, media, lifecycle and prices are the catalogue's, its day of release too."""
    row = World(known=[GPT]).data(b"id=openai/gpt-4o")["data"][0]
    assert row["created"] == 1_715_558_400
    assert row["x_gateway_info"] == {
        "providers": ["openai"],
        "capabilities": ["tools", "vision"],
        "context_window": 128_000,
        "max_output_tokens": 16_384,
        "modalities": {"input": ["text", "image"], "output": ["text"]},
        "deprecated": True,
        "deprecation_date": "2027-01-14",
        "release_date": "2024-05-13",
        "knowledge_cutoff": "2023-09",
        "pricing": {
            "input_per_million": 2.5,
            "output_per_million": 10,
            "cache_read_per_million": 1.25,
            "currency": "USD",
            "steps": [{"above_tokens": 1000, "input_per_million": 5, "output_per_million": 10, "cache_read_per_million": 1.25}],
            "tiers": {"batch": {"input_per_million": 1.25}},
            "source": "tests",
        },
    }


def test_what_nobody_said_is_null():
    """A configured model of which nothing is known has nulls, an epoch date and its provider as owner."""
    row = World().data(b"id=openai/gpt-4o")["data"][0]
    assert (row["created"], row["owned_by"]) == (0, "openai")
    info = row["x_gateway_info"]
    assert (info.pop("providers"), info.pop("capabilities"), info.pop("modalities")) == (
        ["openai"],
        [],
        {"input": [], "output": []},
    )
    assert set(info.values()) == {None}


def test_an_alias_promises_what_all_candidates_have():
    """Smallest window, shared capabilities; null as soon as one candidate's is not known; a price only if it is everywhere the same."""
    smart, mixed = World(known=[GPT]).data(b"id__in=smart,mixed")["data"]
    info = smart["x_gateway_info"]
    assert (info["context_window"], info["max_output_tokens"], info["capabilities"], info["pricing"]) == (
        8192,
        None,
        ["chat"],
        None,
    )
    info = mixed["x_gateway_info"]
    assert (info["providers"], info["context_window"], info["capabilities"]) == (["openai", "gpu"], 8192, ["vision"])
    assert (info["deprecated"], info["deprecation_date"], info["release_date"]) == (True, "2027-01-14", None)
    assert World().data(b"id=mixed")["data"][0]["x_gateway_info"]["context_window"] is None


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (b"provider=openai", ["mixed", "openai/gpt-4o", "openai/gpt-4o-mini"]),
        (b"capability=vision", ["fast", "mixed", "openai/gpt-4o", "gpu/llama"]),
        (b"min_context=10000", ["openai/gpt-4o", "gpu/org/qwen:2"]),
        (b"x_gateway_info.context_window__lt=10000", ["fast", "smart", "mixed", "gpu/llama"]),
        (b"id__startswith=gpu/&sort=-context_window", ["gpu/org/qwen:2", "gpu/llama"]),
        (b"provider=gpu&sort=-pricing.input_per_million,id&limit=2", ["gpu/org/qwen:2", "fast"]),
        (b"offset=1&limit=2", ["smart", "mixed"]),
        (b"deprecated=true", ["mixed", "openai/gpt-4o"]),
        (b"deprecated=false", []),
        (b"modality=image&deprecation_date__lt=2028", ["openai/gpt-4o"]),
        (b"modalities.output__contains=text", ["openai/gpt-4o"]),
        (b"release_date__gte=2024-01-01", ["openai/gpt-4o"]),
        (b"knowledge_cutoff__startswith=2023", ["openai/gpt-4o"]),
        (b"pricing.cache_read_per_million__lte=1.25", ["openai/gpt-4o"]),
        (b"capability=tools&sort=-release_date", ["openai/gpt-4o"]),
    ],
)
def test_filters_order_and_pages(query, expected):
    """The parameters of requirements G1 to G3, short names and long."""
    assert World(known=[GPT]).ids(query) == expected


@pytest.mark.parametrize(
    "query", [b"min_context=big", b"deprecated=maybe", b"deprecated__startswith=t", b"sort=modalities.input"]
)
def test_a_filter_that_makes_no_sense(query):
    """It is the caller's fault, and named."""
    with pytest.raises(InvalidRequest) as caught:
        World().list(query)
    assert caught.value.param == query.partition(b"=")[0].decode()


def test_only_what_the_caller_may_use():
    """Everything else is as if it were not there, for the list and for one model alike."""
    caller = Caller("some", ["fast", "openai/*"])
    world = World()
    assert world.ids(caller=caller) == ["fast", "openai/gpt-4o", "openai/gpt-4o-mini"]
    assert world.one("openai/gpt-4o", caller=caller)["id"] == "openai/gpt-4o"
    messages = []
    for name in ("smart", "no-such-model"):
        with pytest.raises(NotFound) as caught:
            world.one(name, caller=caller)
        messages.append((str(caught.value), caught.value.code, caught.value.param, caught.value.status))
    assert messages[0] == messages[1] == (messages[0][0], "model_not_found", "model_id", 404)


def test_a_list_is_not_made_anew_for_each_who_asks(monkeypatch):
    """A thousand models take a while: the rows are made when a provider says something new and once a minute, for all callers."""
    made: list[str] = []
    seen = Catalogue.seen
    monkeypatch.setattr(Catalogue, "seen", lambda *asked: made.append(asked[2]) or seen(*asked))
    world = World()

    def names(caller: Caller = EVERYTHING) -> list[str]:
        return [row["id"] for row in asyncio.run(world.models.rows(caller))]

    every = names()
    count = len(made)
    assert names(Caller("narrow", ("fast",))) == ["fast"]
    assert names() == every
    assert len(made) == count
    world.clock.advance(60)
    assert names() == every
    assert len(made) == 2 * count
    world.listed = {"gpu": {"new": ListedModel("new")}}
    assert "gpu/new" in names()
    assert "gpu/llama" not in names()
