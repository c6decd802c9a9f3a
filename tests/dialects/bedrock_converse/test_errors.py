"""Bedrock's errors, as faults."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.dialects.base import ProviderFault
from llm_gateway.dialects.bedrock_converse import BEDROCK_CONVERSE
from llm_gateway.dialects.bedrock_converse.errors import name_of


@pytest.mark.parametrize(
    ("status", "body", "fault"),
    [
        (400, b'{"message":"no"}', ProviderFault("no", "ValidationException")),
        (403, b'{"Message":"no"}', ProviderFault("no", "AccessDeniedException")),
        (
            400,
            b'{"__type":"com.amazon#ThrottlingException:http://x/"}',
            ProviderFault("ThrottlingException", "ThrottlingException"),
        ),
        (
            404,
            b'{"Output":{"__type":"a#UnknownOperationException"},"Version":"1.0"}',
            ProviderFault("UnknownOperationException", "UnknownOperationException"),
        ),
        (424, b'{"message":"m","originalStatusCode":500,"resourceName":"r"}', ProviderFault("m", "ModelErrorException")),
        (424, b'{"originalMessage":"m"}', ProviderFault("m", "ModelErrorException")),
        (502, b'{"error":{"message":"proxy","type":"t"}}', ProviderFault("proxy", "t")),
        (503, b"<html>", ProviderFault("", "ServiceUnavailableException")),
        (418, b"", ProviderFault("")),
        (500, b"[1]", ProviderFault("", "InternalServerException")),
    ],
)
def test_shapes(status, body, fault):
    """Its own, and what stands in front of it says; the type is that of the status where nothing else tells."""
    assert BEDROCK_CONVERSE.parse_error(status, body) == fault


@given(st.integers(100, 599), st.binary())
def test_any_body(status, body):
    """Never raises."""
    assert isinstance(BEDROCK_CONVERSE.parse_error(status, body), ProviderFault)


def test_names_are_cut_out_and_bounded():
    """A header may carry a URL behind the name."""
    assert name_of("UnrecognizedClientException:http://internal/") == "UnrecognizedClientException"
    assert len(name_of("x" * 1000)) == 100
