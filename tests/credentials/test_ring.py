"""Sealing: what opens, what does not, and why."""

from __future__ import annotations

from base64 import b64encode
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.config.schema import Secrets
from llm_gateway.config.values import Secret
from llm_gateway.credentials.once import StateFileUnusable
from llm_gateway.credentials.ring import OVERHEAD, Ring, Unsealable, hkdf, load_ring, new_master_key

OLD, NEW = Ring([b"o" * 32]), Ring([b"n" * 32, b"o" * 32])
data = st.binary(max_size=200)
rows = st.text(max_size=40)


@given(data, rows)
def test_what_was_sealed_opens(plain: bytes, row: str) -> None:
    """For its own row, and every sealing is another one."""
    blob = NEW.seal(plain, row)
    assert NEW.open(blob, row) == plain
    assert len(blob) == len(plain) + OVERHEAD
    assert NEW.seal(plain, row) != blob
    assert len(plain) < 8 or plain not in blob


@given(data, rows, rows)
def test_another_row_does_not_open_it(plain: bytes, row: str, other: str) -> None:
    """A blob that is copied to another row is worth nothing."""
    if row == other:
        return
    with pytest.raises(Unsealable, match="another row"):
        NEW.open(NEW.seal(plain, row), other)


@given(data, st.data())
def test_a_flipped_bit_is_noticed(plain: bytes, draw: st.DataObject) -> None:
    """Wherever it is: version, key id, nonce, ciphertext, tag."""
    blob = bytearray(NEW.seal(plain, "row"))
    bit = draw.draw(st.integers(0, len(blob) * 8 - 1))
    blob[bit // 8] ^= 1 << bit % 8
    with pytest.raises(Unsealable):
        NEW.open(bytes(blob), "row")


@given(data, st.data())
def test_a_blob_that_was_cut_is_noticed(plain: bytes, draw: st.DataObject) -> None:
    """At any place, and so are bytes too many."""
    blob = NEW.seal(plain, "row")
    for damaged in (blob[: draw.draw(st.integers(0, len(blob) - 1))], blob + b"x"):
        with pytest.raises(Unsealable):
            NEW.open(damaged, "row")


@given(data)
def test_keys_are_rotated(plain: bytes) -> None:
    """The new ring opens what the old one sealed, and seals it anew once; without the old key it does not open."""
    blob = OLD.seal(plain, "row")
    again = NEW.reseal(blob, "row")
    assert again is not None
    assert NEW.reseal(again, "row") is None
    assert Ring([b"n" * 32]).open(again, "row") == plain
    with pytest.raises(Unsealable, match=OLD.key_ids[0]):
        Ring([b"n" * 32]).open(blob, "row")
    with pytest.raises(Unsealable):
        OLD.open(again, "row")


@given(st.binary(min_size=1, max_size=64), st.binary(max_size=64), st.integers(1, 200))
def test_derivation_is_hkdf(master: bytes, info: bytes, length: int) -> None:
    """As the library makes it."""
    assert hkdf(master, info, length) == HKDF(SHA256(), length, None, info).derive(master)


def test_purposes_have_keys_of_their_own() -> None:
    """Of the current master key or of another one that is there."""
    assert len({NEW.derive("a"), NEW.derive("b"), OLD.derive("a"), b"n" * 32}) == 4
    assert NEW.derive("a", NEW.key_ids[1]) == OLD.derive("a")
    assert NEW.key_ids[1:] == OLD.key_ids
    with pytest.raises(KeyError):
        OLD.derive("a", NEW.key_ids[0])


def test_a_ring_has_usable_keys() -> None:
    """At least one, all of 32 bytes."""
    for keys in ([], [b"short"], [b"x" * 32] * 17):
        with pytest.raises(ValueError, match="key ring"):
            Ring(keys)


def test_the_state_directory_has_a_key(tmp_path: Path) -> None:
    """Made once, mode 0600; a line on top of it is the new key."""
    blob = load_ring(tmp_path, Secrets()).seal(b"x", "row")
    file = tmp_path / "master.key"
    assert file.stat().st_mode & 0o777 == 0o600
    assert load_ring(tmp_path, Secrets()).open(blob, "row") == b"x"
    file.write_text(new_master_key() + "\n" + file.read_text())
    again = load_ring(tmp_path, Secrets()).reseal(blob, "row")
    assert again is not None


def test_the_configuration_may_have_the_keys(tmp_path: Path) -> None:
    """The current one and former ones; nothing is made in the state directory then."""
    old, new = (Secret(b64encode(key * 32).decode()) for key in (b"o", b"n"))
    ring = load_ring(tmp_path, Secrets(master_key=new, old_master_keys=(old,)))
    assert ring.open(OLD.seal(b"x", "row"), "row") == b"x"
    assert ring.key_ids == NEW.key_ids
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_key_is_not_replaced(tmp_path: Path) -> None:
    """It says what a key looks like and that it must be restored, and shows nothing of it."""
    (tmp_path / "master.key").write_text("c2hvcnQ=\n")
    (tmp_path / "master.key").chmod(0o600)
    with pytest.raises(StateFileUnusable, match="restore it") as caught:
        load_ring(tmp_path, Secrets())
    assert "c2hvcnQ" not in str(caught.value)
    with pytest.raises(StateFileUnusable, match=r"secrets\.master_key"):
        load_ring(tmp_path, Secrets(master_key=Secret("no-base64")))
