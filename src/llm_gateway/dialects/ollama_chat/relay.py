"""A stream of lines that passes through: its bytes go on as they came, and what they say about the stream itself is read."""

from __future__ import annotations

from llm_gateway.core.errors import UpstreamMalformed
from llm_gateway.core.usage import Usage
from llm_gateway.dialects.base import ProviderFault
from llm_gateway.dialects.ollama_chat.line import Line, fault_in, read_line
from llm_gateway.dialects.ollama_chat.stream_in import Lines
from llm_gateway.dialects.ollama_chat.usage import parse_usage


class NdjsonRelay:
    """A `Relay` (dialects/base.py) of chats and of /api/generate. Lines go on whole, ended by LF; empty ones are left out.

    There is no end to supply: the line that says why an answer ended is the one that ends it.
    """

    __slots__ = ("_lines", "committed", "done", "failure", "usage")

    def __init__(self) -> None:
        self.usage: Usage | None = None
        self.committed = False
        self.done = False
        self.failure: ProviderFault | None = None
        self._lines = Lines()

    def feed(self, data: bytes) -> bytes:
        return b"" if self._is_over() else self._pass(self._lines.feed(data))

    def end(self) -> bytes:
        return b"" if self._is_over() else self._pass(self._lines.end())

    def _is_over(self) -> bool:
        return self.done or self.failure is not None

    def _pass(self, lines: list[bytes]) -> bytes:
        out: list[bytes] = []
        for line in lines:
            if 0 in line:
                raise UpstreamMalformed("The provider's stream holds a NUL byte")
            self._take(read_line(line, "stream"))
            if self.failure is not None:
                break
            out.append(line if line.isascii() else line.decode(errors="replace").encode())
            out.append(b"\n")
            if self.done:
                break
        return b"".join(out)

    def _take(self, line: Line) -> None:
        self.failure = fault_in(line)
        if self.failure is not None:
            return
        said = line.message
        if line.response or line.thinking or (said is not None and (said.content or said.thinking or said.tool_calls)):
            self.committed = True
        if line.done:
            self.committed = self.done = True
            self.usage = parse_usage(line.prompt_eval_count, line.eval_count) or self.usage
