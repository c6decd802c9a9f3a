"""One request and its answer, whole or streamed: when each part came, what it cost, and what kind of error it was.

An answer counts only if it is one: a stream needs its `[DONE]`, a whole answer its choices.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import msgspec

from llm_gateway.core.json import MalformedJson, decode
from llm_gateway.http.client import Client, Origin, Response, Timeouts
from llm_gateway.http.errors import (
    BadCoding,
    ConnectFailed,
    ConnectionLost,
    ConnectTimeout,
    DnsFailed,
    HttpError,
    PoolExhausted,
    ProtocolViolation,
    TimedOut,
    TlsFailed,
    TooLarge,
)
from llm_gateway.http.framing.errors import FramingError
from llm_gateway.http.framing.sse import SseReader
from llm_gateway.loadtest.asking import Ask
from llm_gateway.loadtest.histogram import Histogram
from llm_gateway.loadtest.measured import Outcome

_CODE = re.compile(r"[A-Za-z0-9_.-]{1,40}")
_DONE = b"[DONE]"
_KINDS: Mapping[type[HttpError], str] = MappingProxyType(
    {
        DnsFailed: "no connection: the name has no address",
        ConnectTimeout: "no connection in time",
        TlsFailed: "no connection: TLS",
        ConnectFailed: "no connection",
        PoolExhausted: "no connection was free",
        TimedOut: "timed out",
        ConnectionLost: "connection lost",
        ProtocolViolation: "not HTTP",
        TooLarge: "answer too large",
        BadCoding: "bad compression",
    }
)
"""A parent stands behind its children."""


class _Usage(msgspec.Struct):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class _Delta(msgspec.Struct):
    content: str | None = None
    reasoning_content: str | None = None
    tool_calls: list[msgspec.Raw] | None = None


class _Choice(msgspec.Struct):
    delta: _Delta | None = None


class _Chunk(msgspec.Struct):
    """An event of a stream, as far as it is looked at."""

    choices: list[_Choice] | None = None
    usage: _Usage | None = None
    error: Any = None


class _Answer(msgspec.Struct):
    """A whole answer, as far as it is looked at."""

    choices: list[msgspec.Raw] | None = None
    usage: _Usage | None = None


class Target(msgspec.Struct, frozen=True):
    """Where requests go. `headers`: whole lines; the key is in them, so nothing shows them."""

    origin: Origin
    path: bytes
    headers: bytes
    timeouts: Timeouts

    __repr__ = object.__repr__


async def exchange(
    client: Client, target: Target, ask: Ask, outcome: Outcome, clock: Callable[[], float], gaps: Histogram
) -> None:
    """Send a request and fill in `outcome` (its `due` is there). Raises nothing but CancelledError."""
    outcome.stream = ask.stream
    outcome.bytes_sent = len(ask.body)
    outcome.sent = clock()
    try:
        response = await client.send(target.origin, b"POST", target.path, target.headers, ask.body, target.timeouts)
        if response.status != 200:
            body = await response.read()
            outcome.bytes_received = len(body)
            outcome.error = f"{response.status} {error_code(body)}".strip()
        elif ask.stream:
            await _streamed(response, outcome, clock, gaps)
        else:
            await _whole(response, outcome)
    except HttpError as error:
        outcome.error = kind_of(error)
    outcome.end = clock()


def kind_of(error: HttpError) -> str:
    """In words, without anything that differs from one time to the next."""
    words = next((words for kind, words in _KINDS.items() if isinstance(error, kind)), "HTTP error")
    return f"{words} in the middle of an answer" if error.started else words


def error_code(body: bytes) -> str:
    """The code (else the type) of an error as OpenAI's API has it; empty: there is none."""
    try:
        document = decode(body, Any)
    except (MalformedJson, msgspec.ValidationError):
        return ""
    return _code(document.get("error") if isinstance(document, dict) else None)


def _code(error: Any) -> str:
    found = (error.get("code") or error.get("type")) if isinstance(error, dict) else None
    text = str(found) if isinstance(found, str | int) else ""
    return text if _CODE.fullmatch(text) else ""


async def _whole(response: Response, outcome: Outcome) -> None:
    body = await response.read()
    outcome.bytes_received = len(body)
    try:
        answer = decode(body, _Answer)
    except (MalformedJson, msgspec.ValidationError):
        outcome.error = "200, but no chat completion"
        return
    if not answer.choices:
        outcome.error = f"200, but no choices {error_code(body)}".strip()
        return
    if answer.usage is not None:
        outcome.prompt_tokens, outcome.output_tokens = answer.usage.prompt_tokens, answer.usage.completion_tokens


async def _streamed(response: Response, outcome: Outcome, clock: Callable[[], float], gaps: Histogram) -> None:
    sink = StreamSink(outcome, clock, gaps, asyncio.get_running_loop().create_future())
    response.stream(sink)
    try:
        await sink.over
    finally:
        response.close()


class StreamSink:
    """Takes a stream as it comes. `over` is done at its end, or fails with an HttpError.

    A gap is the time between an event with a token in it and the next one, as the caller gets them: events that come in one read
    are no time apart.
    """

    def __init__(self, outcome: Outcome, clock: Callable[[], float], gaps: Histogram, over: asyncio.Future[None]) -> None:
        self.over = over
        self._outcome = outcome
        self._clock = clock
        self._gaps = gaps
        self._reader = SseReader()
        self._last = 0.0
        self._done = False

    def feed(self, data: bytes) -> None:
        now = self._clock()
        self._outcome.bytes_received += len(data)
        try:
            found = [event.data for event in self._reader.feed(data)]
        except FramingError:
            self._outcome.error = self._outcome.error or "stream: not an event stream"
            return
        self._take(found, now)

    def end(self) -> None:
        self._take([event.data for event in self._reader.end()], self._clock())
        if not self._done and not self._outcome.error:
            self._outcome.error = "stream: ended without [DONE]"
        if not self.over.done():
            self.over.set_result(None)

    def broken(self, error: HttpError) -> None:
        if not self.over.done():
            self.over.set_exception(error)

    def _take(self, found: list[bytes], now: float) -> None:
        tokens = 0
        for data in found:
            if data == _DONE:
                self._done = True
                continue
            try:
                tokens += self._chunk(decode(data, _Chunk))
            except (MalformedJson, msgspec.ValidationError):
                self._outcome.error = self._outcome.error or "stream: an event that is no chunk"
        if not tokens:
            return
        if self._outcome.first is None:
            self._outcome.first = now
        else:
            self._gaps.record(now - self._last)
        if tokens > 1:
            self._gaps.record(0.0, tokens - 1)
        self._last = now

    def _chunk(self, chunk: _Chunk) -> bool:
        """Whether there is something of the answer in it."""
        if chunk.error is not None and not self._outcome.error:
            self._outcome.error = f"stream: error {_code(chunk.error)}".strip()
        if chunk.usage is not None:
            self._outcome.prompt_tokens, self._outcome.output_tokens = chunk.usage.prompt_tokens, chunk.usage.completion_tokens
        deltas = [choice.delta for choice in chunk.choices or () if choice.delta is not None]
        return any(delta.content or delta.reasoning_content or delta.tool_calls for delta in deltas)
