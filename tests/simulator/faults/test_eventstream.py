"""Faults of AWS event streams, observed on a raw socket."""

from __future__ import annotations

import pytest

from llm_gateway.http.framing.errors import FramingError
from simulator.support import CHAT, CONVERSE_STREAM, chat, converse, exchange, frames, post


def ask(simulator, fault):
    return exchange(simulator.url, post(f"/f/{fault}{CONVERSE_STREAM}", converse()))


def test_es_crc(simulator):
    """One frame's checksum is wrong, the transfer is whole."""
    with pytest.raises(FramingError, match="CRC of a message"):
        frames(ask(simulator, "es_crc").body)


def test_es_long(simulator):
    """A frame announces more than any reader should hold, and the transfer ends."""
    with pytest.raises(FramingError, match="longer than"):
        frames(ask(simulator, "es_long:mb=64").body)


@pytest.mark.parametrize("name", ["throttlingException", "modelStreamErrorException", "somethingNewException"])
def test_es_exception(simulator, name):
    """An exception of that type is the last frame, after content."""
    found = frames(ask(simulator, f"es_exception:type={name}").body)
    assert found[-1][0] == f"!{name}"
    assert found[-2][0] == "contentBlockDelta"


def test_other_streams_are_left_alone(simulator):
    """Server-sent events have no frames to damage."""
    plain = exchange(simulator.url, post(CHAT, chat(stream=True)))
    assert exchange(simulator.url, post(f"/f/es_crc+es_long+es_exception{CHAT}", chat(stream=True))).body == plain.body
