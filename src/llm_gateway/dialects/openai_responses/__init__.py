"""OpenAI's Responses API (https://platform.openai.com/docs/api-reference/responses), as front and as back.

What its conventions and ours do not share:

- Its input is a flat list of items: those that the model made in one turn are one assistant message here (items_in.py).
- Reasoning is opaque and may be anybody's: sealed.py says how it is carried, both ways, and who must not be given it.
- A request that `holds_foreign` state must not pass through to a provider of this API either.
- Answers in its store, background and built-in tools need a provider of this API: `portable` refuses them for others. A store of
  our own lets `joined` (state.py) put an earlier response before a new input.
- A response repeats its request, so `reply_renderer(request)` renders answers; `render_reply` knows none and shows null.
- Functions and schemas are strict here unless they say otherwise; in other dialects it is the other way.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable

from llm_gateway.core.chat import ChatReply, ChatRequest
from llm_gateway.core.clock import Clock, SystemClock
from llm_gateway.core.errors import GatewayError
from llm_gateway.dialects import names
from llm_gateway.dialects.base import Operation, ProviderFault, Rendered, SseBack, SseFront, Target
from llm_gateway.dialects.openai_chat.errors import parse_error, render_error
from llm_gateway.dialects.openai_responses import errors, reply_in, request_in, request_out, wire
from llm_gateway.dialects.openai_responses.crossing import portable
from llm_gateway.dialects.openai_responses.relay import ResponsesRelay
from llm_gateway.dialects.openai_responses.reply_out import ReplyRenderer
from llm_gateway.dialects.openai_responses.sealed import holds_foreign
from llm_gateway.dialects.openai_responses.state import input_items, joined, output_items, state_of
from llm_gateway.dialects.openai_responses.stream_in import Reader
from llm_gateway.dialects.openai_responses.stream_out import Writer
from llm_gateway.dialects.openai_responses.view import view


def _new_id() -> str:
    return f"resp_{secrets.token_hex(16)}"


class OpenAIResponses(SseFront, SseBack):
    """POST /v1/responses. Implements ChatFront and ChatBack.

    The clock gives `created_at`, and `new_id` an id, where a provider gives none.
    """

    name = wire.NAME
    operation = Operation.CHAT

    own_names = names.RESPONSES

    view = staticmethod(view)
    check_reply = staticmethod(reply_in.check_reply)
    holds_foreign = staticmethod(holds_foreign)
    portable = staticmethod(portable)
    state_of = staticmethod(state_of)
    joined = staticmethod(joined)
    input_items = staticmethod(input_items)
    output_items = staticmethod(output_items)

    def __init__(self, clock: Clock | None = None, new_id: Callable[[], str] = _new_id) -> None:
        self._clock = clock or SystemClock()
        self._new_id = new_id

    def parse_request(self, body: bytes) -> ChatRequest:
        return request_in.parse_request(body)

    def reply_renderer(self, request: ChatRequest | None, previous: str | None = None) -> ReplyRenderer:
        """For the answers to `request`. `previous`: the id of the earlier response that was joined before it."""
        return ReplyRenderer(request, int(self._clock.now()), self._new_id(), previous)

    def render_reply(self, reply: ChatReply, request: ChatRequest | None = None, /) -> bytes:
        return self.reply_renderer(request).render(reply)

    def stream_writer(self, request: ChatRequest, previous: str | None = None) -> Writer:
        return Writer(self.reply_renderer(request, previous), request.model)

    def render_error(self, error: GatewayError, request_id: str) -> bytes:
        return render_error(error, request_id)

    def frame_error(self, error: GatewayError, request_id: str) -> bytes:
        return errors.frame_error(error, request_id)

    def render_request(self, request: ChatRequest, target: Target) -> Rendered:
        return request_out.render_request(request, target)

    def parse_reply(self, body: bytes) -> ChatReply:
        return reply_in.parse_reply(body)

    def parse_error(self, status: int, body: bytes) -> ProviderFault:
        return parse_error(status, body)

    def stream_reader(self) -> Reader:
        return Reader()

    def relay(self) -> ResponsesRelay:
        return ResponsesRelay()


OPENAI_RESPONSES = OpenAIResponses()
