"""AWS Signature Version 4, against vectors made with botocore and, where it is installed, against botocore itself."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from amount import examples
from llm_gateway.credentials.aws import sigv4
from llm_gateway.credentials.aws.sigv4 import (
    Credentials,
    Scope,
    Signer,
    Unsigned,
    canonical_path,
    canonical_query,
    derive_key,
)

USER = Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
NOON = 1_440_938_160.0  # 2015-08-30T12:36:00Z
ASK = Unsigned("POST", "bedrock-runtime.us-east-1.amazonaws.com", "/model/amazon.nova-lite-v1%3A0/converse", b"{}")
VECTORS = msgspec.json.decode((Path(__file__).parent / "sigv4_vectors.json").read_bytes())


def lines_of(signed: bytes) -> dict[str, str]:
    assert signed.endswith(b"\r\n")
    return dict(line.split(": ", 1) for line in signed.decode().split("\r\n")[:-1])


@pytest.mark.parametrize("vector", VECTORS, ids=[vector["name"] for vector in VECTORS])
def test_pinned_vectors(vector):
    """What botocore made of these requests, to the byte."""
    signer = Signer(vector["region"], vector["service"])
    request = Unsigned(**vector["request"] | {"payload": vector["request"]["payload"].encode()})
    signed = signer.sign(Credentials(**vector["credentials"]), request, vector["now"])
    assert lines_of(signed) == vector["lines"]


def test_the_documented_key():
    """AWS's own example of a derived key (general reference, "Deriving the signing key")."""
    key = derive_key(USER.secret_key, Scope("20120215", "us-east-1", "iam"))
    assert key.hex() == "f4780e2d9f65fa895f9c67b32ce1baf0b0d8a43505a000a1a9e090d414db404d"


@pytest.mark.parametrize(
    ("path", "canonical"),
    [
        ("", "/"),
        ("/", "/"),
        ("/a//b/./c/../d/", "/a/b/d/"),
        ("/..", "/"),
        ("/model/arn%3Aaws%2Fx/converse", "/model/arn%253Aaws%252Fx/converse"),
        ("/~x y", "/~x%20y"),
    ],
)
def test_paths_are_resolved_and_encoded_once_more(path, canonical):
    """A percent sign on the wire is one more character to encode; S3 alone differs."""
    assert canonical_path(path) == canonical


def test_queries_are_in_order():
    """By name, then by value; a name alone has an empty value."""
    assert canonical_query("b=2&a=2&a=1&c") == "a=1&a=2&b=2&c="
    assert canonical_query("") == ""


def test_the_key_is_derived_once_a_day(monkeypatch):
    """Four HMACs are saved; another day or secret asks for another key."""
    made = []
    real = sigv4.derive_key

    def counted(secret: str, scope: Scope) -> bytes:
        made.append(scope.day)
        return real(secret, scope)

    monkeypatch.setattr(sigv4, "derive_key", counted)
    signer = Signer("us-east-1", "bedrock")
    first = signer.sign(USER, ASK, NOON)
    assert signer.sign(USER, ASK, NOON) == first
    signer.sign(USER, ASK, NOON + 3600)
    assert made == ["20150830"]
    signer.sign(USER, ASK, NOON + 86_400)
    signer.sign(Credentials("AKIDOTHER", "other"), ASK, NOON + 86_400)
    assert made == ["20150830", "20150831", "20150831"]
    assert signer.sign(USER, ASK, NOON) == first


def test_a_changed_request_has_another_signature():
    """Every part that is signed counts."""
    signer = Signer("us-east-1", "bedrock")
    others = [
        replace(ASK, method="GET"),
        replace(ASK, host="elsewhere"),
        replace(ASK, path="/x"),
        replace(ASK, query="a=1"),
        replace(ASK, payload=b"{ }"),
        replace(ASK, headers={"x-a": "1"}),
    ]
    signatures = {lines_of(signer.sign(USER, request, NOON))["Authorization"] for request in (ASK, *others)}
    assert len(signatures) == 7


def test_secrets_do_not_show():
    """Neither in a log nor in a traceback."""
    shown = repr(Credentials("AKID", "secret", "token"))
    assert "secret" not in shown
    assert "token'" not in shown
    assert "AKID" in shown


def test_a_credential_cannot_end_its_line():
    """CR and LF are refused, whoever put them into the configuration (CWE-113)."""
    with pytest.raises(ValueError, match="header value"):
        Signer("us-east-1", "bedrock").sign(Credentials("AKID", "s", "a\r\nX-Evil: 1"), ASK, NOON)


keys = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", min_size=4, max_size=20)
secrets = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=40)
segments = st.text("abcXYZ019-._~:/%+ @$,;=()é", max_size=12)
values = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=20).filter(str.strip)
encoded = st.text("abc019-._~%2F", min_size=1, max_size=8)
requests = st.builds(
    Unsigned,
    method=st.sampled_from(["POST", "GET", "DELETE"]),
    host=st.sampled_from(["bedrock-runtime.eu-west-1.amazonaws.com", "127.0.0.1:8443"]),
    path=st.lists(segments, max_size=4).map(lambda parts: "/" + "/".join(parts)),
    payload=st.binary(max_size=40),
    query=st.lists(st.tuples(encoded, encoded), max_size=4).map(lambda pairs: "&".join(f"{a}={b}" for a, b in pairs)),
    headers=st.dictionaries(st.sampled_from(["content-type", "X-Amz-Target", "accept"]), values, max_size=3),
)


@examples(100, fixtures_stay=True)
@given(
    st.builds(Credentials, keys, secrets, st.none() | secrets),
    requests,
    st.integers(0, 4_000_000_000),
    st.sampled_from(["us-east-1", "eu-central-1"]),
    st.sampled_from(["bedrock", "sts"]),
)
def test_botocore_signs_alike(credentials, request, now, region, service):
    """Any request: the same lines as AWS's own library makes."""
    pytest.importorskip("botocore")
    signed = lines_of(Signer(region, service).sign(credentials, request, float(now)))
    assert signed == by_botocore(credentials, request, now, region, service)


def by_botocore(credentials: Credentials, request: Unsigned, now: int, region: str, service: str) -> dict[str, str]:
    """The lines that botocore adds."""
    from unittest.mock import patch

    import botocore.auth
    import botocore.awsrequest
    import botocore.credentials

    url = f"https://{request.host}{request.path}" + (f"?{request.query}" if request.query else "")
    asked = botocore.awsrequest.AWSRequest(request.method, url, {**request.headers, "host": request.host}, request.payload)
    owner = botocore.credentials.Credentials(credentials.access_key, credentials.secret_key, credentials.session_token)
    with patch.object(botocore.auth, "get_current_datetime", return_value=datetime.fromtimestamp(now, UTC)):
        botocore.auth.SigV4Auth(owner, service, region).add_auth(asked)
    return {
        name: asked.headers[name] for name in ("X-Amz-Date", "X-Amz-Security-Token", "Authorization") if name in asked.headers
    }
