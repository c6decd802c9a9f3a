"""GET /v1/providers (requirements E6)."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from edge.listed import World
from llm_gateway.core.caller import Caller
from llm_gateway.edge.providers import Providers


def asked(caller: Caller | None = None, query: bytes = b"") -> dict:
    world = World()
    providers = Providers(world.models._router, world.models)
    answer = asyncio.run(providers.listing(caller or Caller("k"), query, {}))
    assert answer.status == 200
    return msgspec.json.decode(answer.body)


def test_those_that_requests_may_be_sent_to():
    """With their types and how many of the caller's models each serves."""
    found = asked()
    assert found["object"] == "list"
    assert [(row["id"], row["object"]) for row in found["data"]] == [("gpu", "provider"), ("openai", "provider")]
    assert all(row["models"] > 0 and row["type"] for row in found["data"])


@pytest.mark.parametrize(
    "caller", [Caller("k", ["openai/*"]), Caller("k", providers=["openai"])], ids=["by models", "by providers"]
)
def test_others_are_not_told(caller):
    """Neither where no model of it is allowed, nor where the provider itself is not."""
    assert [row["id"] for row in asked(caller)["data"]] == ["openai"]


def test_in_pages():
    """As the other lists."""
    found = asked(query=b"limit=1")
    assert ([row["id"] for row in found["data"]], found["has_more"]) == (["gpu"], True)
