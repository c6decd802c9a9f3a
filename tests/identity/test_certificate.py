"""Client certificates in one shape."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.identity.certificate import LONGEST, subject_of, told_certificate


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("CN=web,O=acme", (("commonName", "web"), ("organizationName", "acme"))),
        ("cn=web, OU=a\\, b", (("commonName", "web"), ("organizationalUnitName", "a, b"))),
        ("CN=w\\65b", (("commonName", "web"),)),
        ("/O=acme/CN=web", (("organizationName", "acme"), ("commonName", "web"))),
        ("/O=a/b/CN=web", (("organizationName", "a/b"), ("commonName", "web"))),
        ("1.2.3.4=x", (("1.2.3.4", "x"),)),
        ("web", ()),
        ("CN=", ()),
        ("CN=web,garbage", ()),
        ("", ()),
    ],
)
def test_names(text, parts):
    """As RFC 4514 writes them and as older proxies do; what is half readable is not read at all."""
    assert subject_of(text) == parts


@given(st.binary(max_size=400), st.binary(max_size=400))
def test_anything_is_read_or_is_nothing(certificate, name):
    """Nothing that a header can hold ends in an error."""
    told_certificate(certificate, name)


def test_what_is_too_long_is_nothing():
    """And a certificate that cannot be read is not made up for by the name beside it."""
    assert told_certificate(b"A" * (LONGEST + 1), b"CN=web") is None
    assert told_certificate(b"", b"CN=" + b"A" * LONGEST) is None
