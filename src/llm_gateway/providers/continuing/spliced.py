"""A further leg of an answer: what it adds to what was shown goes to the same writer, everything else to nobody.

A leg that was given the text as a prefill goes on from it. One that was not, or that repeats its prefill, must begin with what
was shown, character by character; the repetition is left out.
"""

from __future__ import annotations

from typing import Final

from llm_gateway.core import events as ev
from llm_gateway.core.errors import UpstreamError
from llm_gateway.dialects.base import StreamReader
from llm_gateway.providers.continuing.story import Story
from llm_gateway.providers.continuing.tracked import Telling

ANEW_CHARS: Final = 16
"""A prefill leg that begins with all of a text at least as long as this began the answer anew."""

_THINKING = frozenset({ev.ReasoningDelta, ev.ReasoningSignature, ev.RedactedReasoning})
_FOREIGN = frozenset({ev.RefusalDelta, ev.AudioDelta, ev.CitationDelta, ev.OpaqueBlock})
"""What no text can be spliced with."""


class Spliced(Telling):
    """A Transform. Raises UpstreamError (reason differs) from `feed` and `end` when the leg cannot be spliced."""

    __slots__ = ("_added", "_anew", "_at", "_shown", "_waiting")

    def __init__(self, reader: StreamReader, story: Story, *, repeats: bool) -> None:
        """`repeats`: the leg begins with what was shown."""
        super().__init__(reader, story)
        self._shown = story.shown
        self._at = 0 if repeats else len(self._shown)
        """How much of it the leg has repeated."""
        self._anew = not repeats and len(self._shown) >= ANEW_CHARS
        """Whether everything that came could still be a repetition of the answer."""
        self._waiting = ""
        """What came while that is so."""
        self._added = False
        """Whether there is more than white space behind what was shown."""

    def _event(self, event: ev.Event, out: list[ev.Event]) -> None:
        kind = type(event)
        if kind is ev.Start or (kind in _THINKING and not self._added):
            return
        if getattr(event, "choice", 0) or kind in _FOREIGN:
            raise _unlike("The second answer is of another form.")
        if kind is ev.TextDelta:
            self._text(event.text, out)  # type: ignore[union-attr]
            return
        if self._at < len(self._shown):
            raise _unlike("The second answer ends before the first one broke off.")
        self._let_go(out)
        if kind is ev.Finish and not self._added and self.story.leg.how == "prefill":
            self.story.doubted = True
            raise _unlike("The provider added nothing to the text.")
        self.committed = self._added = True
        self.story.tell(event, out)

    def _text(self, text: str, out: list[ev.Event]) -> None:
        text = self._repetition(text)
        if not text:
            return
        if self._anew:
            self._waiting += text
            if len(self._waiting) < len(self._shown) and self._shown.startswith(self._waiting):
                return
            if self._waiting.startswith(self._shown):
                self.story.doubted = True
                raise _unlike("The provider began its answer anew.")
            self._let_go(out)
        else:
            self._add(text, out)

    def _repetition(self, text: str) -> str:
        """`text` without its beginning that repeats what was shown."""
        left = len(self._shown) - self._at
        if not left or not text:
            return text
        size = min(left, len(text))
        if not self._shown.startswith(text[:size], self._at):
            raise _unlike("The second answer differs from what was shown.")
        self.committed = True
        self._at += size
        return text[size:]

    def _let_go(self, out: list[ev.Event]) -> None:
        text, self._waiting, self._anew = self._waiting, "", False
        if text:
            self._add(text, out)

    def _add(self, text: str, out: list[ev.Event]) -> None:
        self.committed = True
        self._added = self._added or not text.isspace()
        self.story.tell(ev.TextDelta(text), out)

    def _last(self, out: list[ev.Event]) -> None:
        story = self.story
        story.settle(complete=True)
        if story.usage is not None:
            out.append(ev.UsageUpdate(story.usage))


def _unlike(message: str) -> UpstreamError:
    error = UpstreamError(message, code="continuation_failed", details={"not_continued": "differs"})
    error.reason = "differs"
    return error
