"""Cohere's Chat API, version 2 (https://docs.cohere.com/reference/chat), as back.

What its conventions and ours do not share:

- The plan that older models make before they call tools (`tool_plan`) is thinking here.
- Sources stand beside the text and point into it; they are the citations of that text, in Cohere's own shape.
- An answer does not name its model. One that ends with ERROR or TIMEOUT is a failure, with the reason where it is said.
"""

from __future__ import annotations

from llm_gateway.core.chat import ChatReply, ChatRequest
from llm_gateway.dialects.base import Operation, ProviderFault, Rendered, SseBack, Target
from llm_gateway.dialects.cohere_chat import reply, request_out, wire
from llm_gateway.dialects.cohere_chat.relay import CohereRelay
from llm_gateway.dialects.cohere_chat.stream_in import Reader
from llm_gateway.dialects.openai_chat.errors import parse_error


class CohereChat(SseBack):
    """POST /v2/chat. Implements ChatBack."""

    name = wire.NAME
    operation = Operation.CHAT

    check_reply = staticmethod(reply.check_reply)

    def parse_error(self, status: int, body: bytes) -> ProviderFault:
        return parse_error(status, body)

    def relay(self) -> CohereRelay:
        return CohereRelay()

    def render_request(self, request: ChatRequest, target: Target) -> Rendered:
        return request_out.render_request(request, target)

    def parse_reply(self, body: bytes) -> ChatReply:
        return reply.parse_reply(body)

    def stream_reader(self) -> Reader:
        return Reader()


COHERE_CHAT = CohereChat()
