"""An answer that is kept, by what it takes and how it is told of."""

from __future__ import annotations

import sys

import msgspec
import pytest

from cache.answers import entry
from llm_gateway.cache.entry import Entry, KeptAnswer
from llm_gateway.cache.told import told_of


@pytest.mark.parametrize("letter", ["x", "é", "模", "😀"])
@pytest.mark.parametrize("count", [0, 1, 10, 1000])
def test_its_weight_is_no_less_than_what_it_takes(count, letter):
    """Names are the caller's own words, of any script: nobody fills the memory with what does not count."""
    dropped = tuple(f"messages[{index}].{letter * 20}" for index in range(count))
    made = Entry(b"x" * 50, 0.0, 1.0, "provider", letter * 255 + "m", letter * 255 + "a", dropped=dropped)
    texts = sum(map(sys.getsizeof, (*made.dropped, made.dropped, made.model, made.asked, made.provider)))
    key, place = sys.getsizeof(b"k" * 24), 200
    assert made.weight >= sys.getsizeof(made.body) + sys.getsizeof(made) + texts + key + place


def test_its_weight_stays_what_it_is():
    """It is counted when it comes and when it goes, whatever was done with its names between."""
    made = Entry(b"x", 0.0, 1.0, "p", "模" * 50, "é" * 50, dropped=("ü.ö",))
    before = made.weight
    for name in (made.model, made.asked, *made.dropped):
        msgspec.json.encode(name)
        name.encode()
    assert made.weight == before


def test_a_hit_says_its_age_and_what_is_left():
    """In whole seconds, rounded down."""
    lines = told_of(KeptAnswer(entry(), "hit", 12.9, 47.1))
    assert lines == b"X-Cache: HIT\r\nAge: 12\r\nX-Cache-TTL: 47\r\n"


def test_who_waited_for_another_was_answered_at_once():
    """To the caller it is a hit of no age."""
    assert told_of(KeptAnswer(entry(), "coalesced", 0.0, 60.0)) == b"X-Cache: HIT\r\nAge: 0\r\nX-Cache-TTL: 60\r\n"


def test_a_stale_answer_warns():
    """With the warning of RFC 7234."""
    lines = told_of(KeptAnswer(entry(), "stale", 70.0, 0.0))
    assert lines == b'X-Cache: STALE\r\nWarning: 110 - "Response is Stale"\r\nAge: 70\r\nX-Cache-TTL: 0\r\n'


def test_what_was_estimated_stays_estimated():
    """The answer's own usage is a guess, whoever reads it."""
    assert told_of(KeptAnswer(entry(estimated=True), "hit", 0.0, 1.0)).endswith(b"X-Gateway-Estimated: true\r\n")
