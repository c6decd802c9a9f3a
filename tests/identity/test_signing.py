"""Signed requests."""

from __future__ import annotations

import hashlib
import hmac

import pytest

from llm_gateway.config.schema import Signing
from llm_gateway.core.clock import FakeClock
from llm_gateway.core.errors import GatewayError
from llm_gateway.http.request import Request
from llm_gateway.identity.keys import Pepper
from llm_gateway.identity.signing import Signatures, signature_of, signing_secret

SECRET = signing_secret(Pepper(b"pepper"), b"d" * 32)
NOW = 1_700_000_000


class Checker:
    def __init__(self, remembered: int = 1000) -> None:
        self.clock = FakeClock(NOW)
        self.signatures = Signatures(self.clock)
        self.signatures.configure(Signing(remembered=remembered))

    def __call__(self, *secrets: str, **changes: bytes | str | int) -> str:
        """The refusal's code; "" if it is accepted."""
        at = int(changes.get("at", NOW))
        signature = changes.get("signature") or signature_of(SECRET, b"POST", b"/v1/chat/completions?a=b", at, b"{}")
        headers = {b"x-signature": str(signature).encode(), b"x-timestamp": str(changes.get("stamp", at)).encode()}
        for name in ("x_signature", "x_timestamp"):
            if name in changes:
                del headers[name.replace("_", "-").encode()]
        request = Request(
            bytes(changes.get("method", b"POST")),  # type: ignore[arg-type]
            bytes(changes.get("path", b"/v1/chat/completions")),  # type: ignore[arg-type]
            bytes(changes.get("query", b"a=b")),  # type: ignore[arg-type]
            headers,
            "",
            0.0,
            None,
            bytes(changes.get("body", b"{}")),  # type: ignore[arg-type]
        )
        request.sent = bytes(changes.get("sent", b""))  # type: ignore[arg-type]
        try:
            self.signatures.check(request, secrets or (SECRET,))
        except GatewayError as refusal:
            return refusal.code
        return ""


def test_the_documented_example():
    """What docs/SIGNING.md says, by the standard library alone."""
    said = "v1\nPOST\n/v1/chat/completions?a=b\n1700000000\n" + hashlib.sha256(b"{}").hexdigest()
    expected = hmac.new(SECRET.encode(), said.encode(), hashlib.sha256).hexdigest()
    assert signature_of(SECRET, b"POST", b"/v1/chat/completions?a=b", NOW, b"{}") == expected
    assert Checker()() == ""
    assert Checker()(signature="v1=" + expected) == ""


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"method": b"GET"}, "invalid_signature"),
        ({"path": b"/v1/embeddings"}, "invalid_signature"),
        ({"query": b""}, "invalid_signature"),
        ({"body": b"{ }"}, "invalid_signature"),
        ({"stamp": NOW + 1}, "invalid_signature"),
        ({"signature": "0" * 64}, "invalid_signature"),
        ({"signature": "x"}, "invalid_signature"),
        ({"signature": "A" * 64}, "invalid_signature"),
        ({"stamp": "soon"}, "invalid_signature"),
        ({"stamp": "9" * 50}, "invalid_signature"),
        ({"x_signature": b""}, "missing_signature"),
        ({"x_timestamp": b""}, "missing_signature"),
        ({"at": NOW - 300}, "expired_signature"),
        ({"at": NOW - 299}, ""),
        ({"at": NOW + 60}, ""),
        ({"at": NOW + 61}, "expired_signature"),
        ({"path": b"/v1/chat/completions", "sent": b"/latest/chat/completions"}, "invalid_signature"),
        ({"path": b"/v1/other", "sent": b"/v1/chat/completions"}, ""),
    ],
)
def test_what_is_signed_must_be_what_is_asked(changes, code):
    """Method, path and query as they were sent, time and body."""
    assert Checker()(**changes) == code


def test_a_request_counts_once():
    """A replay within the validity is refused; after it, its age is the reason."""
    check = Checker()
    assert check() == ""
    check.clock.advance(200)
    assert check() == "replayed_signature"
    check.clock.advance(101)
    assert check() == "expired_signature"


def test_a_replay_from_ahead_is_refused_too():
    """A signature made 60 seconds ahead is remembered 360 seconds."""
    check = Checker()
    assert check(at=NOW + 60) == ""
    check.clock.advance(359)
    assert check(at=NOW + 60) == "replayed_signature"


def test_a_wrong_signature_takes_no_place():
    """Only who has the secret can fill the memory; and then more is refused rather than forgotten, until the old ones are over."""
    check = Checker(remembered=1000)
    for _ in range(3000):
        assert check(signature="0" * 64) == "invalid_signature"
    assert len(check.signatures._once._seen) == 0
    for n in range(1000):
        assert (
            check(at=NOW, body=b"%d" % n, signature=signature_of(SECRET, b"POST", b"/v1/chat/completions?a=b", NOW, b"%d" % n))
            == ""
        )
    assert check() == "rate_limit_exceeded"
    check.clock.advance(301)
    assert check(at=NOW + 301) == ""


def test_a_secret_is_of_one_key_under_one_pepper():
    """Another key or another pepper has another one; while a pepper is on its way out both count."""
    other = signing_secret(Pepper(b"older"), b"d" * 32)
    assert len({SECRET, other, signing_secret(Pepper(b"pepper"), b"e" * 32)}) == 3
    assert Checker()(other) == "invalid_signature"
    assert Checker()(other, SECRET) == ""
