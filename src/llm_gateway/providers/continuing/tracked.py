"""The first leg of an answer that may be told by several: a Transform from a provider's bytes to the caller's."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

from llm_gateway.core import events as ev
from llm_gateway.core.errors import UpstreamError
from llm_gateway.core.usage import Usage
from llm_gateway.dialects.base import ProviderFault, StreamReader
from llm_gateway.providers.continuing.story import Story
from llm_gateway.providers.transform import named

HOLD_CHARS = 256 << 10
"""Of thinking."""
HOLD_SECONDS = 10.0

_HELD = frozenset(
    {ev.Start, ev.UsageUpdate, ev.ReasoningDelta, ev.ReasoningSignature, ev.RedactedReasoning, ev.CitationDelta, ev.ToolCallDelta}
)
"""What is no content of the answer itself."""


class Telling(ABC):
    """What all legs share: events go through the story to its writer."""

    __slots__ = ("_broken", "_reader", "committed", "done", "failure", "story")

    def __init__(self, reader: StreamReader, story: Story) -> None:
        self._reader = reader
        self.story = story
        self.committed = False
        self.done = False
        self.failure: ProviderFault | None = None
        self._broken: UpstreamError | None = None
        """Raised by the next call: what was told before it must be written first."""

    @property
    def usage(self) -> Usage | None:
        return self.story.usage

    def feed(self, data: bytes) -> bytes:
        if self._broken is not None:
            raise self._broken
        return b"" if self.done else self._take(self._reader.feed(data))

    def end(self) -> bytes:
        if self._broken is not None:
            raise self._broken
        return b"" if self.done else self._take(self._reader.end())

    def _take(self, batch: list[ev.Event]) -> bytes:
        story = self.story
        leg = story.leg
        out: list[ev.Event] = []
        for event in batch:
            kind = type(event)
            if kind is ev.UsageUpdate:
                leg.usage = event.usage  # type: ignore[union-attr]
                out.append(ev.UsageUpdate(story.usage))  # type: ignore[arg-type]  # this leg's at least
            elif kind is ev.Failure:
                self.failure = ProviderFault(event.message, event.type or "", event.code or "")  # type: ignore[union-attr]
                break
            elif kind is ev.Done:
                self.done = True
                self._last(out)
                out.append(event)
                break
            else:
                if kind is ev.TextDelta or kind is ev.ReasoningDelta:
                    leg.chars += len(event.text)  # type: ignore[union-attr]
                try:
                    self._event(event, out)
                except UpstreamError as error:
                    if not out:
                        raise
                    self._broken = error
                    break
        return self._write(out)

    @abstractmethod
    def _event(self, event: ev.Event, out: list[ev.Event]) -> None:
        """One event of the answer itself."""

    @abstractmethod
    def _last(self, out: list[ev.Event]) -> None:
        """What comes before Done."""

    def _write(self, out: list[ev.Event]) -> bytes:
        return self.story.write(out)


class Tracked(Telling):
    """Holds everything back until the answer itself begins, so that a failure while the model thinks shows nothing."""

    __slots__ = ("_chars", "_held", "_ident", "_latest", "_model", "_now", "_until")

    def __init__(
        self, reader: StreamReader, story: Story, now: Callable[[], float], latest: float, model: str = "", ident: str = ""
    ) -> None:
        """`now`: monotonic seconds. `latest`: when what is held is let go. `model`, `ident`: as Translated has them."""
        super().__init__(reader, story)
        self._now = now
        self._latest = latest
        self._until = 0.0
        self._model = model
        self._ident = ident
        self._held: list[ev.Event] = []
        self._chars = 0

    def _last(self, out: list[ev.Event]) -> None:
        """Nothing: what was held went out with the finish."""

    def _event(self, event: ev.Event, out: list[ev.Event]) -> None:
        if type(event) is ev.Start:
            out.append(named(event, self._model, self._ident))
        else:
            self.story.tell(event, out)
            if not self.committed:
                self.committed = self._begins(event)

    def _begins(self, event: ev.Event) -> bool:
        """Whether the caller must see what came, from this event on."""
        kind = type(event)
        if kind is ev.TextDelta or kind is ev.RefusalDelta:
            self._chars += len(event.text)  # type: ignore[union-attr]
            return bool(event.text.strip()) or self._chars > HOLD_CHARS  # type: ignore[union-attr]
        if kind not in _HELD:
            return True
        if kind is ev.ReasoningDelta or kind is ev.RedactedReasoning:
            self._chars += len(event.text if kind is ev.ReasoningDelta else event.data)  # type: ignore[union-attr]
            now = self._now()
            self._until = self._until or min(now + HOLD_SECONDS, self._latest)
            return self._chars > HOLD_CHARS or now >= self._until
        return False

    def _write(self, out: list[ev.Event]) -> bytes:
        if not self.committed:
            self._held += out
            return b""
        if self._held:
            out, self._held = self._held + out, []
        return self.story.write(out)
