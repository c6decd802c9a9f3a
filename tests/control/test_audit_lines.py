"""Entries as lines, and back."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from control.audit_support import BEGINNING, SEALS, chained, end
from llm_gateway.control.audit import Head, signed_head
from llm_gateway.control.audit_lines import NotALine, entry_of, head_line, head_of, line_of

(ENTRY,) = chained(1, before={"a": 1}, after={"b": [1.5, None, "ü"]}, ip="10.0.0.1", user_agent="curl", request_id="req_1")


def test_the_fields_of_a_line() -> None:
    """Those of requirements X7, with what makes it verifiable."""
    line: dict[str, Any] = msgspec.json.decode(line_of(ENTRY))
    assert line["timestamp"] == "2023-11-14T22:13:20.000Z"
    assert (line["before"], line["after"]) == ({"a": 1}, {"b": [1.5, None, "ü"]})
    wanted = {"timestamp", "event_id", "actor", "action", "resource", "result", "ip", "user_agent", "request_id", "signature"}
    assert wanted <= line.keys()


@given(st.text(), st.text(), st.none() | st.dictionaries(st.text(), st.integers() | st.text()))
def test_there_and_back(actor: str, agent: str, after: Any) -> None:
    """Whatever is in it, on one line."""
    (entry,) = chained(1, actor=actor, user_agent=agent, after=after)
    line = line_of(entry)
    assert line.count(b"\n") == 1
    assert entry_of(line) == entry


@given(st.data())
def test_a_line_that_was_touched_is_none_or_another_entry(data: st.DataObject) -> None:
    """Spaces, other spellings, further members, a timestamp that says something else: none stands where no hash covers it."""
    line = line_of(ENTRY)
    at = data.draw(st.integers(0, len(line) - 2))
    byte = data.draw(st.integers(0, 255))
    touched = bytearray(line)
    touched[at] = byte
    if touched == line:
        return
    try:
        other = entry_of(bytes(touched))
    except NotALine:
        return
    assert other != ENTRY


@pytest.mark.parametrize(
    "line", [b"", b"{}", b"[]\n", b"\xff\n", line_of(ENTRY)[:-5], line_of(ENTRY).replace(b'{"seq"', b'{ "seq"')]
)
def test_what_is_no_line(line: bytes) -> None:
    """Among it one that JSON readers would take."""
    with pytest.raises(NotALine):
        entry_of(line)


def test_the_head() -> None:
    """There and back."""
    head = Head(BEGINNING, end([ENTRY]))
    assert head_of(head_line(head, signed_head(head, SEALS))) == (head, signed_head(head, SEALS))
    for line in (b"", b"{}", b'{"first_seq":1}'):
        with pytest.raises(NotALine):
            head_of(line)
