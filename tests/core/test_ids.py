"""Identifiers."""

from __future__ import annotations

import random
import re

from llm_gateway.core.clock import FakeClock
from llm_gateway.core.ids import Ids


def test_a_request_id_is_time_and_randomness():
    """48 bits of milliseconds and the 80 random bits, in hexadecimal, safe in a header and in a URL."""
    clock = FakeClock(1_700_000_000.123)
    made = Ids(clock.now, random.Random(7)).request_id()
    assert re.fullmatch("req_[0-9a-f]{32}", made)
    assert int(made[4:16], 16) == 1_700_000_000_123
    assert int(made[16:], 16) == random.Random(7).getrandbits(80)


def test_ids_sort_by_time():
    """An id of a later time is greater, and the time part follows the clock."""
    clock = FakeClock()
    ids = Ids(clock.now)
    made = []
    for _ in range(50):
        made.append(ids.request_id())
        clock.advance(0.01)
    assert made == sorted(made)


def test_ids_differ():
    """Within a millisecond, and between two generators of one moment."""
    clock = FakeClock()
    one, other = Ids(clock.now), Ids(clock.now)
    assert len({ids.request_id() for ids in (one, other) for _ in range(1000)}) == 2000
