"""A provider's stream of Server-Sent Events read as neutral events: what every dialect's reader does around its own events."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable

from llm_gateway.core import events
from llm_gateway.core.errors import UpstreamMalformed
from llm_gateway.core.json import MalformedJson, decode
from llm_gateway.dialects.template import Template
from llm_gateway.http.framing.errors import FramingError
from llm_gateway.http.framing.sse import SseEvent, SseReader

_TRIES = 8
"""So often an event is learnt without another one like it: chunks that differ in more (in a time, say) are not worth it."""


class Pieces:
    """Reads pieces of text that differ from an event that was parsed in their text only, without parsing them (template.py)."""

    __slots__ = ("_make", "_template", "_tries")

    def __init__(self) -> None:
        self._template = Template()
        self._make: Callable[[str], events.Event] | None = None
        self._tries = 0

    def learn(self, event: bytes, name: re.Pattern[bytes], text: str, make: Callable[[str], events.Event]) -> None:
        """`event` was one piece of text and nothing else; `make` gives the neutral event of another one like it."""
        if self._tries < _TRIES:
            self._tries += 1
            self._template.learn(event, (name,))
            found, end = self._template.text(event, 0)
            self._make = make if end == len(event) and _text(found) == text else None

    def forget(self) -> None:
        """What comes now means something else, though it may look the same."""
        self._make = None

    def take(self, block: bytes, at: int, out: list[events.Event]) -> int:
        """Where the run of such events ends that begins at `at`; they are added to `out`."""
        make = self._make
        if make is None:
            return at
        template = self._template
        while at < len(block):
            found, end = template.text(block, at)
            if end == at:
                return at
            text = _text(found)
            if text is None:
                return at
            if text:
                out.append(make(text))
            at = end
            self._tries = 0
        return at


def _text(inside: bytes) -> str | None:
    """What a JSON string says; None for one that cannot be read here (lone surrogates, bad UTF-8: the parser repairs them)."""
    if b"\\" not in inside:
        try:
            return inside.decode()
        except UnicodeDecodeError:
            return None
    try:
        return decode(b'"%b"' % inside, str)
    except MalformedJson:
        return None


class SseEvents(ABC):
    """A `StreamReader` (dialects/base.py). `_take` sets `_finished` when the reason of the end was seen, and `_over` with the
    terminal marker or a failure; `end` adds Done where only the marker is missing. `_pieces` may learn what a piece of text
    looks like, so that the next ones need not be parsed.
    """

    def __init__(self) -> None:
        self._sse = SseReader()
        self._pieces = Pieces()
        self._finished = False
        self._over = False

    @abstractmethod
    def _take(self, batch: list[SseEvent], raw: bytes) -> list[events.Event]:
        """What these events say; `raw` is their bytes. Raises UpstreamMalformed."""

    def feed(self, data: bytes) -> list[events.Event]:
        if self._over:
            return []
        try:
            block = self._sse.block(data)
        except FramingError as error:
            raise UpstreamMalformed(f"The provider's stream is malformed: {error}") from None
        out: list[events.Event] = []
        at = 0
        while at < len(block) and not self._over:
            at = self._pieces.take(block, at, out)
            if at < len(block):
                stop = block.find(b"\n\n", at)
                raw, at = (block[at:], len(block)) if stop < 0 else (block[at : stop + 2], stop + 2)
                out += self._take(self._sse.read(raw), raw)
        return out

    def end(self) -> list[events.Event]:
        if self._over:
            return []
        out = self._take(self._sse.end(), b"")
        if not self._over and self._is_finished():
            self._over = True
            out.append(events.Done())
        return out

    def _is_finished(self) -> bool:
        return self._finished
