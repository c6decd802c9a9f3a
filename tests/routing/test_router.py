"""Names to routes."""

from __future__ import annotations

import pytest

from llm_gateway.core.errors import NotFound
from llm_gateway.routing import router as module
from llm_gateway.routing.route import Route
from llm_gateway.routing.router import Router
from routed import route

ALIAS = route("a")


def made(name: str) -> Route | None:
    return None if name == "nobody" else route("b")


def test_an_alias_comes_first():
    """What the operator named wins over what could be made of the name."""
    assert Router({"fast": ALIAS}, {}, made).route("fast") is ALIAS


def test_other_names_are_made_and_remembered_up_to_a_bound(monkeypatch):
    """The same name is the same route; past the bound names are looked up each time and nothing grows."""
    monkeypatch.setattr(module, "DIRECT_NAMES", 2)
    one = Router({}, {}, made)
    assert one.route("1") is one.route("1")
    one.route("2")
    assert one.route("3") is not one.route("3")
    assert len(one._direct) == 2


def test_an_unknown_model_is_not_found():
    """404 model_not_found, and the text does not repeat the name (C14)."""
    with pytest.raises(NotFound) as caught:
        Router({}, {}, lambda _: None).found("{{7*7}}")
    assert (caught.value.code, caught.value.param) == ("model_not_found", "model")
    assert "7*7" not in caught.value.message
