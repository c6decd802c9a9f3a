"""Signed tokens: taken apart, and their signatures checked."""

from __future__ import annotations

import hmac

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given
from hypothesis import strategies as st
from joserfc.jwk import ECKey, OctKey, RSAKey

from fakes.oidc import KINDS, key_of, segment, signed
from llm_gateway.identity.jose import (
    LONGEST_TOKEN,
    MOST_KEYS,
    KeySet,
    Refused,
    looks_signed,
    published,
    shared,
    taken_apart,
)

SECRET = "s" * 32
CLAIMS = {"iss": "i"}


def public(algorithm: str, **more: object) -> dict[str, object]:
    return {**key_of(*KINDS[algorithm], 0).as_dict(private=False), "kid": "one", **more}


def keys(*documents: object) -> KeySet:
    return published(msgspec.json.encode({"keys": documents}))


def why(token: bytes) -> str:
    with pytest.raises(Refused) as caught:
        taken_apart(token)
    return caught.value.why


@pytest.mark.parametrize("algorithm", KINDS)
def test_a_signature_of_a_published_key_is_verified(algorithm):
    """Each kind of signature is accepted from its key, and not with another byte in its claims."""
    token = signed({"alg": algorithm, "kid": "one"}, CLAIMS, key_of(*KINDS[algorithm], 0))
    other = signed({"alg": algorithm, "kid": "one"}, {"iss": "j"}, key_of(*KINDS[algorithm], 0))
    forged = b".".join((*token.split(b".")[:1], other.split(b".")[1], token.split(b".")[2]))
    assert keys(public(algorithm)).verifies(taken_apart(token))
    assert not keys(public(algorithm)).verifies(taken_apart(forged))


def test_a_key_that_is_not_named_is_found_among_those_that_fit():
    """A token without a key id is tried with the keys of its algorithm."""
    token = signed({"alg": "ES256"}, CLAIMS, key_of(*KINDS["ES256"], 0))
    assert keys(public("RS256"), public("ES256")).verifies(taken_apart(token))


def test_a_public_key_is_no_shared_secret():
    """The classic confusion: HS256 with the PEM or the JWK of the RSA key as its secret is refused."""
    document = public("RS256")
    pem = key_of("RSA", 2048, 0).as_pem(private=False)
    for secret in (pem, msgspec.json.encode(document), str(document["n"]).encode()):
        said = segment(b'{"alg":"HS256","kid":"one"}') + b"." + segment(b'{"iss":"i"}')
        token = said + b"." + segment(hmac.digest(secret, said, "sha256"))
        assert not keys(document).verifies(taken_apart(token))


def _oct(secret: bytes) -> OctKey:
    return OctKey.import_key({"kty": "oct", "k": segment(secret).decode()})


def test_a_published_secret_is_passed_over():
    """An issuer that publishes a symmetric key has published it to everybody."""
    token = signed({"alg": "HS256", "kid": "one"}, CLAIMS, _oct(SECRET.encode()))
    assert not keys({"kty": "oct", "kid": "one", "k": segment(SECRET.encode()).decode()}).verifies(taken_apart(token))
    assert shared(SECRET).verifies(taken_apart(signed({"alg": "HS256"}, CLAIMS, _oct(SECRET.encode()))))


def test_no_algorithm_is_none_of_ours():
    """`none` with an empty or any signature fits no key."""
    head, body = segment(b'{"alg":"none"}'), segment(b"{}")
    assert why(head + b"." + body + b".") == "form"
    assert not keys(public("RS256")).verifies(taken_apart(head + b"." + body + b".AAAA"))


@pytest.mark.parametrize(
    "document",
    [
        {"use": "enc"},
        {"key_ops": ["sign"]},
        {"alg": "PS256"},
        {"kid": "two"},
    ],
)
def test_a_key_for_something_else_verifies_nothing(document):
    """A key of another use, another algorithm or another name is not taken."""
    token = signed({"alg": "RS256", "kid": "one"}, CLAIMS, key_of("RSA", 2048, 0))
    assert not keys(public("RS256", **document)).verifies(taken_apart(token))


def test_a_key_in_the_tokens_own_header_is_not_looked_at():
    """`jwk` in a header: whoever signed it could have written it."""
    mine = RSAKey.generate_key(2048, private=True)
    header = {"alg": "RS256", "kid": "one", "jwk": mine.as_dict(private=False), "jku": "https://evil.example/keys"}
    assert not keys(public("RS256")).verifies(taken_apart(signed(header, CLAIMS, mine)))


def test_weak_keys_are_passed_over():
    """RSA below 2048 bits verifies nothing (RFC 7518 section 3.3)."""
    weak = rsa.generate_private_key(65537, 1024)  # noqa: S505 - that is the point
    numbers = weak.public_key().public_numbers()
    n, e = (segment(value.to_bytes((value.bit_length() + 7) // 8, "big")).decode() for value in (numbers.n, numbers.e))
    assert len(keys({"kty": "RSA", "n": n, "e": e, "kid": "one"})) == 0


def test_a_curve_fits_its_algorithm_alone():
    """ES256 with a key on P-384 is refused, and does not fail."""
    other = ECKey.generate_key("P-384", private=True)
    token = signed({"alg": "ES384", "kid": "one"}, CLAIMS, other).split(b".")
    token[0] = segment(b'{"alg":"ES256","kid":"one"}')
    assert not keys({**other.as_dict(private=False), "kid": "one"}).verifies(taken_apart(b".".join(token)))


@pytest.mark.parametrize("extra", [{"crit": ["exp"]}, {"crit": []}, {"b64": False}, {"b64": True}])
def test_extensions_that_must_be_understood_are_refused(extra):
    """`crit`, and `b64` with it: RFC 7515 section 4.1.11 and RFC 7797."""
    assert why(signed({"alg": "RS256", **extra}, CLAIMS, key_of("RSA", 2048, 0))) == "crit"


@pytest.mark.parametrize(
    "token",
    [
        b"",
        b"ey",
        b"ey.ey",
        b"ey.ey.ey.ey.ey",
        b"ey..ey",
        b"e y.ey.ey",
        b"eyJ9.!!.ey",
        segment(b"[]") + b"." + segment(b"{}") + b".AAAA",
        segment(b'{"alg":1}') + b"." + segment(b"{}") + b".AAAA",
        segment(b'{"alg":"RS256"}') + b"." + segment(b"[1]") + b".AAAA",
        segment(b'{"alg":"RS256"}') + b"." + segment(b"[" * 9000) + b".AAAA",
        segment(b'{"alg":"RS256"}') + b"." + segment(b'{"a":"\xff"}') + b".AAAA",
        b"ey" + b"A" * LONGEST_TOKEN + b".ey.ey",
    ],
)
def test_what_is_no_token_is_refused(token):
    """Whatever is damaged has one reason, and never fails otherwise."""
    assert why(token) == "form"


@given(st.binary(max_size=300))
def test_any_bytes_are_taken_apart_or_refused(data):
    """Nothing that a client sends ends in another exception."""
    for token in (data, segment(data) + b"." + segment(data) + b".AAAA", b"eyJhbGciOiJSUzI1NiJ9." + segment(data) + b".AAAA"):
        try:
            taken = taken_apart(token)
        except Refused:
            continue
        assert not keys(public("RS256")).verifies(taken)


def test_a_signature_of_another_length_is_no_error():
    """ES256 has 64 bytes; others are refused like any wrong one."""
    token = signed({"alg": "ES256", "kid": "one"}, CLAIMS, key_of(*KINDS["ES256"], 0)).rpartition(b".")[0]
    for tail in (b"AA", b"AAAA" * 100):
        assert not keys(public("ES256")).verifies(taken_apart(token + b"." + tail))


@pytest.mark.parametrize("document", [b"", b"[]", b'{"keys":1}', b"<html>"])
def test_what_is_no_key_set_is_refused(document):
    """An error page in the place of keys takes no key away."""
    with pytest.raises(ValueError, match="no JSON Web Key Set"):
        published(document)


def test_a_set_may_hold_anything_and_is_bounded():
    """Keys that cannot be read are passed over one by one; what comes behind the 64th is not read."""
    broken = [
        1,
        None,
        {},
        {"kty": "RSA"},
        {"kty": "RSA", "n": "!", "e": "AQAB"},
        {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"},
    ]
    assert len(keys(*broken, public("RS256"))) == 1
    assert len(keys(*[{}] * MOST_KEYS, public("RS256"))) == 0


def test_private_halves_are_not_kept():
    """A careless issuer's private key is not loaded into the gateway."""
    document = {**key_of("RSA", 2048, 0).as_dict(private=True), "kid": "one"}
    found = keys(document)
    assert found.verifies(taken_apart(signed({"alg": "RS256", "kid": "one"}, CLAIMS, key_of("RSA", 2048, 0))))
    assert not found._keys[0].key.is_private


def test_what_looks_signed():
    """Three parts in base64url that begin like a JSON object; keys of the gateway never do."""
    assert looks_signed(signed({"alg": "RS256"}, CLAIMS, key_of("RSA", 2048, 0)))
    assert not looks_signed(b"sk-gateway-0123456789.a.b")
    assert not looks_signed(b"eyJ.a")
