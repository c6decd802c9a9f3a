"""A provider's stream, lines to events."""

from __future__ import annotations

from llm_gateway.core import events
from llm_gateway.core.errors import UpstreamMalformed
from llm_gateway.dialects.ollama_chat.line import Line, Said, fault_in, parse_finish, read_line, reply_id
from llm_gateway.dialects.ollama_chat.logprobs import parse_logprobs
from llm_gateway.dialects.ollama_chat.messages_in import arguments_of
from llm_gateway.dialects.ollama_chat.reply import call_id
from llm_gateway.dialects.ollama_chat.times import parse_time
from llm_gateway.dialects.ollama_chat.usage import parse_usage
from llm_gateway.http.framing.errors import FramingError
from llm_gateway.http.framing.ndjson import LineReader

_BOM = b"\xef\xbb\xbf"


class Lines:
    """A LineReader whose errors are the dialect's, and which drops a BOM."""

    __slots__ = ("_reader", "_started")

    def __init__(self) -> None:
        self._reader = LineReader()
        self._started = False

    def feed(self, data: bytes) -> list[bytes]:
        try:
            return self._checked(self._reader.feed(data))
        except FramingError as error:
            raise UpstreamMalformed(f"The provider's stream is malformed: {error}") from None

    def end(self) -> list[bytes]:
        return self._checked(self._reader.end())

    def _checked(self, lines: list[bytes]) -> list[bytes]:
        if lines and not self._started:
            self._started = True
            lines[0] = lines[0].removeprefix(_BOM)
        return [line for line in lines if line.strip()]


class Reader:
    """One answer. Lines that hold no piece of it are skipped."""

    def __init__(self) -> None:
        self._lines = Lines()
        self._id = ""
        self._started = False
        self._calls = 0
        self._over = False

    def feed(self, data: bytes) -> list[events.Event]:
        return [] if self._over else self._take(self._lines.feed(data))

    def end(self) -> list[events.Event]:
        """The last line may lack its end. Done is never implied: the line that tells the reason is the one that ends a stream."""
        return [] if self._over else self._take(self._lines.end())

    def _take(self, lines: list[bytes]) -> list[events.Event]:
        out: list[events.Event] = []
        for data in lines:
            if self._over:
                break
            line = read_line(data, "stream")
            fault = fault_in(line)
            if fault is not None:
                self._over = True
                out.append(events.Failure(fault.message, fault.type or None, fault.code or None))
            elif line.message is not None:
                self._line(line, line.message, out)
        return out

    def _line(self, line: Line, said: Said, out: list[events.Event]) -> None:
        if not self._started:
            self._started = True
            self._id = reply_id(line)
            out.append(events.Start(self._id, line.model or "", parse_time(line.created_at)))
        if said.thinking:
            out.append(events.ReasoningDelta(said.thinking))
        logprobs = parse_logprobs(line.logprobs)
        if said.content or logprobs is not None:
            out.append(events.TextDelta(said.content or "", logprobs=logprobs))
        for call in said.tool_calls or ():
            ident = call_id(call.id, self._id, self._calls)
            out.append(events.ToolCallStart(self._calls, ident, call.function.name))
            out.append(events.ToolCallDelta(self._calls, arguments_of(call.function.arguments)))
            self._calls += 1
        if line.done:
            self._over = True
            usage = parse_usage(line.prompt_eval_count, line.eval_count)
            if usage is not None:
                out.append(events.UsageUpdate(usage))
            out += [events.Finish(parse_finish(line.done_reason, calls=self._calls > 0)), events.Done()]
