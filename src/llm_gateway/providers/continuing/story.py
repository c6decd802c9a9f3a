"""What was shown of an answer, and whether another leg may go on with it. One per answer; its legs come and go."""

from __future__ import annotations

from types import MappingProxyType
from typing import Literal

import msgspec

from llm_gateway.core import events as ev
from llm_gateway.core.chat import ChatRequest
from llm_gateway.core.errors import GatewayError, UpstreamError, UpstreamRejected
from llm_gateway.core.estimate import CHARS_PER_TOKEN, estimate
from llm_gateway.core.json import encode
from llm_gateway.core.usage import Usage, summed
from llm_gateway.dialects.base import StreamWriter

MAX_CHARS = 256 << 10
"""Of text that is kept."""
MAX_SEAMS = 3

How = Literal["first", "prefill", "verify"]

_BARRIERS = MappingProxyType(
    {
        ev.ToolCallStart: "tool_call",
        ev.ToolCallDelta: "tool_call",
        ev.ReasoningDelta: "thinking",
        ev.ReasoningSignature: "thinking",
        ev.RedactedReasoning: "thinking",
        ev.RefusalDelta: "refusal",
        ev.AudioDelta: "audio",
        ev.CitationDelta: "citations",
        ev.OpaqueBlock: "opaque",
        ev.Finish: "finished",
    }
)
_THINKING = frozenset({ev.ReasoningDelta, ev.ReasoningSignature, ev.RedactedReasoning})


class Leg(msgspec.Struct, eq=False):
    """One provider's part. `at`: how many characters were shown before it. `chars`: all that it wrote, shown or not. `usage`
    None: not told, and not estimated yet.
    """

    provider: str
    model: str
    how: How
    at: int = 0
    chars: int = 0
    usage: Usage | None = None
    estimated: bool = False


class Story:
    """Between a leg's events and the caller's writer.

    White space at the end is held until more comes, so that what was shown never ends with any: a prefill must not, and the next
    leg writes its own.
    """

    __slots__ = ("_mark", "_pieces", "_space", "barrier", "doubted", "legs", "length", "request", "seams", "writer")

    def __init__(self, request: ChatRequest, writer: StreamWriter, *, keeps: bool = True) -> None:
        """`keeps` False: nothing will go on with it, so nothing is kept or held."""
        self.request = request
        self.writer = writer
        self.barrier = why_never(request) if keeps else "restart"
        """Why no other leg may go on; "": one may."""
        self.legs: list[Leg] = []
        self.seams = 0
        self.doubted = False
        """A prefill was not believed: from now on legs are verified only."""
        self.length = 0
        """Characters of text that were shown and kept."""
        self._pieces: list[str] = []
        self._space = ""
        self._mark: bytes | None = None

    @property
    def shown(self) -> str:
        if len(self._pieces) > 1:
            self._pieces = ["".join(self._pieces)]
        return self._pieces[0] if self._pieces else ""

    @property
    def leg(self) -> Leg:
        """The one that is being told."""
        return self.legs[-1]

    @property
    def usage(self) -> Usage | None:
        """Of all legs, as far as it is known."""
        told = [leg.usage for leg in self.legs if leg.usage is not None]
        return None if not told else told[0] if len(told) == 1 else summed(told)

    def begin(self, provider: str, model: str, how: How) -> None:
        """A leg begins to tell."""
        self.settle()
        self.legs.append(Leg(provider, model, how, self.length))
        if how != "first":
            mark = {"provider": provider, "model": model, "how": how, "at": self.length, "seam": self.seams}
            if any(leg.estimated for leg in self.legs):
                mark["estimated"] = True
            self._mark = b'"x_gateway_continued":' + encode(mark)

    def tell(self, event: ev.Event, out: list[ev.Event]) -> None:
        """One event of the answer itself (not Start, UsageUpdate, Failure or Done) goes to `out` as the caller is to see it."""
        if self.barrier:
            out.append(event)
            return
        kind = type(event)
        if kind is ev.TextDelta:
            self._text(event, out)  # type: ignore[arg-type]
        elif kind in _THINKING and not self.length and not self._space:
            out.append(event)
        else:
            self._bar(_BARRIERS[kind], out)
            out.append(event)

    def write(self, batch: list[ev.Event]) -> bytes:
        """What they put on the caller's wire. The first that a further leg adds carries the mark of the seam."""
        try:
            data = self.writer.feed(batch) if batch else b""
        except Exception:
            self.barrier = "unwritable"  # nobody knows how much of it was shown
            raise
        if self._mark is not None and data:
            data, self._mark = marked(data, self._mark), None
        return data

    def obstacle(self, error: Exception) -> str:
        """Why no leg may go on after this cut; "": one may."""
        if self.barrier:
            return self.barrier
        if not isinstance(error, UpstreamError) or isinstance(error, UpstreamRejected) or not error.retryable:
            return "refused"
        if not self.length:
            return "nothing_shown"
        if self.seams >= MAX_SEAMS:
            return "seams"
        shown = self.shown
        begun = any(shown.endswith(stop[:size]) for stop in self.request.stop for size in range(1, len(stop)))
        return "stop_sequence" if begun else ""

    def cut(self) -> None:
        """The leg broke off, and another one will go on."""
        self.seams += 1
        self._space = ""
        self.settle()

    def settle(self, *, complete: bool = False) -> None:
        """The last leg is over: what it used and did not tell is estimated. One that wrote nothing cost nothing."""
        if not self.legs:
            return
        leg = self.legs[-1]
        wrote = -(-leg.chars // CHARS_PER_TOKEN)
        if leg.usage is None:
            if not wrote:
                self.legs.pop()
                return
            more = leg.at // CHARS_PER_TOKEN if leg.how == "prefill" else 0
            leg.usage, leg.estimated = Usage(input=estimate(self.request) + more, output=wrote), True
        elif not complete and leg.usage.completion < wrote // 2:  # told at its beginning, not at its end
            leg.usage, leg.estimated = msgspec.structs.replace(leg.usage, output=leg.usage.output + wrote), True

    def _text(self, event: ev.TextDelta, out: list[ev.Event]) -> None:
        if event.choice or event.logprobs is not None:
            self._bar("several_answers" if event.choice else "logprobs", out)
            out.append(event)
            return
        text = self._space + event.text
        body = text.rstrip()
        self._space = text[len(body) :]
        if body:
            self._pieces.append(body)
            self.length += len(body)
            out.append(ev.TextDelta(body))
        if self.length + len(self._space) > MAX_CHARS:
            self._bar("too_long", out)

    def _bar(self, why: str, out: list[ev.Event]) -> None:
        if self._space:
            out.append(ev.TextDelta(self._space))
        self.barrier, self._space = why, ""
        self._pieces.clear()


def why_never(request: ChatRequest) -> str:
    """Why an answer to this request is never continued, whatever comes; "": it may be."""
    wanted = request.response_format
    if request.n is not None and request.n > 1:
        return "several_answers"
    if request.logprobs or request.top_logprobs:
        return "logprobs"
    if wanted is not None and wanted.kind != "text":
        return "structured"
    if any(tool.raw is not None for tool in request.tools):
        return "server_tools"
    parts = (part for message in request.messages for part in message.parts)
    return "sources_asked" if any(getattr(part, "citations", None) is True for part in parts) else ""


def not_continued(error: GatewayError, why: str) -> GatewayError:
    """`error` says why nobody went on."""
    error.details = (error.details or {}) | {"not_continued": why}
    return error


def marked(data: bytes, member: bytes) -> bytes:
    """`data` with a member put first into its first JSON object. In every dialect's framing that is the first brace."""
    at = data.find(b"{") + 1
    if not at:
        return data
    return b"%b%b%b%b" % (data[:at], member, b"" if data.startswith(b"}", at) else b",", data[at:])
