"""A provider's stream turned into the caller's: read as events, written in another dialect."""

from __future__ import annotations

from typing import Protocol, TypeVar

from msgspec import structs

from llm_gateway.core import events
from llm_gateway.core.chat import ChatReply
from llm_gateway.core.errors import UpstreamMalformed
from llm_gateway.core.unfold import unfold
from llm_gateway.core.usage import Usage
from llm_gateway.dialects.base import ChatBack, ProviderFault, StreamReader, StreamWriter
from llm_gateway.providers.base import Unframe


class Transform(Protocol):
    """Upstream bytes to caller bytes; see dialects.base.Relay, whose shape this is."""

    @property
    def usage(self) -> Usage | None: ...
    @property
    def committed(self) -> bool: ...
    @property
    def done(self) -> bool: ...
    @property
    def failure(self) -> ProviderFault | None: ...

    def feed(self, data: bytes) -> bytes: ...
    def end(self) -> bytes: ...


_TEXT = (events.TextDelta, events.ReasoningDelta, events.RefusalDelta)
_CONTENT = (
    events.ToolCallStart,
    events.AudioDelta,
    events.RedactedReasoning,
    events.OpaqueBlock,
    events.Finish,
)
WHOLE_BYTES = 32 << 20


class Translated:
    """A Transform through the neutral events."""

    __slots__ = ("_ident", "_model", "_reader", "_writer", "committed", "done", "failure", "usage")

    def __init__(self, reader: StreamReader, writer: StreamWriter, model: str = "", ident: str = "") -> None:
        """`model`, `ident`: what the answer is said to come from and to be called where the provider says nothing."""
        self._reader = reader
        self._writer = writer
        self._model = model
        self._ident = ident
        self.usage: Usage | None = None
        self.committed = False
        self.done = False
        self.failure: ProviderFault | None = None

    def feed(self, data: bytes) -> bytes:
        if self.done:
            return b""
        return self._take(self._reader.feed(data))

    def end(self) -> bytes:
        return b"" if self.done else self._take(self._reader.end())

    def _take(self, batch: list[events.Event]) -> bytes:
        for position, event in enumerate(batch):
            kind = type(event)
            if kind is events.UsageUpdate:
                self.usage = event.usage  # type: ignore[union-attr]
            elif kind is events.Failure:
                self.failure = ProviderFault(event.message, event.type or "", event.code or "")  # type: ignore[union-attr]
                batch = batch[:position]
                break
            elif kind is events.Start and not (event.model and event.id):  # type: ignore[union-attr]
                batch[position] = named(event, self._model, self._ident)  # type: ignore[type-var]
            elif kind is events.Done:
                self.done = True
                batch = batch[: position + 1]
                break
            elif not self.committed:
                self.committed = kind in _CONTENT or (kind in _TEXT and bool(event.text))  # type: ignore[union-attr]
        return self._writer.feed(batch) if batch else b""


class Unframed:
    """A Transform behind a framing that the dialect itself does not have."""

    __slots__ = ("_frame", "_inner")

    def __init__(self, frame: Unframe, inner: Transform) -> None:
        self._frame = frame
        self._inner = inner

    def feed(self, data: bytes) -> bytes:
        return self._inner.feed(self._frame.feed(data))

    def end(self) -> bytes:
        rest = self._frame.end()
        return (self._inner.feed(rest) if rest else b"") + self._inner.end()

    @property
    def usage(self) -> Usage | None:
        return self._inner.usage

    @property
    def committed(self) -> bool:
        return self._inner.committed

    @property
    def done(self) -> bool:
        return self._inner.done

    @property
    def failure(self) -> ProviderFault | None:
        return self._inner.failure


_Named = TypeVar("_Named", events.Start, ChatReply)


def named(answer: _Named, model: str, ident: str) -> _Named:
    """`answer` with a model and an id: Bedrock, Cohere and Ollama tell neither, and every client's type demands them."""
    if answer.model and answer.id:
        return answer
    return structs.replace(answer, model=answer.model or model, id=answer.id or ident)


class WholeReader:
    """A StreamReader for a provider that answers a stream request with one JSON document: collected, then unfolded."""

    __slots__ = ("_back", "_parts", "_size")

    def __init__(self, back: ChatBack) -> None:
        self._back = back
        self._parts: list[bytes] = []
        self._size = 0

    def feed(self, data: bytes) -> list[events.Event]:
        self._parts.append(data)
        self._size += len(data)
        if self._size > WHOLE_BYTES:
            raise UpstreamMalformed("The provider's answer is larger than this gateway accepts.")
        return []

    def end(self) -> list[events.Event]:
        parts, self._parts = self._parts, []
        return unfold(self._back.parse_reply(b"".join(parts)))


class Whole(Translated):
    """A Transform of such an answer."""

    __slots__ = ()

    def __init__(self, back: ChatBack, writer: StreamWriter, model: str = "", ident: str = "") -> None:
        """`model`, `ident`: as Translated has them."""
        super().__init__(WholeReader(back), writer, model, ident)
