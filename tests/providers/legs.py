"""Legs of an answer without a network: what a provider sends, cut anywhere, and what its caller got."""

from __future__ import annotations

import asyncio
from typing import Any, NamedTuple

import msgspec

from llm_gateway.core import events as ev
from llm_gateway.core.chat import ChatRequest
from llm_gateway.core.usage import Usage
from llm_gateway.dialects.anthropic_messages import ANTHROPIC_MESSAGES
from llm_gateway.dialects.gemini import GEMINI, GeminiFront
from llm_gateway.dialects.mistral_chat import MISTRAL_CHAT
from llm_gateway.dialects.ollama_chat import OLLAMA_CHAT
from llm_gateway.dialects.openai_chat import OPENAI_CHAT
from llm_gateway.dialects.openai_responses import OPENAI_RESPONSES
from llm_gateway.http.errors import ConnectionLost
from llm_gateway.providers.answer import StreamAnswer
from llm_gateway.providers.continuing.spliced import Spliced
from llm_gateway.providers.continuing.story import How, Story
from llm_gateway.providers.continuing.tracked import Tracked
from llm_gateway.providers.deployment import Upstream
from llm_gateway.providers.registry import PROVIDER_TYPES

_SAID = [{"role": "user", "content": "x"}]
FRONTS: dict[str, tuple[Any, Any]] = {
    "openai_chat": (OPENAI_CHAT, {"model": "m", "stream": True, "messages": _SAID, "stream_options": {"include_usage": True}}),
    "anthropic_messages": (ANTHROPIC_MESSAGES, {"model": "m", "stream": True, "max_tokens": 50, "messages": _SAID}),
    "gemini": (GeminiFront("m", stream=True), {"contents": [{"role": "user", "parts": [{"text": "x"}]}]}),
    "ollama_chat": (OLLAMA_CHAT, {"model": "m", "stream": True, "messages": _SAID}),
    "openai_responses": (OPENAI_RESPONSES, {"model": "m", "stream": True, "input": "x"}),
}
BACKS: dict[str, Any] = {
    "openai_chat": OPENAI_CHAT,
    "anthropic_messages": ANTHROPIC_MESSAGES,
    "gemini": GEMINI,
    "ollama_chat": OLLAMA_CHAT,
    "openai_responses": OPENAI_RESPONSES,
    "mistral_chat": MISTRAL_CHAT,
}
DEPLOYMENT = Upstream("a", PROVIDER_TYPES["openai"], "http://127.0.0.1:1").deployment("m")
LANE = DEPLOYMENT.lane(OPENAI_CHAT)


def request_of(front: str, **more: Any) -> ChatRequest:
    """A small request of this dialect in neutral form; `more` are its neutral members."""
    dialect, body = FRONTS[front]
    return msgspec.structs.replace(dialect.parse_request(msgspec.json.encode(body)), **more)


def story_of(front: str = "openai_chat", *, keeps: bool = True, **more: Any) -> Story:
    request = request_of(front, **more)
    return Story(request, FRONTS[front][0].stream_writer(request), keeps=keeps)


def stream(back: str, *events: ev.Event, usage: Usage | None = None, whole: bool = True) -> bytes:
    """What a provider of this dialect sends for these events, with a beginning and, if it is `whole`, an end."""
    writer = FRONTS["openai_chat" if back == "mistral_chat" else back][0].stream_writer(
        request_of("openai_chat", include_usage=True)
    )
    told = [] if usage is None else [ev.UsageUpdate(usage)]
    last = [ev.Finish("stop"), *told, ev.Done()] if whole else []
    return b"".join(writer.feed([event]) for event in [ev.Start("id", "real"), *events, *last])


def texts(*pieces: str) -> list[ev.Event]:
    return [ev.TextDelta(piece) for piece in pieces]


class Got(NamedTuple):
    """What a caller's own reader makes of a stream."""

    text: str
    thought: str
    starts: int
    complete: bool
    failed: bool
    usage: Usage | None
    calls: int


def read(front: str, data: bytes) -> Got:
    reader = BACKS[front].stream_reader()
    found = reader.feed(data) + reader.end()
    usages = [event.usage for event in found if isinstance(event, ev.UsageUpdate)]
    return Got(
        "".join(event.text for event in found if isinstance(event, ev.TextDelta)),
        "".join(event.text for event in found if isinstance(event, ev.ReasoningDelta)),
        sum(isinstance(event, ev.Start) for event in found),
        any(isinstance(event, ev.Done) for event in found),
        any(isinstance(event, ev.Failure) for event in found),
        usages[-1] if usages else None,
        sum(isinstance(event, ev.ToolCallStart) for event in found),
    )


class Caller:
    """The other side of all legs."""

    def __init__(self) -> None:
        self.data = b""
        self.source: Any = None

    def write(self, data: bytes) -> None:
        self.data += data


class Feed:
    """An upstream response of these reads. `early`: so many of them are here before anyone takes the stream's answer."""

    def __init__(self, reads: list[bytes], *, reset: bool = False, early: int = 0) -> None:
        self._reads = reads
        self._reset = reset
        self._early = early
        self._sink: Any = None

    def stream(self, sink: Any) -> None:
        self._sink = sink
        while self._reads and (self._early > 0 or not sink._begun.done()):
            self._early -= 1
            sink.feed(self._reads.pop(0))
        if not sink._begun.done() or self._early > 0:
            self.rest()

    def rest(self) -> None:
        for data in self._reads:
            self._sink.feed(data)
        self._reads = []
        if self._reset:
            self._sink.broken(ConnectionLost("cut", sent=True, started=True))
        else:
            self._sink.end()

    def limit(self, at: float | None) -> None: ...
    def pause(self) -> None: ...
    def resume(self) -> None: ...
    def close(self) -> None: ...


async def leg(
    story: Story, caller: Caller, source: Feed, how: How = "first", back: str = "openai_chat", *, repeats: bool | None = None
) -> StreamAnswer:
    """Tells one leg to its end, as an attempt and then the edge do. Raises what the attempt came to."""

    def choose(_first: bytes) -> Any:
        story.begin("a" if how == "first" else "b", "m", how)
        reader = BACKS[back].stream_reader()
        if how == "first":
            return Tracked(reader, story, lambda: 0.0, 1e9, "real", "id")
        return Spliced(reader, story, repeats=how == "verify" if repeats is None else repeats)

    answer = StreamAnswer(choose, DEPLOYMENT, LANE, asyncio.get_running_loop(), story)  # type: ignore[arg-type]
    await answer.committed(source)
    answer.attach(caller)
    source.rest()
    await answer.over
    return answer
