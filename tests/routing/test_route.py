"""Which deployments serve a name."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from llm_gateway.core.errors import NotFound
from llm_gateway.providers.deployment import Patience, Upstream
from llm_gateway.providers.registry import PROVIDER_TYPES
from llm_gateway.routing import route as module
from llm_gateway.routing.route import Backoff, Route, Router

KIND = PROVIDER_TYPES["openai_compatible"]
OPEN = Upstream("open", KIND, "http://127.0.0.1:1")
LISTED = Upstream("listed", KIND, "http://127.0.0.1:2", models=("a", "org/b"))
PATIENCE = Patience(total=7.0)
ALIAS = Route("fast", ((OPEN.deployment("x"), PATIENCE),), 1, 5.0)


def router(**routes: Route) -> Router:
    return Router({"fast": ALIAS, **routes}, {"open": OPEN, "listed": LISTED}, PATIENCE, 2)


@pytest.mark.parametrize(
    ("name", "served"),
    [
        ("fast", "open/x"),
        ("open/anything", "open/anything"),
        ("open/org/model:7b", "open/org/model:7b"),
        ("listed/a", "listed/a"),
        ("listed/org/b", "listed/org/b"),
        ("listed/c", None),
        ("nobody/a", None),
        ("open", None),
        ("open/", None),
        ("/x", None),
        ("", None),
        ("open/a b", None),
        ("open/a\r\nX-Injected: 1", None),
        ("open/" + "m" * 257, None),
        ("FAST", None),
    ],
)
def test_a_name_is_an_alias_or_provider_and_model(name, served):
    """Aliases first, then provider/model; a model that its provider is known not to have, or that no header could name, is none."""
    found = router().route(name)
    assert (found and found.candidates[0][0].name) == served


def test_an_alias_hides_the_provider_of_its_name():
    """What the operator named wins over what it looks like."""
    own = Route("open/x", ALIAS.candidates, 0, 1.0)
    assert router(**{"open/x": own}).route("open/x") is own


def test_a_direct_name_has_the_defaults():
    """Its patience, retries and total are those that an alias has when nothing is said."""
    found = router().route("open/x")
    assert (found.retries, found.total, found.candidates[0][1]) == (2, 7.0, PATIENCE)


def test_direct_names_are_remembered_up_to_a_bound(monkeypatch):
    """The same name is the same route; past the bound names are looked up each time and nothing grows."""
    monkeypatch.setattr(module, "DIRECT_NAMES", 2)
    one = router()
    assert one.route("open/1") is one.route("open/1")
    one.route("open/2")
    assert one.route("open/3") is not one.route("open/3")
    assert len(one._direct) == 2


def test_an_unknown_model_is_not_found():
    """404 model_not_found, and the text does not repeat the name (C14)."""
    with pytest.raises(NotFound) as caught:
        router().candidates(SimpleNamespace(model="{{7*7}}"))
    assert (caught.value.code, caught.value.param) == ("model_not_found", "model")
    assert "7*7" not in caught.value.message


def test_backoff_doubles_with_jitter_up_to_its_cap():
    """100 ms, 200 ms, ... 10 s, each between 75 % and 125 % (requirements A8); a huge count does not overflow."""
    assert [Backoff(lambda: 0.5).wait(n) for n in range(4)] == pytest.approx([0.1, 0.2, 0.4, 0.8])
    assert Backoff(lambda: 0.0).wait(0) == pytest.approx(0.075)
    assert Backoff(lambda: 0.999999).wait(0) == pytest.approx(0.125)
    assert Backoff(lambda: 0.5).wait(10**9) == pytest.approx(10.0)
