"""What a dialect is: pure functions between bytes and neutral types, in both directions.

A *front* is a dialect that callers speak to us, a *back* one that we speak to a provider; every chat dialect is both. When
front and back are the same, bytes pass through and only `view`, `check_reply` and `relay` look at them; otherwise a request
goes parse_request -> render_request and an answer parse_reply -> render_reply, or stream reader -> stream writer.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType
from typing import Any, Protocol

import msgspec

from llm_gateway.core.chat import ChatReply, ChatRequest
from llm_gateway.core.errors import GatewayError
from llm_gateway.core.events import Event
from llm_gateway.core.usage import Usage
from llm_gateway.dialects.families import holds_tagged
from llm_gateway.http.framing.sse import comment

Wants = Mapping[str, frozenset[str]]
"""Kinds of parts ("image", "document") that a back takes as bytes and not by URL -> the media types that it takes of them."""


class Operation(Enum):
    """What is asked of a model."""

    CHAT = "chat"
    COMPLETION = "completion"
    EMBEDDING = "embedding"
    RERANK = "rerank"
    COUNT_TOKENS = "count_tokens"
    REALTIME = "realtime"
    IMAGE = "images"
    SPEECH = "speech"
    TRANSCRIPTION = "transcription"
    MODERATION = "moderation"
    OCR = "ocr"
    FILL_IN = "fill-in-the-middle"
    FILES = "files"
    BATCHES = "batches"
    PASSTHROUGH = "pass-through"


class View(msgspec.Struct, gc=False):
    """The little of a request that policy acts on, read without touching the rest of the document."""

    model: str
    stream: bool = False
    include_usage: bool = False
    """OpenAI's stream_options.include_usage."""
    model_at: int = -1
    """Where in the body the key `model` ends, if a look was enough to know; -1: it has to be searched."""
    user: str = ""
    """The end user that it is asked for, as its application names them; "": not said, or the look is too dear."""
    most_output: int = 0
    """Tokens that an answer may have at most; 0: not said."""
    choices: int = 1
    """Answers that are asked for."""
    stream_options: bool = False
    """Whether the body has a member of OpenAI's name stream_options, whatever it says."""
    plain: bool = False
    """Whether the messages are sure to hold text alone; False: there may be pictures, documents, signatures, anything."""
    ours: bool = True
    """Whether there may be members of the gateway's own (OURS); False: there are none."""


class Rendered(msgspec.Struct):
    """A request in a provider's dialect. `dropped` names what could not be carried, by the caller's own JSON path."""

    body: bytes
    dropped: list[str]


class Prefill(msgspec.Struct, frozen=True):
    """How a server is asked to go on from the assistant's own words, which stand as the last message."""

    dialects: frozenset[str] = frozenset()
    """In which of its dialects."""
    message: str = ""
    """The member of that message that is set to true (Mistral: prefix)."""
    members: tuple[tuple[str, bool], ...] = ()
    """Members of the request (vLLM: continue_final_message)."""
    path: str = ""
    """Where such a request is sent, if elsewhere (DeepSeek's beta)."""
    repeats: bool = False
    """Whether the answer repeats the words."""


class Target(msgspec.Struct, frozen=True):
    """The model that a request is rendered for, and the quirks of who serves it, as data."""

    model: str
    max_tokens_field: str = "max_tokens"
    """openai_chat: OpenAI itself wants max_completion_tokens, most compatible servers know max_tokens only."""
    developer_role: bool = False
    """openai_chat: whether the server knows the role developer (otherwise it becomes system)."""
    default_max_tokens: int = 4096
    """anthropic_messages: sent when the caller named no maximum, which that dialect demands."""
    reasoning_field: str | None = None
    """openai_chat: where the server takes earlier reasoning in assistant messages (vLLM: reasoning_content); None: nowhere."""
    sampling: frozenset[str] = frozenset()
    """openai_chat: which of top_k, min_p, repetition_penalty and repeat_penalty (the same, as llama.cpp calls it) it takes."""
    thinking_switch: bool = False
    """openai_chat: whether chat_template_kwargs turn thinking on and off (vLLM, SGLang, llama.cpp)."""
    guided: bool = False
    """openai_chat: whether the schema of an answer binds without `strict`, because it is decoded by (vLLM, SGLang, llama.cpp)."""
    stream_usage: bool = True
    """openai_chat, openai_completions: whether a stream may be asked for its usage by stream_options.include_usage."""
    prefill: Prefill | None = None
    """None: a conversation that ends with the assistant's words is refused, or answered anew."""


class ReplyFacts(msgspec.Struct, gc=False):
    """What a whole answer says about itself, read while it passes through."""

    usage: Usage | None = None
    model: str = ""


class ProviderFault(msgspec.Struct):
    """A provider's error body in neutral form. Empty strings where it did not say."""

    message: str
    type: str = ""
    code: str = ""
    param: str | None = None
    retry_after: float | None = None
    """Seconds to wait, where the body says so (Google's RetryInfo)."""


class StreamReader(Protocol):
    """Bytes of a provider's stream to events. Stateful, one per answer."""

    def feed(self, data: bytes) -> list[Event]:
        """Events completed by `data`, one network read.

        Raises UpstreamMalformed when the bytes are not the dialect's. An error inside the stream is a Failure event.
        """
        ...

    def end(self) -> list[Event]:
        """The provider closed the stream. Adds Done if everything that makes an answer complete was seen (finish reason)
        and the terminal marker alone is missing; adds nothing otherwise: the caller sees that Done never came.
        """
        ...


class StreamWriter(Protocol):
    """Events to the bytes of a caller's stream. Stateful, one per answer."""

    def feed(self, events: list[Event]) -> bytes:
        """What these events put on the wire (may be empty). Done writes everything that ends the stream."""
        ...

    def fail(self, error: GatewayError, request_id: str) -> bytes:
        """The in-band error that ends a stream which cannot go on; never anything that looks complete."""
        ...


class Relay(Protocol):
    """Watches a stream that passes through unchanged, same dialect on both sides. Stateful, one per answer."""

    usage: Usage | None
    committed: bool
    """A valid content event went by: the answer has begun."""
    done: bool
    """The terminal marker was seen, or supplied by `end`."""
    failure: ProviderFault | None
    """The provider's own error inside the stream."""

    def feed(self, data: bytes) -> bytes:
        """The bytes to pass on: complete events only, nothing after the terminal marker. The event that carries `failure`
        is held back: whoever relays decides (failover before commit, an in-band error after it).

        Raises UpstreamMalformed when the bytes are not the dialect's.
        """
        ...

    def end(self) -> bytes:
        """The provider closed the stream: the last bytes, and the terminal marker if only that was missing."""
        ...


class Front(Protocol):
    """The caller's side of any operation. `SseFront` has what most of them share."""

    name: str
    operation: Operation
    stream_type: bytes
    """Content-Type of its streams."""
    keepalive: bytes
    """What may be written between two events so that a silent stream is not closed on the way; b"": nothing may."""
    model_in_body: bool
    """Whether a request names its model in the body (else in the URL, and a body that passes through is not touched)."""
    own_names: Mapping[str, str]
    """What renderers call a member of the neutral form -> its JSON path here, where that differs; see `in_own_names`."""

    def view(self, body: bytes) -> View:
        """Checks the document as far as the gateway relies on it. Raises InvalidRequest (with param) or MalformedBody."""
        ...

    def status_of(self, error: GatewayError) -> int:
        """The HTTP status under which callers of this dialect expect the error (Anthropic's SDKs know 529, others do not)."""
        ...

    def render_error(self, error: GatewayError, request_id: str) -> bytes:
        """The JSON body of an error in this dialect."""
        ...

    def frame_error(self, error: GatewayError, request_id: str) -> bytes:
        """The in-band error that ends a relayed stream, as its framing wants it."""
        ...

    def holds_foreign(self, body: bytes) -> bool:
        """Whether a request holds opaque state of another family of models (families.py): then it is translated even for a
        provider of its own dialect, which leaves that out.
        """
        ...

    def passing(self, relay: Relay) -> Relay:
        """`relay` with its bytes in the framing that this caller asked for."""
        ...


class SseFront:
    """Streams of Server-Sent Events, the model in the body."""

    __slots__ = ()

    stream_type: bytes = b"text/event-stream; charset=utf-8"
    keepalive: bytes = comment(b"keepalive")
    model_in_body: bool = True
    own_names: Mapping[str, str] = MappingProxyType({})

    holds_foreign = staticmethod(holds_tagged)

    def passing(self, relay: Relay) -> Relay:
        return relay

    def portable(self, request: ChatRequest) -> ChatRequest:
        return request

    def status_of(self, error: GatewayError) -> int:
        return error.status


def in_own_names(front: Front, dropped: list[str]) -> list[str]:
    """What a renderer could not carry, by the JSON paths of the caller's own document."""
    own = front.own_names
    return [own.get(name, name) for name in dropped] if own else dropped


class Back(Protocol):
    """The provider's side of any operation. `SseBack` has what most of them share."""

    name: str
    operation: Operation
    whole_starts: bytes
    """First bytes that no stream of this dialect has: with one of them it is a whole answer after all, or a web page."""

    def parse_error(self, status: int, body: bytes) -> ProviderFault:
        """Never raises: an unreadable body gives an empty fault."""
        ...

    def check_reply(self, body: bytes) -> ReplyFacts:
        """Looks at a whole answer that passes through. Raises UpstreamMalformed if it is no answer (not JSON, null, an error
        inside a 200, no choices at all).
        """
        ...

    def relay(self) -> Relay: ...


class SseBack:
    """Streams of Server-Sent Events."""

    __slots__ = ()

    whole_starts: bytes = b"{[<"


class UsageAsked(Back, Protocol):
    """A back whose streams tell their usage only to those who ask for it, in a chunk of its own."""

    def asking_usage(self, body: bytes, view: View) -> bytes:
        """`body`, of a caller who did not ask, as one that asks; all else stays as it is, to the byte."""
        ...

    def relay_without_usage(self) -> Relay:
        """A relay that reads that chunk and does not pass it on: the caller has not asked for it."""
        ...


class TypedBack(Back, Protocol):
    """A back with a neutral form: whatever front shares that form can be translated to it. The neutral types are those of its
    operation: ChatRequest and ChatReply, EmbeddingsRequest and EmbeddingsReply, and so on.
    """

    def render_request(self, request: Any, target: Target) -> Rendered: ...

    def parse_reply(self, body: bytes) -> Any:
        """Raises UpstreamMalformed."""
        ...


class ChatFront(Front, Protocol):
    def parse_request(self, body: bytes) -> ChatRequest:
        """The whole request in neutral form. Raises InvalidRequest or MalformedBody."""
        ...

    def render_reply(self, reply: ChatReply, request: ChatRequest | None = None, /) -> bytes:
        """`request`: what is answered, for the dialects whose answers repeat it."""
        ...

    def portable(self, request: ChatRequest) -> ChatRequest:
        """`request`, parsed by this dialect, as the back of another one may be given it. Raises Unsupported for what only
        a provider of this dialect can do.
        """
        ...

    def stream_writer(self, request: ChatRequest) -> StreamWriter: ...


class ChatBack(Back, Protocol):
    """One that takes some URLs not at all says so in `wants_bytes: Wants`: the gateway may be configured to fetch them for it."""

    def render_request(self, request: ChatRequest, target: Target) -> Rendered:
        """The request for the target's model. Raises Unsupported if the request makes no sense without what cannot be
        carried (a conversation of nothing but foreign blocks, say); everything smaller goes to `dropped`.
        """
        ...

    def parse_reply(self, body: bytes) -> ChatReply:
        """Raises UpstreamMalformed."""
        ...

    def stream_reader(self) -> StreamReader: ...
