"""The Responses dialect of one request whose answer may be kept, or which goes on from a kept one (continued.py).

What an answer says about its place in a conversation is made right here: its id, `previous_response_id`, `store`. And the whole
response at a stream's end is picked up as it passes: only the last event is looked at, no other costs more for it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec
from msgspec import Raw

from llm_gateway.core.chat import ChatRequest
from llm_gateway.core.clock import Clock
from llm_gateway.core.events import Event
from llm_gateway.core.json import MalformedJson, decode_lenient, encode
from llm_gateway.core.splice import set_top_level
from llm_gateway.dialects.base import Relay
from llm_gateway.dialects.openai_responses import OpenAIResponses
from llm_gateway.dialects.openai_responses.relay import ResponsesRelay
from llm_gateway.dialects.openai_responses.reply_out import ReplyRenderer
from llm_gateway.dialects.openai_responses.stream_out import Writer
from llm_gateway.dialects.openai_responses.stream_wire import FINAL
from llm_gateway.http.framing.sse import SseEvent

_PREVIOUS = "previous_response_id"
_NEEDLE = b'"previous_response_id"'
_DATA = b"data:"


class Reference(NamedTuple):
    """Reasoning whose content lies with `provider`. `told`: there is a summary of it, which says something to others too."""

    provider: str
    told: bool


class Turn(OpenAIResponses):
    """`body`: the request as it came. It never refers to its Exchange, which refers to it."""

    def __init__(self, body: bytes, clock: Clock, *, kept: bool) -> None:
        """`kept`: the gateway will keep the answer."""
        super().__init__(clock)
        self.body = body
        self.kept = kept
        self.previous: str | None = None
        """The response that the gateway itself put before this request."""
        self.named: str | None = None
        """The response that the caller named."""
        self.earlier: list[Raw] = []
        """The items of the conversation so far."""
        self.held = 0
        """How many bytes they were kept in."""
        self.references: dict[int, Reference] = {}
        """Which of them are names of reasoning that a provider keeps."""
        self.holder: str | None = None
        """The only provider that can go on; "": whichever speaks this dialect, since only it can know the response."""
        self.partial = False
        """Whether a provider adds to the conversation what the gateway does not have."""
        self.prepared: frozenset[int] | None = None
        """The references that were left out of the request as it stands now; None: it is not joined yet."""
        self.provider = ""
        self.translated = False
        """Whether the answer was made here, and its id with it."""
        self.final: bytes | None = None
        """The response as a stream's last event gave it."""
        self.ended: Callable[[bytes], None] | None = None
        """Told of it, once, before that event goes to the caller: who has seen the end can go on from it."""

    def reply_renderer(self, request: ChatRequest | None, _previous: str | None = None) -> ReplyRenderer:
        self.translated = True
        return _Renderer(request, int(self._clock.now()), self._new_id(), self.previous, stored=self.kept)

    def stream_writer(self, request: ChatRequest, _previous: str | None = None) -> Writer:
        return _Writer(self, self.reply_renderer(request), request.model)

    def passing(self, _relay: Relay) -> Relay:
        return _Relay(self) if self.previous is None else _NamingRelay(self)

    def end(self, response: bytes | None) -> None:
        """A stream's last event holds this response; None: none that is complete."""
        self.final = response
        ended, self.ended = self.ended, None
        if ended is not None and response is not None:
            ended(response)

    def shown(self, response: bytes) -> bytes:
        """`response`, made by a provider that was given the whole conversation, says what it goes on from."""
        if self.previous is None or self.translated:
            return response
        return set_top_level(response, _PREVIOUS, encode(self.previous))


class _Renderer(ReplyRenderer):
    """Names the response itself: ids of other APIs may come twice."""

    __slots__ = ("_stored",)

    def __init__(self, request: ChatRequest | None, created: int, ident: str, previous: str | None, *, stored: bool) -> None:
        super().__init__(request, created, ident, previous)
        self._stored = stored

    def head(self, _ident: str, model: str, created: int | None, tier: str | None) -> dict[str, Any]:
        return super().head("", model, created, tier) | {"store": self._stored}


class _Writer(Writer):
    """`final` of the turn is the response in the last event that it writes."""

    def __init__(self, turn: Turn, renderer: ReplyRenderer, model: str) -> None:
        super().__init__(renderer, model)
        self._turn = turn

    def feed(self, events: list[Event]) -> bytes:
        out = super().feed(events)
        if self.over and out:
            last = out[out.rfind(b"\n\n", 0, -2) + 2 :] if out.count(b"\n\n") > 1 else out
            self._turn.end(_response(last[last.find(_DATA) + len(_DATA) :]))
        return out


class _Relay(ResponsesRelay):
    """The same of a stream that passes through."""

    __slots__ = ("_turn",)

    def __init__(self, turn: Turn) -> None:
        super().__init__()
        self._turn = turn

    def take(self, sse: SseEvent, event: bytes) -> None:
        super().take(sse, event)
        if self.done:
            response = _response(sse.data)
            self._turn.end(None if response is None else self._turn.shown(response))


class _NamingRelay(_Relay):
    """And the events that hold a response name the one that it goes on from."""

    __slots__ = ()

    def feed(self, data: bytes) -> bytes:
        out = super().feed(data)
        if _NEEDLE not in out:
            return out
        return b"\n".join([self._line(line) if line.startswith(_DATA) and _NEEDLE in line else line for line in out.split(b"\n")])

    def _line(self, line: bytes) -> bytes:
        data = line.removeprefix(_DATA).strip()
        try:
            response = bytes(decode_lenient(data, _Final).response)
        except (MalformedJson, msgspec.ValidationError):
            return line
        if not response.startswith(b"{"):
            return line
        end = b"\r" if line.endswith(b"\r") else b""
        return b"data: " + set_top_level(data, "response", self._turn.shown(response)) + end


class _Final(msgspec.Struct, gc=False):
    type: str = ""
    response: Raw = Raw(b"null")


def _response(data: bytes) -> bytes | None:
    """The response of an event that ends a stream well."""
    try:
        final = decode_lenient(data, _Final)
    except (MalformedJson, msgspec.ValidationError):
        return None
    return bytes(final.response) if final.type in FINAL else None
