"""W3C Trace Context: which trace a request belongs to, and what its providers are told of it.

https://www.w3.org/TR/trace-context/ (traceparent, tracestate) and https://www.w3.org/TR/baggage/. What cannot be read is as if
it had not been sent; it is never passed on.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Literal

Propagate = Literal["none", "ids", "full"]
"""What a provider is told: nothing; traceparent; tracestate and baggage, too."""
Bits = Callable[[int], int]
"""That many random bits, as random.getrandbits gives them."""

SAMPLED = 0x01
RANDOM = 0x02
"""Flag of level 2 of the specification, that the trace id is random: kept where a caller set it."""
LONGEST_STATE = 512
"""Bytes of tracestate that are passed on (section 3.3.1.5 asks for 512 at least); longer ones are dropped whole."""
LONGEST_BAGGAGE = 8192
"""The same of baggage (Baggage, section 3.3.2)."""
_MOST_MEMBERS = 32

_PARENT = re.compile(rb"(?!ff)([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-[!-~]*)?")
_LONGEST_PARENT = 256
_NO_TRACE, _NO_SPAN = b"0" * 32, b"0" * 16
_MEMBER = re.compile(
    rb"(?:[a-z][a-z0-9_*/-]{0,255}|[a-z0-9][a-z0-9_*/-]{0,240}@[a-z][a-z0-9_*/-]{0,13})"
    rb"=[ -+\--<>-~]{0,255}[!-+\--<>-~]"
)
_BAGGAGE = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+[ \t]*=[\t !#-+\--:<-\[\]-~;=]*(?:,[\t !#-+\--:<-\[\]-~;=]*)*")


class TraceContext:
    """A request's place in a trace. Ids are lower-case hexadecimal text, as logs show them. Holds nothing of the request."""

    __slots__ = ("_bits", "flags", "given", "parent_id", "span_id", "trace_id", "why")

    def __init__(self, trace_id: str, span_id: str, parent_id: str, flags: int, given: bytes, bits: Bits) -> None:
        """`span_id`: of the gateway's own span; `parent_id`: of the caller's, "" if it named none. `given`: the caller's
        traceparent, as it came.
        """
        self.trace_id = trace_id
        self.span_id = span_id
        self.parent_id = parent_id
        self.flags = flags
        self.given = given
        self.why = ""
        """Why this gateway records it; "": it does not."""
        self._bits = bits

    def record(self, why: str) -> None:
        """From now on it is recorded, and providers are told so."""
        self.flags |= SAMPLED
        self.why = why

    def inner(self) -> TraceContext:
        """Of a request that this one caused."""
        made = TraceContext(self.trace_id, new_span_id(self._bits), self.span_id, self.flags, self.given, self._bits)
        made.why = self.why
        return made

    def new_span(self) -> str:
        """The id of a span below."""
        return new_span_id(self._bits)

    def parent_line(self, span: str) -> bytes:
        """A provider's traceparent header. `span`: the attempt's. Where nothing is recorded, the caller's goes on as it came."""
        if not self.why:
            return b"traceparent: %b\r\n" % self.given
        return f"traceparent: 00-{self.trace_id}-{span}-{self.flags & (SAMPLED | RANDOM):02x}\r\n".encode("ascii")


def begun(bits: Bits, why: str) -> TraceContext:
    """A trace that begins here, recorded."""
    made = TraceContext(new_trace_id(bits), new_span_id(bits), "", SAMPLED, b"", bits)
    made.why = why
    return made


def parsed(value: bytes, bits: Bits) -> TraceContext | None:
    """What a caller's traceparent says, not recorded yet; None: nothing that can be used (section 3.2.2)."""
    found = _PARENT.fullmatch(value) if len(value) <= _LONGEST_PARENT else None
    if found is None:
        return None
    version, trace, parent, flags, more = found.groups()
    if trace == _NO_TRACE or parent == _NO_SPAN or (version == b"00" and more is not None):
        return None
    return TraceContext(trace.decode(), new_span_id(bits), parent.decode(), int(flags, 16), value, bits)


def companions(headers: Mapping[bytes, bytes]) -> bytes:
    """Header lines of tracestate and baggage, of a caller whose traceparent could be read. Malformed or too long: left out."""
    lines = b""
    state = headers.get(b"tracestate")
    if state is not None and is_state(state):
        lines += b"tracestate: %b\r\n" % state
    baggage = headers.get(b"baggage")
    if baggage is not None and len(baggage) <= LONGEST_BAGGAGE and _BAGGAGE.fullmatch(baggage):
        lines += b"baggage: %b\r\n" % baggage
    return lines


def is_state(value: bytes) -> bool:
    """Whether it is a tracestate (section 3.3.1): up to 32 members, each key once."""
    if len(value) > LONGEST_STATE:
        return False
    members = [member.strip(b" \t") for member in value.split(b",")]
    named = [member for member in members if member]
    keys = {member.partition(b"=")[0] for member in named}
    return 0 < len(named) <= _MOST_MEMBERS and len(keys) == len(named) and all(map(_MEMBER.fullmatch, named))


def new_trace_id(bits: Bits) -> str:
    """16 random bytes, not all zero."""
    return f"{bits(128) or 1:032x}"


def new_span_id(bits: Bits) -> str:
    """8 random bytes, not all zero."""
    return f"{bits(64) or 1:016x}"
