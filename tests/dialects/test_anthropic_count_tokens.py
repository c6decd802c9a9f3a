"""Counting the tokens of a Messages request."""

from __future__ import annotations

import msgspec
import pytest
from anthropic.types import MessageTokensCount

from llm_gateway.core.chat import Message, Text
from llm_gateway.core.errors import InvalidRequest, UpstreamMalformed, UpstreamUnavailable
from llm_gateway.core.estimate import estimate
from llm_gateway.dialects.anthropic_count_tokens import ANTHROPIC_COUNT_TOKENS
from llm_gateway.dialects.base import Operation, ProviderFault, ReplyFacts

BODY = b'{"model":"m","messages":[{"role":"user","content":"How many are these?"}],"tools":[{"name":"f","input_schema":{}}]}'


def test_a_request_names_no_maximum():
    """Unlike the one whose tokens it counts; everything else is checked the same."""
    assert ANTHROPIC_COUNT_TOKENS.operation is Operation.COUNT_TOKENS
    assert ANTHROPIC_COUNT_TOKENS.view(BODY).model == "m"
    assert ANTHROPIC_COUNT_TOKENS.parse_request(BODY).messages == (Message("user", (Text("How many are these?"),)),)
    for look in (ANTHROPIC_COUNT_TOKENS.view, ANTHROPIC_COUNT_TOKENS.parse_request):
        with pytest.raises(InvalidRequest):
            look(b'{"model":"m","messages":[]}')


def test_an_estimate_is_an_answer():
    """As the SDK reads it."""
    tokens = estimate(ANTHROPIC_COUNT_TOKENS.parse_request(BODY))
    assert tokens > 4
    assert MessageTokensCount.model_validate_json(ANTHROPIC_COUNT_TOKENS.render_count(tokens)).input_tokens == tokens


def test_a_count_of_the_providers_passes():
    """Nothing is billed for it, so there is no usage."""
    assert ANTHROPIC_COUNT_TOKENS.check_reply(b'{"input_tokens":7,"context_management":null}') == ReplyFacts()


@pytest.mark.parametrize("body", [b"", b"null", b"{}", b'{"input_tokens":"7"}', b'{"type":"error","error":{}}', b"<html>"])
def test_what_is_no_count_is_malformed(body):
    """Under any status of success."""
    with pytest.raises(UpstreamMalformed):
        ANTHROPIC_COUNT_TOKENS.check_reply(body)


def test_errors_are_those_of_messages():
    """Shape, status and reading."""
    error = UpstreamUnavailable("later")
    assert msgspec.json.decode(ANTHROPIC_COUNT_TOKENS.render_error(error, "r"))["error"]["type"] == "overloaded_error"
    assert ANTHROPIC_COUNT_TOKENS.status_of(error) == 529
    assert ANTHROPIC_COUNT_TOKENS.frame_error(error, "r").startswith(b"event: error\n")
    assert ANTHROPIC_COUNT_TOKENS.parse_error(404, b'{"error":{"type":"not_found_error","message":"m"}}') == ProviderFault(
        "m", "not_found_error"
    )
    assert not ANTHROPIC_COUNT_TOKENS.relay().done
