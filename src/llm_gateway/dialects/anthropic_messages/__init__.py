"""Anthropic's Messages API (https://docs.anthropic.com/en/api/messages), as front and as back.

What its conventions and ours do not share:

- Tool calls with arguments that are no JSON object are shown to a client, and sent to the API, as input {"_raw": "the text"}.
- Thinking of other families has no signature: a client sees an empty one (the SDKs demand the member), and thinking without a
  signature is left out of requests, named as dropped.
- A refusal is a text whose stop_reason is "refusal"; so is what a content filter stopped.
- Usage that a provider never told is shown as zeros, since the SDKs demand numbers.
"""

from __future__ import annotations

from llm_gateway.core.chat import ChatReply, ChatRequest
from llm_gateway.core.errors import GatewayError
from llm_gateway.dialects import names
from llm_gateway.dialects.anthropic_messages import errors, request_in, request_out, wire
from llm_gateway.dialects.anthropic_messages import reply as replies
from llm_gateway.dialects.anthropic_messages.relay import AnthropicRelay
from llm_gateway.dialects.anthropic_messages.stream_in import Reader
from llm_gateway.dialects.anthropic_messages.stream_out import Writer
from llm_gateway.dialects.anthropic_messages.view import view
from llm_gateway.dialects.base import Operation, ProviderFault, Rendered, SseBack, SseFront, Target


class AnthropicMessages(SseFront, SseBack):
    """POST /v1/messages. Implements ChatFront and ChatBack."""

    name = wire.NAME
    operation = Operation.CHAT
    own_names = names.ANTHROPIC

    view = staticmethod(view)
    check_reply = staticmethod(replies.check_reply)

    def status_of(self, error: GatewayError) -> int:
        return errors.status_of(error)

    def render_error(self, error: GatewayError, request_id: str) -> bytes:
        return errors.render_error(error, request_id)

    def frame_error(self, error: GatewayError, request_id: str) -> bytes:
        return errors.frame_error(error, request_id)

    def parse_request(self, body: bytes) -> ChatRequest:
        return request_in.parse_request(body)

    def render_reply(self, reply: ChatReply, _request: ChatRequest | None = None, /) -> bytes:
        return replies.render_reply(reply)

    def stream_writer(self, request: ChatRequest) -> Writer:
        return Writer(request)

    def parse_error(self, status: int, body: bytes) -> ProviderFault:
        return errors.parse_error(status, body)

    def relay(self) -> AnthropicRelay:
        return AnthropicRelay()

    def render_request(self, request: ChatRequest, target: Target) -> Rendered:
        return request_out.render_request(request, target)

    def parse_reply(self, body: bytes) -> ChatReply:
        return replies.parse_reply(body)

    def stream_reader(self) -> Reader:
        return Reader()


ANTHROPIC_MESSAGES = AnthropicMessages()
