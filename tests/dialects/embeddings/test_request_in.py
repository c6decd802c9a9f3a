"""What OpenAI's callers say beside OpenAI's own members."""

from __future__ import annotations

import msgspec
import pytest
from msgspec import Raw

from llm_gateway.core.errors import InvalidRequest
from llm_gateway.dialects.embeddings.request_in import parse_request


def parsed(**members):
    return parse_request(msgspec.json.encode({"model": "e", "input": "x"} | members))


@pytest.mark.parametrize(
    ("members", "member", "value", "place"),
    [
        ({"input_type": "query"}, "task", "search_query", "input_type"),
        ({"task": "retrieval.passage"}, "task", "search_document", "task"),
        ({"task_type": "SEMANTIC_SIMILARITY"}, "task", "similarity", "task_type"),
        ({"truncate": True}, "truncate", "end", "truncate"),
        ({"truncation": False}, "truncate", "none", "truncation"),
        ({"truncate": "START"}, "truncate", "start", "truncate"),
        ({"output_dimension": 3}, "dimensions", 3, "output_dimension"),
        ({"output_dtype": "int8"}, "number_type", "int8", "output_dtype"),
        ({"output_dtype": "float"}, "number_type", None, "output_dtype"),
        ({"embedding_type": "base64"}, "encoding", "base64", "encoding"),
    ],
)
def test_other_providers_members(members, member, value, place):
    """Are understood by any of their names, and keep the caller's own for what may be left out."""
    request = parsed(**members)
    assert getattr(request, member) == value
    assert request.extra == {}
    assert request.place(member) == place


def test_what_is_not_understood_stays():
    """A word that nobody has, and the second of two names."""
    request = parsed(input_type="poem", task="classification", truncate="middle", note=1)
    assert request.task is None
    assert request.truncate is None
    assert request.extra == {
        "input_type": Raw(b'"poem"'),
        "task": Raw(b'"classification"'),
        "truncate": Raw(b'"middle"'),
        "note": Raw(b"1"),
    }


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"output_dtype": "int4"}, "output_dtype"), ({"output_dtype": 1}, "output_dtype"), ({"embedding_type": []}, "embedding_type"),
        ({"output_dimension": 0}, "output_dimension"), ({"output_dimension": "x"}, "output_dimension"),
    ],
)  # fmt: skip
def test_wrong_values_are_named(members, param):
    """Those that decide what the numbers are."""
    with pytest.raises(InvalidRequest) as caught:
        parsed(**members)
    assert caught.value.param == param


@pytest.mark.parametrize("name", ["input_type", "task", "output_dimension", "embedding_type", "truncate"])
def test_a_number_that_is_too_large_to_read(name):
    """It is JSON, so that nothing looked at it before: the caller's fault, told with its name."""
    with pytest.raises(InvalidRequest) as caught:
        parsed(**{name: Raw(b"1e400")})
    assert caught.value.param == name
