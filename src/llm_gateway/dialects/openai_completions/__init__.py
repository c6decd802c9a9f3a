"""OpenAI's legacy text completions (https://platform.openai.com/docs/api-reference/completions).

Passes through where the provider has them. Where it only chats, the front is translated: the prompt becomes a user message.
"""

from __future__ import annotations

from llm_gateway.core.chat import ChatReply, ChatRequest
from llm_gateway.core.clock import Clock, SystemClock
from llm_gateway.dialects.base import Operation, ProviderFault, ReplyFacts, SseBack, View
from llm_gateway.dialects.openai_chat import errors, reply_in
from llm_gateway.dialects.openai_chat.asking import AsksForUsage
from llm_gateway.dialects.openai_chat.front import OpenAIFront
from llm_gateway.dialects.openai_chat.relay import OpenAIRelay
from llm_gateway.dialects.openai_completions import reply as out
from llm_gateway.dialects.openai_completions import request, view


class OpenAICompletions(OpenAIFront, AsksForUsage, SseBack):
    """A ChatFront, and a Back that passes through."""

    name = "openai_completions"
    operation = Operation.COMPLETION

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()

    def view(self, body: bytes) -> View:
        return view.view(body)

    def parse_request(self, body: bytes) -> ChatRequest:
        return request.parse_request(body)

    def render_reply(self, reply: ChatReply, _request: ChatRequest | None = None, /) -> bytes:
        return out.render_reply(reply, int(self._clock.now()))

    def stream_writer(self, request: ChatRequest) -> out.CompletionsWriter:
        return out.CompletionsWriter(include_usage=request.include_usage, created=int(self._clock.now()))

    def parse_error(self, status: int, body: bytes) -> ProviderFault:
        return errors.parse_error(status, body)

    def check_reply(self, body: bytes) -> ReplyFacts:
        return reply_in.check_reply(body)

    def relay(self) -> OpenAIRelay:
        return OpenAIRelay()


OPENAI_COMPLETIONS = OpenAICompletions()
