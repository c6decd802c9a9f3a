"""A query's parameters: read, and left out."""

from __future__ import annotations

import pytest

from llm_gateway.core.errors import InvalidRequest
from llm_gateway.edge.query import parameters, without


def test_parameters_are_read():
    """Decoded; nothing stays of what has no name."""
    assert parameters(b"a=1&&b=%2F+x&c") == {"a": "1", "b": "/ x", "c": ""}
    assert parameters(b"") == {}


@pytest.mark.parametrize("query", [b"a=1&a=2", b"&".join(b"a%d=1" % n for n in range(65))])
def test_what_is_refused(query):
    """A parameter that is there twice, and too many."""
    with pytest.raises(InvalidRequest):
        parameters(query)


def test_what_is_left_out():
    """The others keep their very bytes."""
    assert without(b"x=%2f&k%65y=1&y=a+b", lambda name, _value: name == "key") == b"x=%2f&y=a+b"
    assert without(b"a=secret&b=2", lambda _name, value: value == "secret") == b"b=2"
