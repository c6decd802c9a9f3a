"""An answer as a text completion: its text only, of speech its transcript. Reasoning and sources have no place in one."""

from __future__ import annotations

from typing import Any

from llm_gateway.core.chat import Audio, ChatReply, Finish, Part, Refusal, Text
from llm_gateway.core.errors import GatewayError
from llm_gateway.core.events import AudioDelta, Done, Event, RefusalDelta, Start, TextDelta, UsageUpdate
from llm_gateway.core.events import Finish as FinishEvent
from llm_gateway.core.json import encode
from llm_gateway.core.usage import Usage
from llm_gateway.dialects.openai_chat.errors import frame_error
from llm_gateway.dialects.openai_chat.finish import render_finish
from llm_gateway.dialects.openai_chat.usage import render_usage
from llm_gateway.http.framing.sse import DONE


def render_reply(reply: ChatReply, created: int) -> bytes:
    """`created` (seconds since the epoch) stands in where the provider did not say."""
    out: dict[str, Any] = {
        "id": reply.id,
        "object": "text_completion",
        "created": created if reply.created is None else reply.created,
        "model": reply.model,
        "choices": [_choice(choice.index, _text(choice.parts), choice.finish or "stop") for choice in reply.choices],
    }
    if reply.usage is not None:
        out["usage"] = render_usage(reply.usage)
    if reply.fingerprint is not None:
        out["system_fingerprint"] = reply.fingerprint
    return encode(out)


class CompletionsWriter:
    """Events to the bytes of a text completion stream."""

    def __init__(self, *, include_usage: bool, created: int) -> None:
        self._include_usage = include_usage
        self._created = created
        self._usage: Usage | None = None
        self._head = b""
        self._start(Start("", ""))

    def feed(self, events: list[Event]) -> bytes:
        out: list[bytes] = []
        for event in events:
            match event:
                case TextDelta() | RefusalDelta():
                    if event.text:
                        self._write(out, _choice(event.choice, event.text, None))
                case AudioDelta(transcript=text) if text:
                    self._write(out, _choice(event.choice, text, None))
                case Start():
                    self._start(event)
                case UsageUpdate():
                    self._usage = event.usage
                case FinishEvent():
                    self._write(out, _choice(event.choice, "", event.reason))
                case Done():
                    if self._include_usage and self._usage is not None:
                        out.append(b'%b[],"usage":%b}\n\n' % (self._head, encode(render_usage(self._usage))))
                    out.append(DONE)
        return b"".join(out)

    def fail(self, error: GatewayError, request_id: str) -> bytes:
        return frame_error(error, request_id)

    def _start(self, event: Start) -> None:
        head: dict[str, Any] = {
            "id": event.id,
            "object": "text_completion",
            "created": self._created if event.created is None else event.created,
            "model": event.model,
        }
        if event.fingerprint is not None:
            head["system_fingerprint"] = event.fingerprint
        self._head = b"data: " + encode(head)[:-1] + b',"choices":'

    def _write(self, out: list[bytes], choice: dict[str, Any]) -> None:
        out.append(b"%b[%b]}\n\n" % (self._head, encode(choice)))


def _choice(index: int, text: str, finish: Finish | None) -> dict[str, Any]:
    reason = None if finish is None else render_finish(finish)[0]
    return {"text": text, "index": index, "logprobs": None, "finish_reason": "stop" if reason == "tool_calls" else reason}


def _text(parts: tuple[Part, ...]) -> str:
    said = (
        part.transcript if isinstance(part, Audio) else part.text for part in parts if isinstance(part, Text | Refusal | Audio)
    )
    return "".join(text or "" for text in said)
