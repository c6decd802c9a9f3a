"""Identifiers."""

from __future__ import annotations

import random
import re

from llm_gateway.core.clock import FakeClock
from llm_gateway.core.ids import Ids

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def decoded(text: str) -> int:
    number = 0
    for character in text:
        number = number * 32 + _ALPHABET.index(character)
    return number


def test_a_ulid_is_time_and_randomness():
    """48 bits of milliseconds and the 80 random bits, in 26 characters of Crockford's base 32."""
    clock = FakeClock(1_700_000_000.123)
    ulid = Ids(clock.now, random.Random(7)).ulid()
    assert re.fullmatch(f"[{_ALPHABET}]{{26}}", ulid)
    assert decoded(ulid[:10]) == 1_700_000_000_123
    assert decoded(ulid[10:]) == random.Random(7).getrandbits(80)


def test_ids_sort_by_time():
    """An id of a later time is greater, and the time part follows the clock."""
    clock = FakeClock()
    ids = Ids(clock.now)
    made = []
    for _ in range(50):
        made.append(ids.ulid())
        clock.advance(0.01)
    assert made == sorted(made)


def test_ids_differ():
    """Within a millisecond, and between two generators of one moment."""
    clock = FakeClock()
    one, other = Ids(clock.now), Ids(clock.now)
    assert len({ids.ulid() for ids in (one, other) for _ in range(1000)}) == 2000


def test_a_request_id_can_stand_in_a_header():
    """`req_` and a ULID."""
    assert re.fullmatch(r"req_[0-9A-Z]{26}", Ids(FakeClock().now).request_id())
