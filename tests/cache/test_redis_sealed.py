"""Answers as they lie in Redis."""

from __future__ import annotations

import os
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cache.answers import entry
from cache.redis_support import KEY, SECRET
from llm_gateway.cache import redis_sealed
from llm_gateway.cache.entry import Entry
from llm_gateway.cache.redis_sealed import Sealing, sealed_size

MOST = 1 << 20
TEXT = b'{"content":"' + b"the answer of all questions, again " * 100 + b'"}'
SEALING = Sealing(SECRET)


@given(
    st.builds(
        Entry,
        st.binary(max_size=5000),
        st.floats(0, 1e12),
        st.floats(0, 1e12),
        *[st.text(st.characters(exclude_categories=["Cs"]))] * 3,
        st.booleans(),
        st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=9), max_size=3).map(tuple),
        st.booleans(),
    ),
    st.binary(min_size=24, max_size=24),
)
def test_what_is_sealed_is_found_as_it_was(kept: Entry, key: bytes) -> None:
    """Every field of any answer comes back."""
    assert SEALING.open(key, SEALING.seal(key, kept), MOST) == kept


@pytest.mark.parametrize("body", [b"", TEXT, os.urandom(2000), TEXT * 200], ids=["empty", "text", "noise", "large"])
def test_sizes(body: bytes) -> None:
    """Text of some size is deflated, what would not be smaller is not, and what is large is left alone; none of it can be read."""
    made = entry(body, at=1.0)
    value = SEALING.seal(KEY, made)
    assert len(value) <= sealed_size(len(body))
    assert (len(value) < len(body) / 3) == (body is TEXT)
    assert b"answer" not in value
    assert SEALING.open(KEY, value, MOST) == made


def test_no_two_are_alike() -> None:
    """The same answer under the same key is another value each time."""
    assert len({SEALING.seal(KEY, entry(TEXT)) for _ in range(50)}) == 50


def test_each_key_has_a_cipher_of_its_own() -> None:
    """Where the same nonce is drawn for two keys, nothing can be learned from that."""
    sealing = Sealing(SECRET, lambda size: b"n" * size)
    first, second = sealing.seal(KEY, entry(TEXT)), sealing.seal(bytes(24), entry(TEXT))
    assert first[:13] == second[:13]
    assert sum(a == b for a, b in zip(first[13:], second[13:], strict=True)) < len(first) / 20


def test_every_damage_is_seen() -> None:
    """A bit that is another one, wherever it is; a piece that lacks; a piece too much: nothing is opened."""
    value = SEALING.seal(KEY, entry(b'{"a":1}'))
    for at in range(len(value)):
        for bit in range(8):
            assert SEALING.open(KEY, value[:at] + bytes([value[at] ^ 1 << bit]) + value[at + 1 :], MOST) is None
        assert SEALING.open(KEY, value[:at], MOST) is None
    assert SEALING.open(KEY, value + b"\0", MOST) is None


@given(st.binary(max_size=300))
def test_anything_else_is_no_answer(value: bytes) -> None:
    """Whatever somebody wrote there."""
    assert SEALING.open(KEY, value, MOST) is None
    assert SEALING.open(KEY, b"\x01" + value, MOST) is None


def test_only_where_it_was_put_and_only_with_the_secret() -> None:
    """Under another key, as by one who moves values about, and with another pepper it is none."""
    value = SEALING.seal(KEY, entry(TEXT))
    assert SEALING.open(bytes(24), value, MOST) is None
    assert Sealing(b"t" * 32).open(KEY, value, MOST) is None


def test_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    """A body above what is kept now is none, however small it is deflated, and is not inflated beyond that."""
    monkeypatch.setattr(redis_sealed, "_LARGE", 1 << 30)
    body = bytes(8 << 20)
    value = SEALING.seal(KEY, entry(body))
    assert len(value) < 100_000
    assert SEALING.open(KEY, value, len(body)) is not None
    assert SEALING.open(KEY, value, len(body) - 1) is None
    tracemalloc.start()
    try:
        assert SEALING.open(KEY, value, 50_000) is None
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()
    noise = os.urandom(5000)
    assert SEALING.open(KEY, SEALING.seal(KEY, entry(noise)), 4999) is None


def test_text_that_is_none() -> None:
    """A name that cannot be written raises what the writer expects."""
    with pytest.raises(ValueError):
        SEALING.seal(KEY, entry(asked="\ud800"))
