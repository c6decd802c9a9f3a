"""Frames as they are written, read by a reader that was written by others."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.http.framing.errors import FramingError
from llm_gateway.http.framing.eventstream import EventStreamReader
from llm_gateway.simulator.frames import event, exception, long_prelude, rewrite


@given(
    st.lists(st.tuples(st.sampled_from([event, exception]), st.text("abcXYZ", min_size=1), st.binary(max_size=300)), max_size=4)
)
def test_frames_are_sound(given_frames):
    """Kind, name and payload arrive, and nothing is left over."""
    reader = EventStreamReader()
    found = reader.feed(b"".join(make(name, payload) for make, name, payload in given_frames))
    reader.end()
    shown = [(message.headers[":message-type"], message.payload) for message in found]
    assert shown == [(make.__name__, payload) for make, _, payload in given_frames]


@given(st.lists(st.binary(max_size=50), min_size=1, max_size=4), st.binary(max_size=50))
def test_rewritten_frames_are_sound(payloads, more):
    """Other payloads, the same headers, and checksums that fit."""
    data = b"".join(event("e", payload) for payload in payloads)
    found = EventStreamReader().feed(rewrite(data, lambda payload: payload + more))
    assert [message.payload for message in found] == [payload + more for payload in payloads]


def test_a_long_prelude_is_believable():
    """A reader with a limit refuses it for its length, not for its checksum."""
    with pytest.raises(FramingError, match="longer than"):
        EventStreamReader(limit_bytes=1000).feed(long_prelude(2000))
