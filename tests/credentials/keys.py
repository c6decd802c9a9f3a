"""A private key and its certificate, made on the spot, and what a JSON Web Token says that was signed with it."""

from __future__ import annotations

from base64 import urlsafe_b64decode
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import msgspec
import pytest

pytest.importorskip("cryptography")

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import NameOID


@cache
def private_key(bits: int = 2048) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


def pem(key: Any = None, password: str | None = None) -> bytes:
    locked = serialization.BestAvailableEncryption(password.encode()) if password else serialization.NoEncryption()
    return (key or private_key()).private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, locked)


def elliptic() -> bytes:
    """A key of another kind."""
    return pem(ec.generate_private_key(ec.SECP256R1()))


@cache
def certificate() -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "tests")])
    start = datetime(2024, 1, 1, tzinfo=UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(private_key().public_key())
    builder = builder.serial_number(1).not_valid_before(start).not_valid_after(start + timedelta(days=3650))
    return builder.sign(private_key(), SHA256())


def certificate_pem() -> bytes:
    return certificate().public_bytes(serialization.Encoding.PEM)


def read(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and claims, after its signature was checked."""
    said, _, signature = token.rpartition(".")
    private_key().public_key().verify(_bytes(signature), said.encode(), PKCS1v15(), SHA256())
    header, claims = (msgspec.json.decode(_bytes(part)) for part in said.split("."))
    return header, claims


def _bytes(text: str) -> bytes:
    assert "=" not in text
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
