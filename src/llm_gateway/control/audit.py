"""The audit log's chain: entries that each cover the one before, and are signed.

    hash       SHA-256 of the previous hash and of the entry's canonical bytes; the first entry follows a hash of the install's id
    signature  id of the master key (8 bytes) and HMAC-SHA-256 of the hash under a key derived from it
    head       signed beside the entries: where they begin and where they end, so that a tail that was cut off is missed

Nothing here knows files or databases: entries come and go as an iterator.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Iterator
from hashlib import sha256
from itertools import chain, islice
from typing import Any, Literal, NamedTuple

import msgspec

from llm_gateway.core.redact import Redactor
from llm_gateway.core.security_event import SecurityEvent
from llm_gateway.credentials.ring import Ring

Result = Literal["success", "failure", "denied"]
Problem = Literal["missing", "reordered", "changed", "unlinked", "forged", "unknown_key", "truncated", "unreadable"]

LONGEST_TEXT = 1024
LONGEST_DOCUMENT = 128 << 10
"""Bytes of `before` and of `after`; more becomes a note of how much it was."""
_NEAR = 1000
"""Entries that are looked through for one that is missing, to tell whether it was only moved."""
_KEY_ID_BYTES = 8

redact = Redactor()
_encode = msgspec.json.Encoder(order="sorted").encode


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be recorded. `before` and `after` are anything; only what differs is kept, with its secrets hidden."""

    action: str
    actor: str
    resource: str = ""
    result: Result = "success"
    before: Any = None
    after: Any = None
    ip: str = ""
    user_agent: str = ""
    request_id: str = ""


class Entry(msgspec.Struct, frozen=True):
    """One entry, with the fields of the table `audit`. `at`: Unix milliseconds; `before`, `after`: JSON, or empty."""

    seq: int
    event_id: str
    at: int
    actor: str
    action: str
    resource: str
    result: str
    before: str
    after: str
    ip: str
    user_agent: str
    request_id: str
    prev_hash: bytes
    hash: bytes
    signature: bytes


class Point(NamedTuple):
    """Behind which entry something is: its number and hash. Number 0: before the first."""

    seq: int
    hash: bytes


class Head(msgspec.Struct, frozen=True):
    """Where the entries begin (`first` is the point before the oldest) and end."""

    first: Point
    last: Point


class Broken(msgspec.Struct, frozen=True):
    """The first thing that is wrong, at entry `seq`."""

    seq: int
    problem: Problem
    text: str


class Verdict(msgspec.Struct, frozen=True):
    """`count` entries are whole, up to number `last`; `broken` None: all of them are."""

    count: int
    last: int
    broken: Broken | None = None


class Unreadable(NamedTuple):
    """Stands in an iterator for what is no entry."""

    where: str


def genesis(install_id: str) -> Point:
    """What the first entry of an installation follows."""
    return Point(0, sha256(b"llm-gateway audit\n" + install_id.encode()).digest())


class Seals:
    """Signs and checks with keys derived from the ring."""

    def __init__(self, ring: Ring) -> None:
        self._keys = {bytes.fromhex(key_id): ring.derive("audit", key_id) for key_id in ring.key_ids}
        self._current = bytes.fromhex(ring.key_ids[0])

    def sign(self, data: bytes) -> bytes:
        """The key's id and the HMAC."""
        return self._current + hmac.digest(self._keys[self._current], data, "sha256")

    def knows(self, signature: bytes) -> bool:
        """Whether the key it was made with is here."""
        return signature[:_KEY_ID_BYTES] in self._keys

    def good(self, data: bytes, signature: bytes) -> bool:
        key = self._keys.get(signature[:_KEY_ID_BYTES])
        return key is not None and hmac.compare_digest(signature[_KEY_ID_BYTES:], hmac.digest(key, data, "sha256"))


def link(event: Event, after: Point, *, event_id: str, at: int, seals: Seals) -> Entry:
    """The entry that follows `after`."""
    first, second = redact.changes(event.before, event.after)
    bare = Entry(
        seq=after.seq + 1,
        event_id=event_id,
        at=at,
        actor=_text(event.actor),
        action=_text(event.action),
        resource=_text(event.resource),
        result=event.result,
        before=_document(first),
        after=_document(second),
        ip=_text(event.ip),
        user_agent=_text(event.user_agent),
        request_id=_text(event.request_id),
        prev_hash=after.hash,
        hash=b"",
        signature=b"",
    )
    digest = hash_of(bare)
    return msgspec.structs.replace(bare, hash=digest, signature=seals.sign(digest))


def placed(tenant: str, resource: str) -> str:
    """What an entry is about, as it names it: whoever may see a tenant's entries finds all that concerns it below its name."""
    return f"tenants/{tenant}/{resource}" if tenant else resource


def of_worker(told: SecurityEvent) -> Event:
    """What a worker told, as an event."""
    facts = {"reason": told.reason, "count": told.count, "at": told.at}
    result: Result = "failure" if told.action.startswith("auth.") else "denied"
    return Event(
        action=told.action,
        actor=told.actor or "unknown",
        resource=placed(told.tenant, told.resource),
        result=result,
        after=facts,
        ip=told.ip,
        user_agent=told.user_agent,
        request_id=told.request_id,
    )


def hash_of(entry: Entry) -> bytes:
    """Over the previous hash and everything but hash and signature, as a JSON array in the order of the fields."""
    fields = msgspec.structs.astuple(entry)[:-3]
    return sha256(entry.prev_hash + _encode(fields)).digest()


def signed_head(head: Head, seals: Seals) -> bytes:
    """The signature of a head."""
    return seals.sign(_head_bytes(head))


def good_head(head: Head, signature: bytes, seals: Seals) -> bool:
    return seals.good(_head_bytes(head), signature)


def verify(entries: Iterable[Entry | Unreadable], seals: Seals, first: Point, last: Point | None) -> Verdict:
    """Whether `entries`, the oldest first, follow `first` without a gap up to `last` at least (None: nobody knows how far)."""
    at, count = first, 0
    rest = iter(entries)
    for entry in rest:
        if isinstance(entry, Unreadable):
            return Verdict(count, at.seq, Broken(at.seq + 1, "unreadable", f"{entry.where} is no entry"))
        if entry.seq <= first.seq and count == 0:  # older than the anchor: its file was not deleted yet
            continue
        broken = _wrong(entry, at, seals, rest) or _not_as_the_head(entry, last)
        if broken is not None:
            return Verdict(count, at.seq, broken)
        at, count = Point(entry.seq, entry.hash), count + 1
    if last is not None and at.seq < last.seq:
        gone = f"entries {at.seq + 1} to {last.seq} are gone" if at.seq + 1 < last.seq else f"entry {last.seq} is gone"
        return Verdict(count, at.seq, Broken(at.seq + 1, "truncated", f"{gone}: the head has them"))
    return Verdict(count, at.seq)


def _wrong(entry: Entry, at: Point, seals: Seals, rest: Iterator[Entry | Unreadable]) -> Broken | None:
    if entry.seq != at.seq + 1:
        moved = any(not isinstance(one, Unreadable) and one.seq == at.seq + 1 for one in chain([entry], islice(rest, _NEAR)))
        if moved or entry.seq <= at.seq:
            return Broken(at.seq + 1, "reordered", f"entry {entry.seq} stands where {at.seq + 1} belongs")
        return Broken(at.seq + 1, "missing", f"entry {entry.seq} follows entry {at.seq}")
    if hash_of(entry) != entry.hash:
        return Broken(entry.seq, "changed", f"entry {entry.seq} is not what was written: its hash is another")
    if entry.prev_hash != at.hash:
        return Broken(entry.seq, "unlinked", f"entry {entry.seq} was written behind another entry than the one that is there")
    if not seals.knows(entry.signature):
        return Broken(entry.seq, "unknown_key", f"entry {entry.seq} was signed with a master key that is not here")
    if not seals.good(entry.hash, entry.signature):
        return Broken(entry.seq, "forged", f"entry {entry.seq} has a signature that the gateway never made")
    return None


def _not_as_the_head(entry: Entry, last: Point | None) -> Broken | None:
    if last is not None and entry.seq == last.seq and entry.hash != last.hash:
        return Broken(entry.seq, "changed", f"entry {entry.seq} is not the one that the head ends with")
    return None


def _text(text: str) -> str:
    return text.encode("utf-8", "replace").decode().replace("\0", "\ufffd")[:LONGEST_TEXT]


def _document(value: Any) -> str:
    if value is None:
        return ""
    data = _encode(value)
    if len(data) > LONGEST_DOCUMENT:
        data = _encode({"too_long": len(data), "sha256": sha256(data).hexdigest()})
    return data.decode()


def _head_bytes(head: Head) -> bytes:
    return b"head" + _encode([head.first.seq, head.first.hash.hex(), head.last.seq, head.last.hash.hex()])
