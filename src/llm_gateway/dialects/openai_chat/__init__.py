"""OpenAI's Chat Completions, front and back (https://platform.openai.com/docs/api-reference/chat).

What other dialects have and OpenAI has not is shown to its clients under names that its neighbours use, and read back from them:
`reasoning_content` (thinking text) and `reasoning_details` (blocks with signatures, and redacted ones: reasoning.py),
`cache_control` on parts, messages, tools (OpenRouter, LiteLLM), `annotations` and `citations` (sources), `stop_reason` (the stop
string, as vLLM has it), `native_finish_reason` (refusal, pause, context_window, error: finish.py), cache writes in
`prompt_tokens_details`. `opaque_blocks` is ours: blocks of another dialect, whole, for a client to send back.
"""

from __future__ import annotations

from types import MappingProxyType

from llm_gateway.core.chat import ChatReply, ChatRequest
from llm_gateway.core.clock import Clock, SystemClock
from llm_gateway.dialects.base import Operation, ProviderFault, Rendered, SseBack, Target, Wants
from llm_gateway.dialects.openai_chat import errors, reply_in, reply_out, request_in, request_out, view
from llm_gateway.dialects.openai_chat.asking import AsksForUsage
from llm_gateway.dialects.openai_chat.front import OpenAIFront
from llm_gateway.dialects.openai_chat.relay import OpenAIRelay
from llm_gateway.dialects.openai_chat.stream_in import OpenAIReader
from llm_gateway.dialects.openai_chat.stream_out import OpenAIWriter


class OpenAIChat(OpenAIFront, AsksForUsage, SseBack):
    """A ChatFront and a ChatBack. The clock gives `created` where a provider does not say when an answer was made."""

    name = "openai_chat"
    operation = Operation.CHAT
    wants_bytes: Wants = MappingProxyType({"document": frozenset({"application/pdf", "text/plain", "text/markdown", "text/csv"})})
    """Images go by URL; of documents only a text and the bytes of a file have a place."""

    view = staticmethod(view.view)
    check_reply = staticmethod(reply_in.check_reply)

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()

    def parse_request(self, body: bytes) -> ChatRequest:
        return request_in.parse_request(body)

    def render_reply(self, reply: ChatReply, _request: ChatRequest | None = None, /) -> bytes:
        return reply_out.render_reply(reply, int(self._clock.now()))

    def stream_writer(self, request: ChatRequest) -> OpenAIWriter:
        return OpenAIWriter(include_usage=request.include_usage, created=int(self._clock.now()))

    def render_request(self, request: ChatRequest, target: Target) -> Rendered:
        return request_out.render_request(request, target)

    def parse_reply(self, body: bytes) -> ChatReply:
        return reply_in.parse_reply(body)

    def parse_error(self, status: int, body: bytes) -> ProviderFault:
        return errors.parse_error(status, body)

    def stream_reader(self) -> OpenAIReader:
        return OpenAIReader()

    def relay(self) -> OpenAIRelay:
        return OpenAIRelay()


OPENAI_CHAT = OpenAIChat()
