"""Signed assertions: checked with the public key, and keys that do not do."""

from __future__ import annotations

import subprocess
import sys
from base64 import urlsafe_b64encode
from hashlib import sha256

import pytest

from credentials.keys import certificate, certificate_pem, elliptic, pem, private_key, read
from llm_gateway.credentials.jwt import signed, thumbprint
from llm_gateway.credentials.refreshing import Unavailable


def test_what_is_signed_can_be_checked():
    """RS256, with the header and claims that were asked for."""
    header, claims = read(signed(pem(), {"kid": "1"}, {"iss": "é", "exp": 5}, "the file"))
    assert header == {"alg": "RS256", "typ": "JWT", "kid": "1"}
    assert claims == {"iss": "é", "exp": 5}


def test_a_key_with_a_password():
    """It needs it, and no other; whoever has none must not give one."""
    locked = pem(password="right")
    assert read(signed(locked, {}, {}, "the file", "right"))
    for key, password, match in [
        (locked, None, "needs a password"),
        (locked, "wrong", "password is wrong"),
        (pem(), "x", "takes no"),
    ]:
        with pytest.raises(Unavailable, match=match):
            signed(key, {}, {}, "the file", password)


def test_keys_that_do_not_do():
    """Too short, of another kind, or none: the file is named and not quoted."""
    for key in (pem(private_key(1024)), elliptic()):
        with pytest.raises(Unavailable, match="the private key of the file must be RSA with 2048 bits"):
            signed(key, {}, {}, "the file")
    for key in (b"", b"SECRET", b"-----BEGIN PRIVATE KEY-----\nSECRET\n-----END PRIVATE KEY-----\n", certificate_pem()):
        with pytest.raises(Unavailable, match="the file holds no private key") as caught:
            signed(key, {}, {}, "the file")
        assert "SECRET" not in str(caught.value)


def test_a_thumbprint():
    """SHA-256 of the DER form; of the first certificate, wherever in the file the key stands."""
    from cryptography.hazmat.primitives.serialization import Encoding

    expected = urlsafe_b64encode(sha256(certificate().public_bytes(Encoding.DER)).digest()).rstrip(b"=").decode()
    assert thumbprint(pem() + certificate_pem(), "it") == expected
    with pytest.raises(Unavailable, match="no certificate"):
        thumbprint(pem(), "it")


def test_it_is_imported_late():
    """A gateway that signs nothing does not load the library, and one without it says what is missing."""
    source = """
import sys
import llm_gateway.credentials.registry, llm_gateway.worker.serve
assert "cryptography" not in sys.modules
sys.modules["cryptography.exceptions"] = sys.modules["cryptography.x509"] = None
from llm_gateway.credentials.jwt import signed, thumbprint
from llm_gateway.credentials.refreshing import Unavailable
for call in (lambda: signed(b"", {}, {}, "it"), lambda: thumbprint(b"", "it")):
    try:
        call()
    except Unavailable as error:
        assert "package cryptography" in str(error)
    else:
        raise SystemExit("it did not fail")
"""
    subprocess.run([sys.executable, "-c", source], check=True)
