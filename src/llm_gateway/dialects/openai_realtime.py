"""OpenAI's Realtime API (https://platform.openai.com/docs/guides/realtime): events in JSON over a WebSocket.

Events pass through as they are, whichever version of the API they belong to; what is read of them is what a session used. Two
dialects, because a session that only transcribes is opened elsewhere: OpenAI does not want a model in that URL.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from llm_gateway.core.errors import GatewayError, InvalidRequest, UpstreamMalformed
from llm_gateway.core.json import encode
from llm_gateway.core.usage import MediaUsage, Usage, summed
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
        self.transcription = transcription
        self._model = model

    def view(self, _body: bytes) -> View:
        if not self._model:
            raise InvalidRequest("The URL must name a model: /v1/realtime?model=NAME", code="missing_field", param="model")
        return View(self._model, stream=True)

    def render_error(self, error: GatewayError, request_id: str) -> bytes:
        return errors.render_error(error, request_id)

    def frame_error(self, error: GatewayError, request_id: str) -> bytes:
        """An event of type `error`, as the API has it. The request's id is the event's. `details`: as in an answer of HTTP."""
        said: dict[str, Any] = {"type": error.type, "code": error.code, "message": error.message, "param": error.param}
        said["event_id"] = None
        if error.details is not None:
            said["details"] = error.details
        return encode({"type": "error", "event_id": request_id, "error": said})


# ---- what a session used

_LONGEST = 1e9
"""Seconds: no sound is longer."""


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
    status: str = ""
    usage: _Counted | None = None


class _Event(msgspec.Struct, gc=False):
    type: str = ""
    usage: _Counted | None = None
    response: _Response | None = None


_decode = msgspec.json.Decoder(_Event, strict=False).decode  # not strict: some count in floats
_CREATED, _DONE = "response.created", "response.done"
_TRANSCRIBED = "conversation.item.input_audio_transcription.completed"
_WORDS = tuple(f'"{word}"'.encode() for word in (_DONE, _CREATED, _TRANSCRIBED))
_HEAD = 200
"""Bytes of an event that its type stands in."""
_SOUND, _TELEPHONE = 3200, 533
"""Characters of base64 for a token of sound, which is 50 ms: of 16 bits at 24 kHz, and of 8 bits at 8 kHz."""
_TELEPHONES = (b'"audio/pcmu"', b'"audio/pcma"', b'"g711_')


class Told(NamedTuple):
    """What was used. `answer`: by an answer of the model, and not to write down what a caller said. `guessed`: nobody said it;
    `usage` None: nor can it be guessed.
    """

    usage: Usage | None
    answer: bool = True
    guessed: bool = False


class Meter:
    """Sums what the provider's events say was used. usage: None until one of them said so. seconds: of audio, where that is what
    transcription is billed by. responses: how many are over. running: how many are not.
    """

    def __init__(self) -> None:
        self.usage: Usage | None = None
        self.seconds = 0.0
        self.responses = 0
        self.running = 0
        self._context = 0
        """Tokens of the conversation after the last answer that was told."""
        self._words = self._sound = 0
        """Of the answers that are running: pieces of text, characters of sound."""
        self._per_token = _SOUND

    def look(self, data: bytes | bytearray) -> Told | None:
        """One event; what it says was used. Never raises: what cannot be read was not counted by the provider either.

        Nearly all events are pieces of audio or text, and a look at their beginning is all they cost: what looks like a type
        inside of a text has its quotes escaped.
        """
        head = data[:_HEAD]
        if b'.delta"' in head:
            if self.running:
                self._piece(head, len(data))
            return None
        if not any(word in data for word in _WORDS):
            if b'"session.' in head:
                self._per_token = _TELEPHONE if any(name in data for name in _TELEPHONES) else _SOUND
            return None
        try:
            event = _decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None
        if event.type == _DONE:
            return self._done(event.response or _Response())
        if event.type == _CREATED:
            self.running += 1
        if event.type != _TRANSCRIBED or event.usage is None:
            return None
        used = self._used(event.usage)
        return None if used is None else Told(used, answer=False)

    def rest(self) -> Told | None:
        """Of answers that were not over when the session was: they cost something, and nobody tells. None: there are none."""
        return self._guess(self.running) if self.running else None

    def _done(self, response: _Response) -> Told | None:
        self.responses += 1
        told = None
        if response.usage is not None:
            used = self._used(response.usage)
            if used is not None:
                self._context = used.prompt + used.completion
                told = Told(used)
        elif response.status == "completed":
            told = self._guess(1)
        self.running = max(self.running - 1, 0)
        if not self.running:
            self._words = self._sound = 0
        return told

    def _piece(self, head: bytes | bytearray, size: int) -> None:
        if b'audio.delta"' in head:
            self._sound += size
        elif b'"response.' in head:
            self._words += 1

    def _guess(self, answers: int) -> Told:
        """A piece of text is a token, and what was said before is sent again for each answer."""
        sound = -(-self._sound // self._per_token)
        used = Usage(input=self._context * answers, output=self._words, audio_output=sound)
        self._context += used.completion
        return Told(self._add(used) if self._context else None, guessed=True)

    def _used(self, counted: _Counted) -> Usage | None:
        seconds = counted.seconds
        if seconds is not None and 0 < seconds < _LONGEST:
            self.seconds += seconds
            return self._add(MediaUsage(seconds=seconds))
        if counted.input_tokens is None and counted.output_tokens is None:
            return None
        used = _usage(counted)
        return None if used is None else self._add(used)

    def _add(self, used: Usage) -> Usage:
        self.usage = used if self.usage is None else summed((self.usage, used))
        return used


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
