"""Ollama's own API, as front and as back: /api/chat (https://docs.ollama.com/api/chat) and /api/generate.

What its conventions and ours do not share:

- A stream is the rule: `stream` has to be false for a whole answer. It is one JSON document per line (NDJSON), which has no
  comments, so nothing can be sent to keep it alive.
- Calls have ids in new servers and clients only; `messages_in` makes stable ones. Arguments that are no JSON object are shown as
  {"_raw": "the text"}.
- An answer has one choice and no id. Signatures, redacted thinking and sources have no place; usage is two numbers.
- Images are base64: what stands elsewhere cannot be sent.
"""

from __future__ import annotations

from types import MappingProxyType

from llm_gateway.core.chat import ChatReply, ChatRequest
from llm_gateway.core.clock import Clock, SystemClock
from llm_gateway.core.errors import GatewayError
from llm_gateway.dialects import names
from llm_gateway.dialects.base import Operation, ProviderFault, Rendered, SseFront, Target, Wants
from llm_gateway.dialects.ollama_chat import errors, generate, reply, request_in, request_out, view, wire
from llm_gateway.dialects.ollama_chat.relay import NdjsonRelay
from llm_gateway.dialects.ollama_chat.sealed import holds_sealed
from llm_gateway.dialects.ollama_chat.stream_in import Reader
from llm_gateway.dialects.ollama_chat.stream_out import ChatWriter, GenerateWriter
from llm_gateway.dialects.openai_chat.errors import parse_error


class _Ollama(SseFront):
    """What both operations share. The clock gives `created_at` where a provider does not say when an answer was made."""

    stream_type = b"application/x-ndjson"
    own_names = names.OLLAMA
    holds_foreign = staticmethod(holds_sealed)
    keepalive = b""
    whole_starts = b"<"  # a line of a stream begins as a whole answer does

    check_reply = staticmethod(reply.check_reply)

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()

    def render_error(self, error: GatewayError, request_id: str) -> bytes:  # noqa: ARG002 - the shape has no place for it
        return errors.render_error(error)

    def frame_error(self, error: GatewayError, request_id: str) -> bytes:  # noqa: ARG002 - as above
        return errors.frame_error(error)

    def parse_error(self, status: int, body: bytes) -> ProviderFault:
        return parse_error(status, body)

    def relay(self) -> NdjsonRelay:
        return NdjsonRelay()


class OllamaChat(_Ollama):
    """POST /api/chat. Implements ChatFront and ChatBack."""

    name = wire.NAME
    operation = Operation.CHAT
    wants_bytes: Wants = MappingProxyType(
        {
            "image": frozenset({"image/png", "image/jpeg", "image/webp"}),
            "document": frozenset({"text/plain", "text/markdown", "text/html", "text/csv"}),
        }
    )

    view = staticmethod(view.view)

    def parse_request(self, body: bytes) -> ChatRequest:
        return request_in.parse_request(body)

    def render_reply(self, answer: ChatReply, _request: ChatRequest | None = None, /) -> bytes:
        return reply.render_reply(answer, self._clock.now())

    def stream_writer(self, request: ChatRequest) -> ChatWriter:
        return ChatWriter(request, self._clock.now())

    def render_request(self, request: ChatRequest, target: Target) -> Rendered:
        return request_out.render_request(request, target)

    def parse_reply(self, body: bytes) -> ChatReply:
        return reply.parse_reply(body)

    def stream_reader(self) -> Reader:
        return Reader()


class OllamaGenerate(_Ollama):
    """POST /api/generate. Implements ChatFront, and a Back that passes through."""

    name = wire.GENERATE
    operation = Operation.COMPLETION

    view = staticmethod(view.view_generate)

    def parse_request(self, body: bytes) -> ChatRequest:
        return generate.parse_generate(body)

    def render_reply(self, answer: ChatReply, _request: ChatRequest | None = None, /) -> bytes:
        return reply.render_generated(answer, self._clock.now())

    def stream_writer(self, request: ChatRequest) -> GenerateWriter:
        return GenerateWriter(request, self._clock.now())


OLLAMA_CHAT = OllamaChat()
OLLAMA_GENERATE = OllamaGenerate()
