"""What tokens are reserved at."""

from __future__ import annotations

from types import SimpleNamespace

from llm_gateway.limits.prices import FirstLeg


def candidate(rates, context: int = 0):
    return SimpleNamespace(rates=rates, context=context)


def asked(*legs) -> object:
    route = SimpleNamespace(legs=tuple(SimpleNamespace(candidates=leg) for leg in legs))
    return FirstLeg(lambda name: route if name == "m" else None)("m")


def test_the_dearest_of_equals():
    """Class by class; what a fallback costs is not reserved."""
    assert asked([candidate((3, 1, 5), 100), candidate((2, 2, 9), 300)], [candidate((90, 90, 90), 900)]) == ((3, 2, 9), 300)


def test_what_is_not_known():
    """No prices, or no window of one of them: nothing is supposed."""
    assert asked([candidate(None, 100), candidate((2, 2, 9))]) == ((2, 2, 9), 0)
    assert asked([candidate(None)]) == (None, 0)
    assert asked() == (None, 0)
    assert FirstLeg(lambda _name: None)("x") == (None, 0)
