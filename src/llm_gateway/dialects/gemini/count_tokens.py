"""Counting the tokens of a request (https://ai.google.dev/api/tokens), POST /v1beta/models/{model}:countTokens.

Gemini counts itself, and the request passes through. For every other provider the count is an estimate from the neutral form:
parse_request, core.estimate, render_count. What is counted stands in the body itself, or whole as generateContentRequest.
"""

from __future__ import annotations

import msgspec
from msgspec import Raw

from llm_gateway.core.chat import ChatRequest
from llm_gateway.core.errors import GatewayError
from llm_gateway.core.json import encode
from llm_gateway.dialects.base import Operation, ProviderFault, ReplyFacts, SseBack, SseFront, View
from llm_gateway.dialects.gemini import errors
from llm_gateway.dialects.gemini.frames import SseFrames
from llm_gateway.dialects.gemini.relay import GeminiRelay
from llm_gateway.dialects.gemini.request_in import parse_request
from llm_gateway.dialects.gemini.view import check
from llm_gateway.dialects.gemini.wire import NULL
from llm_gateway.dialects.invalid import read, refuse
from llm_gateway.dialects.received import expect

NAME = "gemini_count_tokens"


class _Body(msgspec.Struct):
    generateContentRequest: Raw = NULL  # noqa: N815 - both spellings stand here by their own name
    generate_content_request: Raw = NULL
    contents: Raw = NULL


class _Count(msgspec.Struct, rename="camel"):
    total_tokens: int


class GeminiCountFront(SseFront):
    """Implements Front; render_count as AnthropicCountTokens has it."""

    name = NAME
    operation = Operation.COUNT_TOKENS

    model_in_body = False

    def __init__(self, model: str) -> None:
        self.model = model

    def view(self, body: bytes) -> View:
        check(counted(body), self.model)
        return View(self.model)

    def render_error(self, error: GatewayError, request_id: str) -> bytes:
        return errors.render_error(error, request_id)

    def frame_error(self, error: GatewayError, request_id: str) -> bytes:
        return SseFrames().fail(error, request_id)

    def parse_request(self, body: bytes) -> ChatRequest:
        """The request in neutral form, for an estimate. Raises InvalidRequest or MalformedBody."""
        return parse_request(counted(body), self.model, stream=False)

    def render_count(self, tokens: int) -> bytes:
        """The answer that says `tokens`."""
        return encode({"totalTokens": tokens})


class GeminiCountTokens(SseBack):
    """Implements Back."""

    name = NAME
    operation = Operation.COUNT_TOKENS

    def parse_error(self, status: int, body: bytes) -> ProviderFault:
        return errors.parse_error(status, body)

    def check_reply(self, body: bytes) -> ReplyFacts:
        """Counting is free: there is no usage. Raises UpstreamMalformed."""
        expect(body, _Count, "The provider's answer is no count of tokens")
        return ReplyFacts()

    def relay(self) -> GeminiRelay:
        """A count is never streamed; the Protocol has it for every back."""
        return GeminiRelay()


GEMINI_COUNT_TOKENS = GeminiCountTokens()


def counted(body: bytes) -> bytes:
    """The request whose tokens are counted."""
    found = read(body, _Body)
    inner = found.generateContentRequest if found.generateContentRequest != NULL else found.generate_content_request
    if inner == NULL:
        return body
    if found.contents != NULL:
        raise refuse("contents", "generateContentRequest has them already")
    return bytes(inner)
