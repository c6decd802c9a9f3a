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


def test_a_ulid_is_time_and_randomness():
    """26 characters of Crockford's base 32, of which the first ten are the milliseconds."""
    clock = FakeClock(1_700_000_000.123)
    made = Ids(clock.now, random.Random(7)).ulid()
    assert re.fullmatch("[0-7][0-9A-HJKMNP-TV-Z]{25}", made)
    moment = 0
    for character in made[:10]:
        moment = moment * 32 + "0123456789ABCDEFGHJKMNPQRSTVWXYZ".index(character)
    assert moment == 1_700_000_000_123


def test_ulids_only_grow():
    """Within a millisecond, over many, and when the clock is set back by an hour: each is greater than the one before."""
    clock = FakeClock()
    ids = Ids(clock.now)
    made = [ids.ulid() for _ in range(3000)]
    clock.advance(0.0004)
    made += [ids.ulid() for _ in range(1500)]
    clock.advance(2000)
    made.append(ids.ulid())
    clock.jump(-3600)
    made += [ids.ulid() for _ in range(100)]
    assert made == sorted(set(made))


def test_more_ulids_than_a_millisecond_has():
    """A count that is used up goes on in the next millisecond, whatever the clock says."""
    clock = FakeClock(1_700_000_000.0)
    ids = Ids(clock.now)
    before = ids.ulid()
    ids._count = (1 << 20) - 1
    after = ids.ulid()
    assert after > before
    assert after[:10] > before[:10]
    assert ids.ulid() > after


def test_ulids_of_two_processes_differ():
    """Two generators of one moment share nothing but the time."""
    clock = FakeClock()
    assert len({ids.ulid() for ids in (Ids(clock.now), Ids(clock.now)) for _ in range(1000)}) == 2000
