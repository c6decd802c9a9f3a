"""Whether an answer is one to keep: whole, and ended as answers should. What was filtered, refused or cut off is asked anew."""

from __future__ import annotations

from typing import Any

import msgspec

from llm_gateway.core import events
from llm_gateway.core.chat import Choice, Refusal
from llm_gateway.core.errors import GatewayError, release
from llm_gateway.dialects.base import ChatFront, Front, Operation
from llm_gateway.dialects.ollama_chat import OLLAMA_GENERATE
from llm_gateway.dialects.registry import DIALECTS

OPERATIONS = frozenset({Operation.CHAT, Operation.COMPLETION, Operation.EMBEDDING, Operation.RERANK})
"""Whose answers are kept: those that are nothing but the answer to what was asked."""
_WRITING = frozenset({Operation.CHAT, Operation.COMPLETION})
_ENDS = frozenset({"stop", "length", "tool_calls"})


class _Choice(msgspec.Struct):
    finish_reason: str | None = None


class _Completion(msgspec.Struct):
    choices: list[_Choice]


class _Generated(msgspec.Struct):
    done: bool = False
    done_reason: str | None = None


_completion = msgspec.json.Decoder(_Completion).decode
_generated = msgspec.json.Decoder(_Generated).decode


def may_stream(front: Front) -> bool:
    """Whether streams of this dialect can be told to be whole."""
    return front.operation is Operation.CHAT or front.name == OLLAMA_GENERATE.name


def whole(front: Front, body: bytes) -> bool:
    """Of a whole answer in the caller's dialect."""
    if front.operation not in _WRITING:
        return True
    try:
        if front.operation is Operation.COMPLETION:
            finishes: list[Any] = _completed(front, body)
        else:
            finishes = [_finish(choice) for choice in _of(front).parse_reply(body).choices]
    except (GatewayError, msgspec.MsgspecError, RecursionError) as error:
        release(error)
        return False
    return bool(finishes) and _ENDS.issuperset(finishes)


def streamed(front: Front, body: bytes) -> bool:
    """Of a stream's bytes in the caller's dialect, to the last."""
    if front.operation is not Operation.CHAT:
        return may_stream(front) and whole(front, body.rstrip().rpartition(b"\n")[2])  # Ollama's last line says how it ended
    reader = _of(front).stream_reader()
    try:
        found = [*reader.feed(body), *reader.end()]
    except (GatewayError, msgspec.MsgspecError, RecursionError) as error:
        release(error)
        return False
    if any(isinstance(event, events.Failure | events.RefusalDelta) for event in found):
        return False
    finishes = [event.reason for event in found if isinstance(event, events.Finish)]
    return bool(finishes) and _ENDS.issuperset(finishes) and isinstance(found[-1], events.Done)


def is_drawn(front: Front, body: bytes) -> bool:
    """Whether the same request would be answered otherwise another time, as far as it says itself."""
    if front.operation not in _WRITING:
        return False
    try:
        return bool(_chat(front).parse_request(body).temperature != 0)
    except GatewayError as error:  # whoever it is sent to says what is wrong with it
        release(error)
        return True


def _completed(front: Front, body: bytes) -> list[str | None]:
    """Why each of a completion's choices ended."""
    if front.name != OLLAMA_GENERATE.name:
        return [choice.finish_reason for choice in _completion(body).choices]
    made = _generated(body)
    return [made.done_reason or "stop"] if made.done else []  # old servers say no more than that


def _finish(choice: Choice) -> str | None:
    """Why it ended. OpenAI's models refuse in words of their own kind, and stop then."""
    return "refusal" if any(isinstance(part, Refusal) for part in choice.parts) else choice.finish


def _chat(front: Front) -> ChatFront:
    return front  # type: ignore[return-value]  # what writes can be read


def _of(front: Front) -> Any:
    """The same dialect as a provider speaks it: a ChatBack."""
    return DIALECTS[front.name]
