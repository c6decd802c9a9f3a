"""Entries of the audit log as lines of JSON, and back. A line that would be written otherwise is none."""

from __future__ import annotations

from typing import Any

import msgspec

from llm_gateway.control.audit import Entry, Head, Point
from llm_gateway.telemetry.journal import timestamp

LONGEST_LINE = 1 << 20
"""Bytes."""


class NotALine(ValueError):
    """These bytes are no entry."""


class _Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    seq: int
    timestamp: str
    at: int
    event_id: str
    actor: str
    action: str
    resource: str
    result: str
    before: msgspec.Raw
    after: msgspec.Raw
    ip: str
    user_agent: str
    request_id: str
    prev_hash: str
    hash: str
    signature: str


class _HeadLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    first_seq: int
    first_hash: str
    last_seq: int
    last_hash: str
    signature: str


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(_Line).decode
_decode_head = msgspec.json.Decoder(_HeadLine).decode


def line_of(entry: Entry) -> bytes:
    """One line, its end included."""
    fields: dict[str, Any] = msgspec.structs.asdict(entry)
    fields |= {name: msgspec.Raw(fields[name].encode() or b"null") for name in ("before", "after")}
    fields |= {name: fields[name].hex() for name in ("prev_hash", "hash", "signature")}
    return _encode(_Line(timestamp=timestamp(entry.at / 1000), **fields)) + b"\n"


def entry_of(line: bytes) -> Entry:
    """Raises NotALine."""
    try:
        made = _decode(line)
        fields = {name: getattr(made, name) for name in made.__struct_fields__ if name != "timestamp"}
        for name in ("before", "after"):
            text = bytes(fields[name]).decode()
            fields[name] = "" if text == "null" else text
        fields |= {name: bytes.fromhex(fields[name]) for name in ("prev_hash", "hash", "signature")}
        entry = Entry(**fields)
        same = line_of(entry) == line.rstrip(b"\n") + b"\n"
    except (msgspec.MsgspecError, ValueError, OverflowError):
        raise NotALine from None
    if not same:  # nothing may stand in a line that its hash does not cover
        raise NotALine
    return entry


def head_line(head: Head, signature: bytes) -> bytes:
    """The head as the one line of its file."""
    line = _HeadLine(head.first.seq, head.first.hash.hex(), head.last.seq, head.last.hash.hex(), signature.hex())
    return _encode(line) + b"\n"


def head_of(line: bytes) -> tuple[Head, bytes]:
    """The head and its signature, which nobody has checked. Raises NotALine."""
    try:
        made = _decode_head(line)
        first, last = Point(made.first_seq, bytes.fromhex(made.first_hash)), Point(made.last_seq, bytes.fromhex(made.last_hash))
        return Head(first, last), bytes.fromhex(made.signature)
    except (msgspec.MsgspecError, ValueError):
        raise NotALine from None
