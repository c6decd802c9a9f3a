"""A caller's stream, events to lines.

Every piece of text and of thinking is a line at once. Calls have no pieces in this API: their arguments are collected, and each
call goes out whole, at the end. The last line has done, the reason and the usage.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from llm_gateway.core import events as ev
from llm_gateway.core.chat import ChatRequest, Finish, ToolCall
from llm_gateway.core.errors import GatewayError, UpstreamMalformed
from llm_gateway.core.json import encode
from llm_gateway.core.usage import Usage
from llm_gateway.dialects.ollama_chat.errors import frame_error
from llm_gateway.dialects.ollama_chat.line import render_finish
from llm_gateway.dialects.ollama_chat.logprobs import render_logprobs
from llm_gateway.dialects.ollama_chat.reply import head, render_call
from llm_gateway.dialects.ollama_chat.sealed import Seals
from llm_gateway.dialects.ollama_chat.usage import render_usage

LIMIT_CHARS = 8 << 20
"""Of the arguments of all calls, together."""


class LineWriter(ABC):
    """One answer; the first choice of it, since the API knows one only. Failure writes nothing: see `fail`."""

    def __init__(self, request: ChatRequest, created: float) -> None:
        self._created = created
        self._head = head(request.model, None, created)
        self._calls: dict[int, tuple[ev.ToolCallStart, str, list[str]]] = {}
        self._seals = Seals()
        self._chars = 0
        self._usage: Usage | None = None
        self._finish: Finish | None = None
        self._over = False

    @abstractmethod
    def piece(self, text: str, thinking: str, calls: list[ToolCall]) -> dict[str, Any]:
        """The members of a line that hold the answer."""

    def feed(self, events: list[ev.Event]) -> bytes:
        out: list[bytes] = []
        for event in events:
            if self._over:
                break
            if getattr(event, "choice", 0) == 0:
                self._event(event, out)
        return b"".join(out)

    def fail(self, error: GatewayError, request_id: str) -> bytes:  # noqa: ARG002 - the Protocol's; the shape has no place for it
        if self._over:
            return b""
        self._over = True
        return frame_error(error)

    def _event(self, event: ev.Event, out: list[bytes]) -> None:
        match event:
            case ev.TextDelta() if event.text or event.logprobs is not None:
                self._seals.speak()
                self._write(out, event.text, logprobs=render_logprobs(event.logprobs))
            case ev.RefusalDelta(text=text) | ev.AudioDelta(transcript=text) if text:
                self._write(out, text)
            case ev.ReasoningDelta(text=text) if text:
                self._seals.think(text)
                self._write(out, thinking=text)
            case ev.ReasoningSignature(signature=signature):
                self._seals.sign(signature)
            case ev.RedactedReasoning(data=data):
                self._seals.redact(data)
            case ev.ToolCallStart() if event.index not in self._calls:
                self._calls[event.index] = (event, self._seals.ident(event.id), [])
            case ev.ToolCallDelta():
                self._collect(event)
            case _:
                self._frame(event, out)

    def _frame(self, event: ev.Event, out: list[bytes]) -> None:
        match event:
            case ev.Start():
                self._head = head(event.model or self._head["model"], event.created, self._created)
            case ev.UsageUpdate(usage=usage):
                self._usage = usage
            case ev.Finish(reason=reason):
                self._finish = self._finish or reason
            case ev.Done():
                self._end(out)

    def _collect(self, event: ev.ToolCallDelta) -> None:
        self._chars += len(event.arguments)
        if self._chars > LIMIT_CHARS:
            raise UpstreamMalformed("The provider's tool calls are larger than this gateway accepts")
        if event.index in self._calls:
            self._calls[event.index][2].append(event.arguments)

    def _end(self, out: list[bytes]) -> None:
        self._over = True
        if self._finish == "error":
            out.append(encode({"error": "The provider ended its answer with an error"}) + b"\n")
            return
        calls = [ToolCall(ident, start.name, "".join(said), custom=start.custom) for start, ident, said in self._calls.values()]
        if calls:
            self._write(out, calls=calls)
        last = self.piece("", "", []) | {"done": True, "done_reason": render_finish(self._finish), **render_usage(self._usage)}
        out.append(encode(self._head | last) + b"\n")

    def _write(
        self,
        out: list[bytes],
        text: str = "",
        thinking: str = "",
        calls: list[ToolCall] | None = None,
        logprobs: list[Any] | None = None,
    ) -> None:
        line = self._head | self.piece(text, thinking, calls or []) | {"done": False}
        if logprobs is not None:
            line["logprobs"] = logprobs
        out.append(encode(line) + b"\n")


class ChatWriter(LineWriter):
    def piece(self, text: str, thinking: str, calls: list[ToolCall]) -> dict[str, Any]:
        message: dict[str, Any] = {"role": "assistant", "content": text}
        if thinking:
            message["thinking"] = thinking
        if calls:
            message["tool_calls"] = [render_call(call) for call in calls]
        return {"message": message}


class GenerateWriter(LineWriter):
    """/api/generate, which has no tools."""

    def piece(self, text: str, thinking: str, calls: list[ToolCall]) -> dict[str, Any]:  # noqa: ARG002 - as above
        return {"response": text, "thinking": thinking} if thinking else {"response": text}
