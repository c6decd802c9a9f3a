"""The claims that decide whether a token is good."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.identity.jose import Refused
from llm_gateway.identity.validity import check_audience, check_times, subject_of

JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), st.lists, max_leaves=5)


def test_the_end_includes_the_leeway():
    """What is remembered is good for as long as it would be accepted."""
    assert check_times({"exp": 100}, 90, 30) == 130
    assert check_times({"exp": 100}, 129, 30) == 130
    with pytest.raises(Refused, match="expired"):
        check_times({"exp": 100}, 130, 30)
    assert check_times({}, 0, 0, required=False) is None


@given(JSON, JSON, JSON)
def test_any_claims_are_good_or_refused(one, two, three):
    """Whatever stands in the place of a time, an audience or a subject."""
    for check in (
        lambda: check_times({"exp": one, "nbf": two, "iat": three}, 1e9, 30),
        lambda: check_audience({"aud": one}, frozenset({"gateway"})),
        lambda: subject_of({"sub": one}),
    ):
        try:
            check()
        except Refused:
            continue


def test_an_audience_is_whole_or_nothing():
    """A part of a name is another name, and a set that is too large is not searched."""
    check_audience({"aud": ["x", "gateway"]}, frozenset({"gateway"}))
    for meant in ("gatewa", "Gateway", " gateway", ["a"] * 100 + ["gateway"]):
        with pytest.raises(Refused):
            check_audience({"aud": meant}, frozenset({"gateway"}))
