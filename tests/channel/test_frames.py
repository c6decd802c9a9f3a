"""Frames: whatever the pieces in which they come, and nothing larger than allowed."""

from __future__ import annotations

import struct

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.channel import frames
from llm_gateway.channel.frames import ANSWER, ASK, BULK, TELL, BadFrame, Frames, frame

BODIES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.text() | st.binary(), st.lists, max_leaves=8
)


@given(st.lists(st.tuples(st.sampled_from([ASK, ANSWER, TELL, BULK]), BODIES), max_size=5), st.data())
def test_frames_survive_any_cut(messages, data):
    """What is written comes out the same, in order, in however many pieces it arrives."""
    wire = b"".join(frame(kind, body) for kind, body in messages)
    reading, found = Frames(), []
    while wire:
        cut = data.draw(st.integers(1, len(wire)))
        found += reading.feed(wire[:cut])
        wire = wire[cut:]
    assert found == messages


@given(st.binary(max_size=200))
def test_nonsense_is_refused_or_waited_for(data):
    """No bytes make it fail in another way than BadFrame, or hold more than they are."""
    reading = Frames()
    try:
        list(reading.feed(data))
    except BadFrame:
        return
    assert len(reading._held) <= len(data)


@pytest.mark.parametrize(("kind", "size"), [(TELL, frames.MOST + 1), (BULK, frames.MOST_BULK + 1), (0, 1), (99, 1)])
def test_a_length_beyond_the_limit_is_refused_at_its_head(kind, size):
    """Before any memory is spent on it."""
    with pytest.raises(BadFrame):
        list(Frames().feed(struct.pack(">IB", size, kind)))


def test_what_is_too_large_or_no_msgpack_is_not_written():
    """The sender is told, not the receiver."""
    with pytest.raises(BadFrame, match="too large"):
        frame(TELL, b"x" * (frames.MOST + 1))
    with pytest.raises(BadFrame, match="cannot be written"):
        frame(TELL, object())
    assert msgspec.msgpack.decode(frame(BULK, b"x" * (frames.MOST + 1))[5:]) == b"x" * (frames.MOST + 1)
