"""A provider's stream of Server-Sent Events read as neutral events: what every dialect's reader does around its own events."""

from __future__ import annotations

from abc import ABC, abstractmethod

from llm_gateway.core import events
from llm_gateway.core.errors import UpstreamMalformed
from llm_gateway.http.framing.errors import FramingError
from llm_gateway.http.framing.sse import SseEvent, SseReader


class SseEvents(ABC):
    """A `StreamReader` (dialects/base.py). `_take` sets `_finished` when the reason of the end was seen, and `_over` with the
    terminal marker or a failure; `end` adds Done where only the marker is missing.
    """

    def __init__(self) -> None:
        self._sse = SseReader()
        self._finished = False
        self._over = False

    @abstractmethod
    def _take(self, batch: list[SseEvent]) -> list[events.Event]:
        """What these events say. Raises UpstreamMalformed."""

    def feed(self, data: bytes) -> list[events.Event]:
        if self._over:
            return []
        try:
            return self._take(self._sse.feed(data))
        except FramingError as error:
            raise UpstreamMalformed(f"The provider's stream is malformed: {error}") from None

    def end(self) -> list[events.Event]:
        if self._over:
            return []
        out = self._take(self._sse.end())
        if self._finished and not self._over:
            self._over = True
            out.append(events.Done())
        return out
