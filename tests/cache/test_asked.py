"""What a request's Cache-Control asks of kept answers, as callers write it and as nobody should."""

from __future__ import annotations

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.cache.asked import USUAL, Asked, asked

WORDS = st.sampled_from(
    [b"no-store", b"no-cache", b"max-age", b"max-stale", b"only-if-cached", b"=", b",", b" ", b'"', b"-1", b"0", b"60", b"9" * 11]
)


def test_whoever_says_nothing_takes_and_leaves_answers():
    """No header, an empty one, and one of nothing but unknown directives all mean the same."""
    assert asked(None) == asked(b"") == asked(b" , ,") == asked(b"min-fresh=5, no-transform, private") == USUAL


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (b"no-store", Asked(read=False, write=False)),
        (b"no-cache", Asked(read=False)),
        (b"No-Cache", Asked(read=False)),
        (b"max-age=60", Asked(oldest=60.0)),
        (b"max-age=0", Asked(oldest=0.0)),
        (b'max-age="60"', Asked(oldest=60.0)),
        (b"MAX-AGE= 60 ", Asked(oldest=60.0)),
        (b"max-stale", Asked(staler=inf)),
        (b"max-stale=30", Asked(staler=30.0)),
        (b"only-if-cached", Asked(only=True)),
        (b"max-age=5,\tmax-stale=7 ,only-if-cached", Asked(oldest=5.0, staler=7.0, only=True)),
        (b"no-cache, no-store", Asked(read=False, write=False)),
    ],
)
def test_directives(value, wanted):
    """Names in any case, arguments as tokens or quoted, blanks around them (RFC 9111 section 5.2)."""
    assert asked(value) == wanted


@pytest.mark.parametrize("argument", [b"", b"=", b"=-1", b"=+5", b"=1.5", b"=x", b"=0x10", "=٣".encode(), b"=" + b"9" * 11])
def test_an_age_that_is_none_wants_a_new_answer(argument):
    """Who asks for a freshness that cannot be read is given the freshest; a huge number is no way around that."""
    assert asked(b"max-age" + argument).oldest == 0.0


@pytest.mark.parametrize("argument", [b"=-1", b"=x", b"=1.5", b"=" + b"9" * 11])
def test_a_staleness_that_is_none_allows_nothing(argument):
    """Only max-stale by itself allows any."""
    assert asked(b"max-stale" + argument).staler == 0.0


def test_of_two_ages_the_smaller_counts():
    """A proxy may have added its own."""
    assert asked(b"max-age=60, max-age=5").oldest == 5.0
    assert asked(b"max-age=60, max-age=nonsense").oldest == 0.0


def test_names_are_whole_words():
    """What only begins or ends like a directive is none, quoted ones included."""
    assert asked(b"no-stores, xno-cache, max-ages=1, not-only-if-cached") == USUAL
    assert asked(b'private="no-cache-at-all"') == USUAL


@given(st.one_of(st.binary(max_size=200), st.lists(WORDS, max_size=12).map(b"".join)))
def test_nothing_that_is_written_there_fails(value):
    """Any bytes give an answer whose times are no less than nothing, and saying more never allows to keep what no-store forbids."""
    wanted = asked(value)
    assert wanted.oldest >= 0.0 <= wanted.staler
    assert wanted.write or not wanted.read
    assert not asked(value + b",no-store").write
