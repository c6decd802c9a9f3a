"""What is taken for an address in the configuration."""

from __future__ import annotations

import pytest

from llm_gateway.config.schema.addresses import base_fault, is_secure, parts_of, secrets_fault

NONE = (
    "",
    "host",
    "ftp://host",
    "http://",
    "http://host:0",
    "http://host:port",
    "http://[::1",
    "http://host:99999",
    "//host",
    "https://host/a b",
    "https://a\\\\b",
)


@pytest.mark.parametrize("url", NONE)
def test_what_is_no_address_is_none_anywhere(url):
    """Another scheme, no host, a port that there is not: no kind of address takes it, and none raises."""
    assert parts_of(url) is None
    assert not is_secure(url)
    assert base_fault(url, "https://host/v1", "api_key") == "expected a URL such as https://host/v1"
    assert list(secrets_fault("url", url)) == [("url", "expected a URL such as https://host")]


@pytest.mark.parametrize(
    ("url", "secure", "base", "secrets"),
    [
        ("https://host/v1", True, "", ""),
        ("HTTPS://host:8443", True, "", ""),
        ("http://host", False, "", "https://"),
        ("http://localhost:4318", True, "", ""),
        ("http://[::1]:1", True, "", ""),
        ("https://me:secret@host", False, "credentials go into api_key", "expected a URL"),
        ("https://host?key=x", True, "credentials go into api_key", "expected a URL"),
    ],
)
def test_each_kind_has_its_own_rule(url, secure, base, secrets):
    """Tokens and sign-in go over TLS or stay on this machine; so do secrets; credentials stand in no address."""
    assert is_secure(url) is secure
    for found, wanted in (
        (base_fault(url, "x", "api_key"), base),
        ("".join(text for _, text in secrets_fault("u", url)), secrets),
    ):
        assert (wanted in found) if wanted else not found
