"""Snapshots: numbered, in parts, signed."""

from __future__ import annotations

import hashlib
import hmac

import msgspec
import pytest

from llm_gateway.channel.messages import plain
from llm_gateway.channel.snapshot import Managed, Signer, Snapshot, Unusable, derive

SECRET = b"s" * 32
SIGNER = Signer(SECRET)
ONE = Snapshot(5, 1, {"config": b"c1", "directory": b"d" * 100})


def test_a_parcel_brings_it_whole():
    """Over the wire and back."""
    again = SIGNER.open(plain(SIGNER.parcel(ONE)))
    assert again == ONE
    assert (again.config, again.directory) == (b"c1", b"d" * 100)
    assert Snapshot(1, 1, {}).directory is None
    with pytest.raises(Unusable):
        Snapshot(1, 1, {}).config  # noqa: B018 - it raises


def test_what_the_other_side_has_is_not_sent_again():
    """Only what changed; the rest is taken from the one before."""
    two = Snapshot(6, 2, {"config": b"c2", "directory": b"d" * 100})
    parcel = SIGNER.parcel(two, ONE.digests)
    assert parcel.parts == {"config": b"c2"}
    assert SIGNER.open(parcel, ONE) == two
    with pytest.raises(Unusable, match="not whole: directory"):
        SIGNER.open(parcel)


def test_an_older_one_is_refused():
    """And says which is in use."""
    with pytest.raises(Unusable, match=r"older \(number 5\).*\(6\)"):
        SIGNER.open(SIGNER.parcel(ONE), Snapshot(6, 1, {}))


@pytest.mark.parametrize("field", ["manifest", "signature"])
def test_what_was_changed_is_refused(field):
    """One bit is enough."""
    parcel = plain(SIGNER.parcel(ONE))
    parcel[field] = bytes([parcel[field][0] ^ 1]) + parcel[field][1:]
    with pytest.raises(Unusable, match="signature"):
        SIGNER.open(parcel)


def test_a_part_that_is_not_the_signed_one_is_refused():
    """The signature covers every part by its digest."""
    parcel = plain(SIGNER.parcel(ONE))
    parcel["parts"]["config"] = b"evil"
    with pytest.raises(Unusable, match="not whole: config"):
        SIGNER.open(parcel)


def test_another_gateways_secret_is_refused():
    """Its state directory is another one."""
    with pytest.raises(Unusable, match="signature"):
        Signer(b"t" * 32).open(SIGNER.parcel(ONE))


def test_a_newer_format_is_refused_whatever_else_is_in_it():
    """A version of the future may mean anything by its fields."""
    manifest = msgspec.msgpack.encode({"format": 2, "number": "seven"})
    signature = hmac.digest(derive(SECRET, "snapshot signature"), manifest, "sha256")
    with pytest.raises(Unusable, match="format 2"):
        SIGNER.open({"manifest": manifest, "signature": signature, "parts": {}})


@pytest.mark.parametrize("given", [None, {}, {"manifest": 1, "signature": b"", "parts": {}}, [1, 2, 3]])
def test_what_is_no_parcel_is_refused(given):
    """In words."""
    with pytest.raises(Unusable):
        SIGNER.open(given)


def test_managed_addresses():
    """A part like any other."""
    managed = Managed({"sim": "http://127.0.0.1:1/v1"}, {"local": "not installed"})
    assert Snapshot(1, 1, {"managed": msgspec.msgpack.encode(managed)}).managed == managed
    with pytest.raises(Unusable):
        Snapshot(1, 1, {"managed": b"\xc1"}).managed  # noqa: B018 - it raises


def test_keys_are_derived_as_rfc_5869_says():
    """HKDF with SHA-256: another implementation gives the same."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    theirs = HKDF(hashes.SHA256(), 32, b"llm-gateway", b"for a test").derive(SECRET)
    assert derive(SECRET, "for a test") == theirs
    assert hashlib.sha256(derive(SECRET, "another")).digest() != hashlib.sha256(theirs).digest()
