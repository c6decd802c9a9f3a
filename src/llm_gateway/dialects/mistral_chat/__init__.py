"""Mistral's chat completions, as back (https://docs.mistral.ai/api/endpoint/chat).

They look like OpenAI's and are read by the same code, but refuse (422) what they do not know, put thinking into lists of content,
and want ids and roles just so: requests are made for them (request_out.py), also from callers of OpenAI's dialect.
"""

from __future__ import annotations

from llm_gateway.core.chat import ChatReply, ChatRequest
from llm_gateway.dialects.base import Operation, ProviderFault, Rendered, SseBack, Target
from llm_gateway.dialects.mistral_chat import request_out
from llm_gateway.dialects.openai_chat import errors, reply_in
from llm_gateway.dialects.openai_chat.relay import OpenAIRelay
from llm_gateway.dialects.openai_chat.stream_in import OpenAIReader


class MistralChat(SseBack):
    """POST /v1/chat/completions. Implements ChatBack."""

    name = "mistral_chat"
    operation = Operation.CHAT

    check_reply = staticmethod(reply_in.check_reply)

    def parse_error(self, status: int, body: bytes) -> ProviderFault:
        return errors.parse_error(status, body)

    def relay(self) -> OpenAIRelay:
        return OpenAIRelay()

    def render_request(self, request: ChatRequest, target: Target) -> Rendered:
        return request_out.render_request(request, target)

    def parse_reply(self, body: bytes) -> ChatReply:
        return reply_in.parse_reply(body)

    def stream_reader(self) -> OpenAIReader:
        return OpenAIReader()


MISTRAL_CHAT = MistralChat()
