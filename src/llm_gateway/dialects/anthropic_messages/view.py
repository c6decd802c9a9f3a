"""The gateway's look at a request that may pass through: what policy acts on, and the types of what it relies on.

Blocks of content are left undecoded. Refused is only what is certainly wrong; what a provider may well accept is its own
business: the API has no temperature over 1, say, but it is the one to tell so.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Protocol

import msgspec

from llm_gateway.core.end_user import named
from llm_gateway.dialects.base import View
from llm_gateway.dialects.invalid import Watched, check_model, read, refuse, refuse_duplicates
from llm_gateway.dialects.outline import OURS, apart

MAX_MESSAGES = 10_000
MAX_TOKENS = 10_000_000

WATCHED = Watched(b"model", b"messages", b"stream")
"""Members that we act on: a second one of that name is refused."""


class Thing(msgspec.Struct, gc=False):
    """A JSON object, whatever is in it."""


class Typed(msgspec.Struct, gc=False):
    """Any block of content: all have a type."""

    type: str


class Message(msgspec.Struct, gc=False):
    """`system` inside a conversation is the newest API's; it may come without content there."""

    role: Literal["user", "assistant", "system"]
    content: str | list[Typed] | None = None


class Metadata(msgspec.Struct, gc=False):
    user_id: Any = None


class Counted(msgspec.Struct, gc=False):
    """What a request to count tokens has; the other members that we know of are a Body's."""

    model: str
    messages: list[Message]
    stream: bool | None = None
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    stop_sequences: list[str] | None = None
    system: str | list[Typed] | None = None
    tools: list[Thing] | None = None
    tool_choice: Typed | None = None
    thinking: Typed | None = None
    metadata: Metadata | None = None
    service_tier: str | None = None


_decode_outline = msgspec.json.Decoder(Counted).decode
_decode_messages = msgspec.json.Decoder(Annotated[list[Message], msgspec.Meta(min_length=1, max_length=MAX_MESSAGES)]).decode


class Limits(Protocol):
    """The members with a range, of whatever struct holds them."""

    @property
    def model(self) -> str: ...
    @property
    def max_tokens(self) -> int | None: ...
    @property
    def temperature(self) -> float | None: ...
    @property
    def top_p(self) -> float | None: ...
    @property
    def stop_sequences(self) -> list[str] | None: ...


def view(body: bytes) -> View:
    """Raises InvalidRequest (with param) or MalformedBody."""
    seen, model_at, plain, ours = _look(body)
    if seen.max_tokens is None:
        raise refuse("max_tokens", "this API requires it", "missing_field")
    user = "" if seen.metadata is None else named(seen.metadata.user_id)
    return View(
        seen.model, seen.stream is True, model_at=model_at, user=user, most_output=seen.max_tokens, plain=plain, ours=ours
    )


def view_count(body: bytes) -> View:
    """`view` for a request to count tokens: no maximum, no stream. Raises as `view` does."""
    seen, model_at, plain, ours = _look(body)
    return View(seen.model, model_at=model_at, plain=plain, ours=ours)


def check_limits(seen: Limits) -> None:
    """The ranges of requirements 1.2, as far as every provider has them. Raises InvalidRequest.

    max_tokens may be 0: that warms Anthropic's prompt cache.
    """
    check_model(seen.model)
    if seen.max_tokens is not None and not 0 <= seen.max_tokens <= MAX_TOKENS:
        raise refuse("max_tokens", f"it must be 0 to {MAX_TOKENS}")
    if seen.temperature is not None and not 0 <= seen.temperature <= 2:
        raise refuse("temperature", "it must be 0 to 1")
    if seen.top_p is not None and not 0 <= seen.top_p <= 1:
        raise refuse("top_p", "it must be 0 to 1")
    if seen.stop_sequences is not None and "" in seen.stop_sequences:
        raise refuse("stop_sequences", "a stop sequence must not be empty", "empty_stop_sequence")


def check_count(messages: int) -> None:
    """How many messages there may be. Raises InvalidRequest."""
    if not messages:
        raise refuse("messages", "there must be at least one", "empty_messages")
    if messages > MAX_MESSAGES:
        raise refuse("messages", f"there may be at most {MAX_MESSAGES}")


def _look(body: bytes) -> tuple[Counted, int, bool, bool]:
    """The body, and View's model_at, plain and ours. Raises as `view` does."""
    found = _look_apart(body)
    if found is None:
        return *_look_closely(body), False, True
    check_limits(found[0])  # the only check that is left
    return found


def _look_apart(body: bytes) -> tuple[Counted, int, bool, bool] | None:
    try:
        if not body.isascii():
            body.decode()  # msgspec does not look at the UTF-8 of what it skips, and we pass those bytes on
        pieces = apart(body, _decode_messages)
        if pieces is None:
            return None
        messages, outline, model_at = pieces
        seen = _decode_outline(outline)
    except (msgspec.MsgspecError, RecursionError, UnicodeError):
        return None
    plain = seen.system is None or isinstance(seen.system, str)
    for message in messages:
        if type(message.content) is not str:
            plain = False
            if message.content is None and message.role != "system":
                return None
    return seen, model_at, plain, outline.find(OURS) >= 0


def _look_closely(body: bytes) -> tuple[Counted, int]:
    """What is unusual: one check after the other, each with words for what is wrong."""
    seen = read(body, Counted)
    model_at = refuse_duplicates(body, WATCHED)
    check_limits(seen)
    check_count(len(seen.messages))
    for index, message in enumerate(seen.messages):
        if message.content is None and message.role != "system":
            raise refuse(f"messages[{index}].content", "it is required", "missing_field")
    return seen, model_at
