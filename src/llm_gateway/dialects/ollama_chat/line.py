"""One line of a stream, which is an answer's piece; a whole answer has the same members."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import msgspec
from msgspec import Raw

from llm_gateway.core.chat import Finish
from llm_gateway.dialects.base import ProviderFault
from llm_gateway.dialects.ollama_chat.wire import NULL
from llm_gateway.dialects.openai_chat.errors import fault_of
from llm_gateway.dialects.received import receive

_FINISHES: Mapping[str, Finish] = MappingProxyType(
    {
        "stop": "stop",
        "length": "length",
        "load": "stop",
        "unload": "stop",
        "tool_calls": "tool_calls",
        "content_filter": "content_filter",
    }
)
_WORDS: Mapping[Finish, str] = MappingProxyType(
    {
        "tool_calls": "stop",
        "refusal": "content_filter",
        "pause": "length",  # not finished: "stop" would say that it is
        "context_window": "length",
    }
)


class Function(msgspec.Struct, gc=False):
    name: str = ""
    arguments: Raw = NULL


class Call(msgspec.Struct, gc=False):
    function: Function
    id: str | None = None


class Said(msgspec.Struct, gc=False):
    content: str | None = None
    thinking: str | None = None
    tool_calls: list[Call] | None = None


class Line(msgspec.Struct, gc=False):
    """`message` in a chat, `response` and `thinking` in /api/generate. `done_reason` is missing in answers of old servers."""

    model: str | None = None
    created_at: str | None = None
    message: Said | None = None
    response: str | None = None
    thinking: str | None = None
    done: bool | None = None
    done_reason: str | None = None
    logprobs: Raw = NULL
    prompt_eval_count: int | None = None
    eval_count: int | None = None
    error: Any = None


_decode = msgspec.json.Decoder(Line).decode


def read_line(line: bytes, what: str) -> Line:
    """`what` it is part of, for the message of UpstreamMalformed, which holds nothing of the answer."""
    try:
        if not line.isascii():
            line.decode()  # msgspec does not look at the UTF-8 of what it skips, and we pass those bytes on
        return _decode(line)
    except (msgspec.MsgspecError, RecursionError, UnicodeError):
        pass  # repaired where it can be, refused where not
    return receive(line, Line, what)


def fault_in(line: Line) -> ProviderFault | None:
    """The error that the line is, if it is one."""
    return fault_of({"error": line.error}) if line.error else None


def parse_finish(reason: str | None, *, calls: bool) -> Finish:
    """A word that nobody knows is an error, not a success."""
    finish = _FINISHES.get(reason or "stop", "error")
    return "tool_calls" if calls and finish == "stop" else finish


def render_finish(finish: Finish | None) -> str:
    """Ollama's word, or ours where it has none."""
    return _WORDS.get(finish, finish) if finish is not None else "stop"


def reply_id(line: Line) -> str:
    """Answers have no id; the moment they were made is one."""
    digits = "".join(letter for letter in (line.created_at or "") if letter.isdecimal())
    return f"ollama-{digits[:24]}"
