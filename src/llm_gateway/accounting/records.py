"""What stands in the write-ahead log: MessagePack arrays that begin with a letter for their kind.

    i  Intent    before the first byte goes to a provider
    t  Tried     before another attempt
    p  Part      what a session has used so far, each time that its provider tells
    o  Outcome   at the request's end
    r  Refused   a request that ended before anybody was asked: what Intent and Outcome say, in one

Written as tuples (entries.py), read as these structs. New members are added at the end, with a default: a worker and a control
process of two versions read each other.
"""

from __future__ import annotations

from typing import Any

import msgspec

from llm_gateway.core.ledger import Status

NAME = 256
"""Characters of a name that is kept: what callers call things may be of any length."""
TAGS = 64
ATTEMPTS = 32
LARGEST = 2**63 - 1


class Intent(msgspec.Struct, frozen=True, gc=False, array_like=True, tag="i"):
    """Who asks for what, and who is asked first. `at`: Unix milliseconds. `input`, `output`, `cost` are estimates."""

    id: str
    at: int
    request_id: str = ""
    key: str = ""
    tenant: str = ""
    project: str = ""
    user: str = ""
    tags: tuple[str, ...] = ()
    operation: str = ""
    model: str = ""
    stream: bool = False
    provider: str = ""
    served_model: str = ""
    input: int = 0
    output: int = 0
    cost: int = 0
    price_version: str = ""


class Tried(msgspec.Struct, frozen=True, gc=False, array_like=True, tag="t"):
    """Somebody else is asked. `at`: Unix milliseconds. `cost`: an estimate, of this attempt alone."""

    id: str
    at: int
    provider: str
    served_model: str
    cost: int = 0
    price_version: str = ""


class Try(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """As core.ledger.AttemptRow. `time`: microseconds."""

    provider: str
    model: str
    status: int = 0
    error: str = ""
    time: int = 0
    hedged: bool = False


class Outcome(msgspec.Struct, frozen=True, gc=False, array_like=True, tag="o"):
    """How it ended. `intent`: the position of its Intent in the log; 0: there is none. `tokens`: in the order of core/usage.py.
    `latency`, `ttft`: microseconds.
    `decided`: whether a routing decision was made, which is kept under the request's id. `tags`: besides those of the key.
    """

    id: str
    intent: int
    status: Status
    http_status: int = 0
    error: str = ""
    provider: str = ""
    served_model: str = ""
    tokens: tuple[int, ...] = ()
    units: dict[str, float] | None = None
    cost: int = 0
    source: str = "none"
    estimated: bool = False
    unpriced: tuple[str, ...] = ()
    price_version: str = ""
    tier: str = ""
    latency: int = 0
    ttft: int = 0
    attempts: tuple[Try, ...] = ()
    decided: bool = False
    tags: tuple[str, ...] = ()


class Part(msgspec.Struct, frozen=True, gc=False, array_like=True, tag="p"):
    """What a session that goes on has used and costs so far, all of it together. `at`: Unix milliseconds. Else as in Outcome."""

    id: str
    at: int
    provider: str = ""
    served_model: str = ""
    tokens: tuple[int, ...] = ()
    units: dict[str, float] | None = None
    cost: int = 0
    source: str = "none"
    estimated: bool = False
    unpriced: tuple[str, ...] = ()
    price_version: str = ""


class Refused(msgspec.Struct, frozen=True, gc=False, array_like=True, tag="r"):
    """Both at once."""

    intent: Intent
    outcome: Outcome


Record = Intent | Tried | Part | Outcome | Refused
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Record).decode


def encode(record: Any) -> bytes:
    """Raises nothing: half a surrogate pair, which JSON can name and UTF-8 cannot, becomes a question mark, and a count beyond 64
    bits, which a provider may tell, the largest there is.
    """
    try:
        return _encode(record)
    except (UnicodeEncodeError, OverflowError):
        return _encode(_sound(record))


def _sound(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if type(value) is int:
        return max(-LARGEST, min(value, LARGEST))
    return tuple(map(_sound, value)) if isinstance(value, tuple | list) else value


def decoded(payload: bytes) -> Record | None:
    """None: a kind that a later version writes, or no record at all."""
    try:
        record: Record = _decode(payload)
    except (msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError, RecursionError):
        return None
    return record


def fields(record: Any) -> tuple[Any, ...]:
    """As it is written; for tests and tools, the hot path builds its own."""
    return (record.__struct_config__.tag, *msgspec.structs.astuple(record))
