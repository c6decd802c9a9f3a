"""New keys."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.identity.keys import LONGEST_KEY, Pepper
from llm_gateway.identity.minting import PATTERN, PREFIXES, KeyKind, kind_of, mint, rotated, shown
from llm_gateway.identity.rows import Grant, Key

PEPPER = Pepper(b"pepper")
KINDS = st.sampled_from(sorted(PREFIXES))


@given(KINDS, st.binary(min_size=32, max_size=32))
def test_a_minted_key_is_recognised(kind: KeyKind, random: bytes):
    """By kind, by scanners, and by its digest; what may be shown of it is 24 of its 256 bits."""
    made = mint(kind, PEPPER, lambda: "01ULID", lambda _count: random)
    key = made.key.reveal()
    assert kind_of(key) == kind
    assert re.fullmatch(PATTERN, key)
    assert len(key) == len(PREFIXES[kind]) + 49 <= LONGEST_KEY
    assert made.digest == PEPPER.digest(key.encode())
    assert made.id == "key_01ULID"
    assert made.shown == shown(key) == key[: len(PREFIXES[kind]) + 4] + "..."
    assert key not in repr(made)


@given(st.binary(min_size=32, max_size=32), st.binary(min_size=32, max_size=32))
def test_no_randomness_is_lost(one, other):
    """Different bits, different keys: 43 digits hold all 256."""
    keys = [mint("gateway", PEPPER, str, lambda _count, bits=bits: bits).key.reveal() for bits in (one, other)]
    assert (keys[0] == keys[1]) is (one == other)


@given(st.data())
def test_a_typo_is_seen(data):
    """One wrong character makes it no key."""
    key = mint("gateway", PEPPER, str).key.reveal()
    at = data.draw(st.integers(0, len(key) - 1))
    wrong = data.draw(st.sampled_from("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-"))
    assert kind_of(key[:at] + wrong + key[at + 1 :]) == ("gateway" if wrong == key[at] else None)


@pytest.mark.parametrize("key", ["", "sk-gateway-", "sk-proj-abc", "sk-gateway-0123456789", "sk-gateway-" + "0" * 49, "x" * 60])
def test_what_was_not_minted(key):
    """Is of no kind, and nothing of it is shown."""
    assert kind_of(key) is None
    assert shown(key) == ""


def test_two_are_never_the_same():
    """The system's randomness, unless a test brings its own."""
    assert len({mint("admin", PEPPER, str).digest for _ in range(100)}) == 100


@pytest.mark.parametrize(("expires", "ends"), [(None, 50.0), (90.0, 50.0), (20.0, 20.0)])
def test_rotation(expires, ends):
    """The old key is good until then if it was so long; the new one has its rights, what it owns and what it has used up."""
    first = Key("key_1", b"1", "web", "t", "p", Grant(tags=("x",)), expires)
    old, new = rotated(first, mint("gateway", PEPPER, lambda: "2"), 50.0)
    assert (old.id, old.digest, old.expires) == ("key_1", b"1", ends)
    assert (new.id, new.owner, new.expires) == ("key_2", "key_1", expires)
    assert (new.name, new.tenant, new.project, new.grant) == ("web", "t", "p", first.grant)
    _, third = rotated(new, mint("gateway", PEPPER, lambda: "3"), 60.0)
    assert third.owner == "key_1"
