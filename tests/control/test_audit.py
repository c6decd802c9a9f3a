"""The audit log's chain: every way to tamper with it is found, and named."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from control.audit_support import BEGINNING, FOREIGN, SEALS, chained, end
from llm_gateway.config.values import Secret
from llm_gateway.control.audit import (
    LONGEST_DOCUMENT,
    Entry,
    Event,
    Head,
    Point,
    Seals,
    Unreadable,
    genesis,
    good_head,
    hash_of,
    link,
    of_worker,
    signed_head,
    verify,
)
from llm_gateway.core.security_event import SecurityEvent
from llm_gateway.credentials.ring import Ring

TEN = chained(10)


def problem(entries: Any, last: Point | None = None, first: Point = BEGINNING, seals: Seals = SEALS) -> tuple[int, str] | None:
    broken = verify(entries, seals, first, last).broken
    return None if broken is None else (broken.seq, broken.problem)


def test_a_whole_chain() -> None:
    """All of it, and any part of it behind its anchor."""
    assert verify(TEN, SEALS, BEGINNING, end(TEN)) == verify(TEN, SEALS, BEGINNING, None)
    assert verify(TEN, SEALS, BEGINNING, None).count == 10
    assert problem(TEN[4:], end(TEN), first=end(TEN[:4])) is None
    assert problem(TEN, end(TEN), first=end(TEN[:4])) is None
    assert verify([], SEALS, BEGINNING, BEGINNING).broken is None


def test_removed_and_moved_entries() -> None:
    """At the beginning, in the middle, at the end; swapped; twice."""
    last = end(TEN)
    assert problem([*TEN[:3], *TEN[4:]], last) == (4, "missing")
    assert problem(TEN[1:], last) == (1, "missing")
    assert problem(TEN[:-1], last) == (10, "truncated")
    assert problem([], last) == (1, "truncated")
    assert problem([*TEN[:3], TEN[4], TEN[3], *TEN[5:]], last) == (4, "reordered")
    assert problem([*TEN[:3], TEN[2], *TEN[3:]], last) == (4, "reordered")
    assert problem([*TEN[:3], Unreadable("line 4"), *TEN[4:]], last) == (4, "unreadable")


@pytest.mark.parametrize(
    "field", [name for name in Entry.__struct_fields__ if name not in {"seq", "hash", "signature", "prev_hash"}]
)
def test_a_changed_field(field: str) -> None:
    """Every field is covered by the hash."""
    value = getattr(TEN[3], field)
    changed = msgspec.structs.replace(TEN[3], **{field: value + 1 if isinstance(value, int) else value + "x"})
    assert problem([*TEN[:3], changed, *TEN[4:]]) == (4, "changed")


def test_what_a_forger_can_do() -> None:
    """Whoever has the files and not the key cannot write an entry, nor a chain of their own, nor a head."""
    changed = msgspec.structs.replace(TEN[3], actor="nobody")
    rehashed = msgspec.structs.replace(changed, hash=hash_of(changed))
    assert problem([*TEN[:3], rehashed, *TEN[4:]]) == (4, "forged")
    assert problem(chained(3, seals=FOREIGN)) == (1, "unknown_key")
    own = [msgspec.structs.replace(one, signature=TEN[0].signature) for one in chained(3, actor="forger")]
    assert problem(own) == (1, "forged")
    assert problem([*TEN[:3], *chained(7, behind=Point(3, b"x" * 32))]) == (4, "unlinked")
    assert problem(chained(5, behind=genesis("another"))) == (1, "unlinked")
    assert problem(chained(10, actor="other"), end(TEN)) == (10, "changed")
    head = Head(BEGINNING, end(TEN))
    assert good_head(head, signed_head(head, SEALS), SEALS)
    assert not good_head(Head(BEGINNING, end(TEN[:3])), signed_head(head, SEALS), SEALS)


def test_the_master_key_is_rotated() -> None:
    """Old entries are checked with the old key as long as it is there."""
    rotated = Seals(Ring([b"n" * 32, b"k" * 32]))
    entries = [*TEN, *chained(3, behind=end(TEN), seals=rotated)]
    assert problem(entries, seals=rotated) is None
    assert problem(entries) == (11, "unknown_key")


def test_secrets_are_masked_and_only_changes_kept() -> None:
    """By the names of fields and by type; a document that is too long becomes a note."""
    before = {"api_key": "sk-one", "limits": {"a": 1, "b": 2}, "own": Secret("sk-two")}
    after = {"api_key": "sk-three", "limits": {"a": 1, "b": 3}, "own": Secret("sk-four")}
    (entry,) = chained(1, before=before, after=after)
    assert entry.before == '{"api_key":"***","limits":{"b":2},"own":"***"}'
    assert entry.after == '{"api_key":"***","limits":{"b":3},"own":"***"}'
    (entry,) = chained(1, after={"text": "x" * LONGEST_DOCUMENT})
    assert len(entry.after) < 200
    assert "too_long" in entry.after


def test_what_a_worker_told() -> None:
    """Becomes an entry with its count."""
    entry = link(of_worker(SecurityEvent(5, "auth.failed", ip="10.0.0.1", count=3)), BEGINNING, event_id="x", at=9, seals=SEALS)
    assert (entry.actor, entry.action, entry.result, entry.ip) == ("unknown", "auth.failed", "failure", "10.0.0.1")
    assert entry.after == '{"at":5,"count":3,"reason":""}'
    assert of_worker(SecurityEvent(5, "permission.denied", actor="key_1")).result == "denied"


anything: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)


@given(st.lists(st.tuples(st.text(), st.text(), anything, anything), min_size=1, max_size=5))
def test_whatever_is_recorded_verifies(events: list[tuple[str, str, Any, Any]]) -> None:
    """Any text, any document."""
    at, entries = BEGINNING, []
    for action, actor, before, after in events:
        event = Event(action=action, actor=actor, before=before, after=after, user_agent=actor, ip=action)
        entry = link(event, at, event_id="x", at=1, seals=SEALS)
        at = Point(entry.seq, entry.hash)
        entries.append(entry)
    assert problem(entries, at) is None
