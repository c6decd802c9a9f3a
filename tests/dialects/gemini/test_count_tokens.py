"""Counting the tokens of a request."""

from __future__ import annotations

import msgspec
import pytest

from llm_gateway.core.chat import Message, Text
from llm_gateway.core.errors import InvalidRequest, NotFound, UpstreamMalformed
from llm_gateway.core.estimate import estimate
from llm_gateway.dialects.base import Operation, ReplyFacts
from llm_gateway.dialects.gemini.count_tokens import GEMINI_COUNT_TOKENS, GeminiCountFront

FRONT = GeminiCountFront("gemini-x")
PLAIN = b'{"contents":[{"parts":[{"text":"How many are these?"}]}]}'


@pytest.mark.parametrize(
    "body", [PLAIN, b'{"generateContentRequest":%b}' % PLAIN, b'{"generate_content_request":%b,"contents":null}' % PLAIN]
)
def test_what_is_counted(body):
    """Stands in the body itself, or whole inside of it."""
    assert (FRONT.name, FRONT.operation) == (GEMINI_COUNT_TOKENS.name, Operation.COUNT_TOKENS)
    assert FRONT.view(body).model == "gemini-x"
    request = FRONT.parse_request(body)
    assert request.messages == (Message("user", (Text("How many are these?"),)),)
    tokens = estimate(request)
    assert msgspec.json.decode(FRONT.render_count(tokens)) == {"totalTokens": tokens}


@pytest.mark.parametrize(
    "body", [b"{}", b'{"generateContentRequest":3}', b'{"generateContentRequest":%b,"contents":[]}' % PLAIN, b"[]", b""]
)
def test_what_cannot_be_counted_is_refused(body):
    """As any other request is."""
    for look in (FRONT.view, FRONT.parse_request):
        with pytest.raises(InvalidRequest):
            look(body)


def test_a_count_of_the_providers_passes():
    """And nothing else does."""
    assert GEMINI_COUNT_TOKENS.check_reply(b'{"totalTokens":7,"promptTokensDetails":[]}') == ReplyFacts()
    for body in (b"", b"null", b"{}", b'{"totalTokens":"x"}', b'{"error":{}}'):
        with pytest.raises(UpstreamMalformed):
            GEMINI_COUNT_TOKENS.check_reply(body)


def test_errors_are_googles():
    """Both ways."""
    shown = FRONT.render_error(NotFound("m"), "r")
    assert GEMINI_COUNT_TOKENS.parse_error(404, shown).type == "NOT_FOUND"
    assert (FRONT.status_of(NotFound("m")), FRONT.frame_error(NotFound("m"), "r")[:6]) == (404, b"data: ")
    assert not GEMINI_COUNT_TOKENS.relay().done
