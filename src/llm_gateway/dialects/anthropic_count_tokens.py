"""Counting the tokens of a Messages request (https://docs.anthropic.com/en/api/messages-count-tokens).

Anthropic counts itself, and the request passes through. For every other provider the count is an estimate from the neutral
form: parse_request, core.estimate, render_count.
"""

from __future__ import annotations

import msgspec

from llm_gateway.core.chat import ChatRequest
from llm_gateway.core.errors import GatewayError
from llm_gateway.core.json import encode
from llm_gateway.dialects.anthropic_messages import errors
from llm_gateway.dialects.anthropic_messages.relay import AnthropicRelay
from llm_gateway.dialects.anthropic_messages.request_in import parse_request
from llm_gateway.dialects.anthropic_messages.view import view_count
from llm_gateway.dialects.base import Operation, ProviderFault, ReplyFacts, SseBack, SseFront, View
from llm_gateway.dialects.received import expect


class _Count(msgspec.Struct):
    input_tokens: int


class AnthropicCountTokens(SseFront, SseBack):
    """POST /v1/messages/count_tokens. Implements Front and Back."""

    name = "anthropic_count_tokens"
    operation = Operation.COUNT_TOKENS

    def view(self, body: bytes) -> View:
        return view_count(body)

    def status_of(self, error: GatewayError) -> int:
        return errors.status_of(error)

    def render_error(self, error: GatewayError, request_id: str) -> bytes:
        return errors.render_error(error, request_id)

    def frame_error(self, error: GatewayError, request_id: str) -> bytes:
        return errors.frame_error(error, request_id)

    def parse_request(self, body: bytes) -> ChatRequest:
        """The request in neutral form, for an estimate. Raises InvalidRequest or MalformedBody."""
        return parse_request(body, count=True)

    def render_count(self, tokens: int) -> bytes:
        """The answer that says `tokens`."""
        return encode({"input_tokens": tokens})

    def parse_error(self, status: int, body: bytes) -> ProviderFault:
        return errors.parse_error(status, body)

    def check_reply(self, body: bytes) -> ReplyFacts:
        """Counting is free: there is no usage. Raises UpstreamMalformed."""
        expect(body, _Count, "The provider's answer is no count of tokens")
        return ReplyFacts()

    def relay(self) -> AnthropicRelay:
        """A count is never streamed; the Protocol has it for every back."""
        return AnthropicRelay()


ANTHROPIC_COUNT_TOKENS = AnthropicCountTokens()
