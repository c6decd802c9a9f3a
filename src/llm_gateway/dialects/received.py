"""What a provider sent, as a shape of ours. What does not fit is UpstreamMalformed, in words that hold nothing of it."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, TypeVar, overload

import msgspec

from llm_gateway.core.errors import UpstreamMalformed
from llm_gateway.core.json import MalformedJson, decode_lenient
from llm_gateway.http.framing.sse import SseEvent

NO_EVENT = "The provider's stream holds something that is not an event of an answer"

_Shape = TypeVar("_Shape")


class Typed(msgspec.Struct, gc=False):
    """Anything that says what it is."""

    type: str = ""


def receive(data: bytes, type: type[_Shape], what: str = "answer") -> _Shape:  # noqa: A002 - as core.json.decode has it
    """`data` as `type`. Raises UpstreamMalformed, which says `what` of the provider's cannot be read."""
    try:
        return decode_lenient(data, type)
    except MalformedJson:
        raise UpstreamMalformed(f"The provider's {what} is not JSON") from None
    except msgspec.ValidationError:
        raise UpstreamMalformed(f"The provider's {what} does not have the shape of one") from None


@overload
def expect(data: bytes, type: type[_Shape], why: str) -> _Shape: ...


@overload
def expect(data: bytes, type: Any, why: str) -> Any: ...


def expect(data: bytes, type: Any, why: str) -> Any:  # noqa: A002 - as above
    """`data` as `type`. Raises UpstreamMalformed, which says `why`."""
    try:
        return decode_lenient(data, type)
    except (MalformedJson, msgspec.ValidationError):
        raise UpstreamMalformed(why) from None


def answered_with_error(said: str) -> UpstreamMalformed:
    """An error under a status of success; `said`: the provider's words, if there are any."""
    return UpstreamMalformed(f"The provider answered with an error: {said}" if said else "The provider answered with an error")


def receive_event(sse: SseEvent, type: type[_Shape], known: Collection[str]) -> _Shape | None:  # noqa: A002 - as above
    """An event of a stream. None for one of a kind that is not `known`, whatever it holds. Raises UpstreamMalformed."""
    try:
        return decode_lenient(sse.data, type)
    except MalformedJson:
        if sse.event and sse.event.decode(errors="replace") not in known:
            return None
    except msgspec.ValidationError:
        if _is_unknown(sse.data, known):
            return None
    raise UpstreamMalformed(NO_EVENT)


def _is_unknown(data: bytes, known: Collection[str]) -> bool:
    """Whether an event of a stream has a type, and one that is not `known`."""
    try:
        kind = decode_lenient(data, Typed).type
    except (MalformedJson, msgspec.ValidationError):  # the wrong type may stand before what is no JSON
        return False
    return bool(kind) and kind not in known
