"""Gemini's generateContent (https://ai.google.dev/api/generate-content), as front and as back.

The model and the way to answer stand in the URL, so there is a front for each of them that is asked for; the back is one.

What its conventions and ours do not share:

- Signatures sign any part; see signatures.py for how they cross.
- Calls may have no id: those that are made here (`call_g_...`) are not sent back to Gemini.
- Arguments are an object: others are shown, and sent, as {"_raw": "the text"}.
- Schemas of requests in Google's own form become JSON Schema, and go to Gemini as parametersJsonSchema and responseJsonSchema.
- A stream ends by being closed.
"""

from __future__ import annotations

from llm_gateway.core.chat import ChatReply, ChatRequest
from llm_gateway.core.errors import GatewayError
from llm_gateway.dialects import names
from llm_gateway.dialects.base import Operation, ProviderFault, Relay, Rendered, SseBack, SseFront, Target, View
from llm_gateway.dialects.gemini import errors, reply_in, reply_out, request_in, request_out, wire
from llm_gateway.dialects.gemini.frames import ArrayFrames, ArrayRelay, SseFrames
from llm_gateway.dialects.gemini.relay import GeminiRelay
from llm_gateway.dialects.gemini.signatures import holds_wrapped
from llm_gateway.dialects.gemini.stream_in import Reader
from llm_gateway.dialects.gemini.stream_out import Writer
from llm_gateway.dialects.gemini.view import check

__all__ = ["GEMINI", "ArrayRelay", "Gemini", "GeminiFront"]


class GeminiFront(SseFront):
    """POST /v1beta/models/{model}:generateContent and :streamGenerateContent. Implements ChatFront; made for each request.

    `array`: a stream without alt=sse, which is one JSON array.
    """

    name = wire.NAME
    operation = Operation.CHAT

    model_in_body = False
    own_names = names.GEMINI

    holds_foreign = staticmethod(holds_wrapped)

    def __init__(self, model: str, stream: bool = False, array: bool = False) -> None:
        self.model = model
        self.stream = stream
        self.array = array
        if array:
            self.stream_type = b"application/json; charset=utf-8"
            self.keepalive = b"\n"

    def passing(self, relay: Relay) -> Relay:
        return ArrayRelay(relay) if self.array else relay

    def view(self, body: bytes) -> View:
        check(body, self.model)
        return View(self.model, self.stream, include_usage=self.stream)

    def render_error(self, error: GatewayError, request_id: str) -> bytes:
        return errors.render_error(error, request_id)

    def frame_error(self, error: GatewayError, request_id: str) -> bytes:
        """Behind what was relayed: in an array something always was."""
        if not self.array:
            return SseFrames().fail(error, request_id)
        frames = ArrayFrames()
        frames.piece(b"")
        return frames.fail(error, request_id)

    def parse_request(self, body: bytes) -> ChatRequest:
        return request_in.parse_request(body, self.model, stream=self.stream)

    def render_reply(self, reply: ChatReply, request: ChatRequest | None = None, /) -> bytes:  # noqa: ARG002 - the Protocol's
        return reply_out.render_reply(reply)

    def stream_writer(self, request: ChatRequest) -> Writer:
        return Writer(request, array=self.array)


class Gemini(SseBack):
    """Implements ChatBack. Streams are asked for with alt=sse; a provider's JSON array is read as well."""

    name = wire.NAME
    operation = Operation.CHAT
    whole_starts = b"<"
    """A JSON answer to a request for a stream is read as an array of its pieces."""

    check_reply = staticmethod(reply_in.check_reply)

    def parse_error(self, status: int, body: bytes) -> ProviderFault:
        return errors.parse_error(status, body)

    def relay(self) -> GeminiRelay:
        return GeminiRelay()

    def render_request(self, request: ChatRequest, target: Target) -> Rendered:
        return request_out.render_request(request, target)

    def parse_reply(self, body: bytes) -> ChatReply:
        return reply_in.parse_reply(body)

    def stream_reader(self) -> Reader:
        return Reader()


GEMINI = Gemini()
