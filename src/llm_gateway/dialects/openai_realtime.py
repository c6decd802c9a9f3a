"""OpenAI's Realtime API (https://platform.openai.com/docs/guides/realtime): events in JSON over a WebSocket.

Events pass through as they are, whichever version of the API they belong to; what is read of them is what a session used. Two
dialects, because a session that only transcribes is opened elsewhere: OpenAI does not want a model in that URL.
"""

from __future__ import annotations

from operator import add

import msgspec

from llm_gateway.core.errors import GatewayError, InvalidRequest, UpstreamMalformed
from llm_gateway.core.json import encode
from llm_gateway.core.usage import Usage
from llm_gateway.dialects.base import Operation, ProviderFault, Relay, ReplyFacts, SseBack, SseFront, View
from llm_gateway.dialects.openai_chat import errors

SUBPROTOCOL = "realtime"
"""What a browser offers beside its key, and is told that it was chosen."""


class RealtimeBack(SseBack):
    """Where a session is opened. There is nothing to translate and no answer to check: a session is relayed."""

    operation = Operation.REALTIME

    def __init__(self, name: str) -> None:
        self.name = name

    def parse_error(self, status: int, body: bytes) -> ProviderFault:
        return errors.parse_error(status, body)

    def check_reply(self, body: bytes) -> ReplyFacts:  # noqa: ARG002 - the Protocol's
        raise UpstreamMalformed("A realtime session has no whole answer.")

    def relay(self) -> Relay:
        raise UpstreamMalformed("A realtime session is no stream of HTTP.")


OPENAI_REALTIME = RealtimeBack("openai_realtime")
OPENAI_REALTIME_TRANSCRIPTION = RealtimeBack("openai_realtime_transcription")


class RealtimeFront(SseFront):
    """One request for a session, as its URL and subprotocols say."""

    operation = Operation.REALTIME
    model_in_body = False

    def __init__(self, model: str, *, transcription: bool = False, subprotocol: bool = False) -> None:
        """`subprotocol`: the caller offered SUBPROTOCOL."""
        self.name = (OPENAI_REALTIME_TRANSCRIPTION if transcription else OPENAI_REALTIME).name
        self.subprotocol = subprotocol
        self._model = model

    def view(self, _body: bytes) -> View:
        if not self._model:
            raise InvalidRequest("The URL must name a model: /v1/realtime?model=NAME", code="missing_field", param="model")
        return View(self._model, stream=True)

    def render_error(self, error: GatewayError, request_id: str) -> bytes:
        return errors.render_error(error, request_id)

    def frame_error(self, error: GatewayError, request_id: str) -> bytes:
        """An event of type `error`, as the API has it. The request's id is the event's."""
        said = {"type": error.type, "code": error.code, "message": error.message, "param": error.param, "event_id": None}
        return encode({"type": "error", "event_id": request_id, "error": said})


# ---- what a session used


class _Cached(msgspec.Struct, gc=False):
    audio_tokens: int | None = None


class _Into(msgspec.Struct, gc=False):
    audio_tokens: int | None = None
    cached_tokens: int | None = None
    cached_tokens_details: _Cached | None = None


class _Out(msgspec.Struct, gc=False):
    audio_tokens: int | None = None


class _Counted(msgspec.Struct, gc=False):
    """Of a response, and of a transcription: that of a model which bills by time has `seconds` instead of tokens."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    input_token_details: _Into | None = None
    output_token_details: _Out | None = None
    seconds: float | None = None


class _Response(msgspec.Struct, gc=False):
    usage: _Counted | None = None


class _Event(msgspec.Struct, gc=False):
    type: str = ""
    usage: _Counted | None = None
    response: _Response | None = None


_decode = msgspec.json.Decoder(_Event, strict=False).decode  # not strict: some count in floats
_TRANSCRIBED = "conversation.item.input_audio_transcription.completed"


class Meter:
    """Sums what the provider's events say was used. usage: None until one of them said so. seconds: of audio, where that is what
    transcription is billed by. responses: how many were complete.
    """

    def __init__(self) -> None:
        self.usage: Usage | None = None
        self.seconds = 0.0
        self.responses = 0

    def look(self, data: bytes | bytearray) -> None:
        """One event. Never raises: what cannot be read was not counted by the provider either.

        Nearly all events are pieces of audio or text, and two searches are all they cost: a `"usage"` inside of a text has its
        quotes escaped.
        """
        if b'"usage"' not in data or not (b'"response.done"' in data or b'"%b"' % _TRANSCRIBED.encode() in data):
            return
        try:
            event = _decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return
        if event.type == "response.done":
            self.responses += 1
            counted = None if event.response is None else event.response.usage
        else:
            counted = event.usage if event.type == _TRANSCRIBED else None
        if counted is not None:
            self._add(counted)

    def _add(self, counted: _Counted) -> None:
        if counted.seconds is not None and 0 < counted.seconds < 1e9:
            self.seconds += counted.seconds
        if counted.input_tokens is None and counted.output_tokens is None:
            return
        used = _usage(counted)
        if used is not None:
            so_far = self.usage
            self.usage = (
                used if so_far is None else Usage(*map(add, msgspec.structs.astuple(so_far), msgspec.structs.astuple(used)))
            )


def _usage(counted: _Counted) -> Usage | None:
    """In our disjoint classes: cached audio is cached, not audio. None for counts that cannot be."""
    into, out = counted.input_token_details or _Into(), counted.output_token_details or _Out()
    prompt, completion = counted.input_tokens or 0, counted.output_tokens or 0
    if min(prompt, completion) < 0:
        return None
    cached = min(max(into.cached_tokens or 0, 0), prompt)
    cached_audio = into.cached_tokens_details.audio_tokens or 0 if into.cached_tokens_details is not None else 0
    heard = min(max((into.audio_tokens or 0) - max(cached_audio, 0), 0), prompt - cached)
    spoken = min(max(out.audio_tokens or 0, 0), completion)
    return Usage(
        input=prompt - cached - heard, cache_read=cached, output=completion - spoken, audio_input=heard, audio_output=spoken
    )
