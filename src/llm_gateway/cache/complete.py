"""Whether an answer is one to keep: whole, and ended as answers should. What was filtered, refused or cut off is asked anew."""

from __future__ import annotations

from typing import Any

import msgspec

from llm_gateway.core import events
from llm_gateway.core.errors import GatewayError, release
from llm_gateway.dialects.base import ChatFront, Front, Operation
from llm_gateway.dialects.registry import DIALECTS

OPERATIONS = frozenset({Operation.CHAT, Operation.COMPLETION, Operation.EMBEDDING, Operation.RERANK})
"""Whose answers are kept: those that are nothing but the answer to what was asked."""
_WRITING = frozenset({Operation.CHAT, Operation.COMPLETION})
_ENDS = frozenset({"stop", "length", "tool_calls"})


class _Choice(msgspec.Struct):
    finish_reason: str | None = None


class _Completion(msgspec.Struct):
    choices: list[_Choice]


_completion = msgspec.json.Decoder(_Completion).decode


def whole(front: Front, body: bytes) -> bool:
    """Of a whole answer in the caller's dialect."""
    if front.operation not in _WRITING:
        return True
    try:
        if front.operation is Operation.COMPLETION:
            finishes: list[Any] = [choice.finish_reason for choice in _completion(body).choices]
        else:
            finishes = [choice.finish for choice in _of(front).parse_reply(body).choices]
    except (GatewayError, msgspec.MsgspecError, RecursionError) as error:
        release(error)
        return False
    return bool(finishes) and _ENDS.issuperset(finishes)


def streamed(front: Front, body: bytes) -> bool:
    """Of a stream's bytes in the caller's dialect, to the last."""
    if front.operation is not Operation.CHAT:
        return False
    reader = _of(front).stream_reader()
    try:
        found = [*reader.feed(body), *reader.end()]
    except (GatewayError, msgspec.MsgspecError, RecursionError) as error:
        release(error)
        return False
    finishes = [event.reason for event in found if isinstance(event, events.Finish)]
    failed = any(isinstance(event, events.Failure) for event in found)
    return bool(finishes) and _ENDS.issuperset(finishes) and not failed and isinstance(found[-1], events.Done)


def is_drawn(front: Front, body: bytes) -> bool:
    """Whether the same request would be answered otherwise another time, as far as it says itself."""
    if front.operation not in _WRITING:
        return False
    try:
        return bool(_chat(front).parse_request(body).temperature != 0)
    except GatewayError as error:  # whoever it is sent to says what is wrong with it
        release(error)
        return True


def _chat(front: Front) -> ChatFront:
    return front  # type: ignore[return-value]  # what writes can be read


def _of(front: Front) -> Any:
    """The same dialect as a provider speaks it: a ChatBack."""
    return DIALECTS[front.name]
