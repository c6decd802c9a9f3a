"""origin: base URLs, strictly read."""

from __future__ import annotations

import pytest

from llm_gateway.http.origin import Origin


@pytest.mark.parametrize(
    ("url", "origin", "path", "authority"),
    [
        ("https://api.test/v1", Origin("https", "api.test", 443), "/v1", b"api.test"),
        ("https://api.test/v1/", Origin("https", "api.test", 443), "/v1", b"api.test"),
        ("HTTP://API.Test", Origin("http", "api.test", 80), "", b"api.test"),
        ("http://api.test:8080/", Origin("http", "api.test", 8080), "", b"api.test:8080"),
        ("https://api.test:80/", Origin("https", "api.test", 80), "", b"api.test:80"),
        ("http://[::1]:9/a/b", Origin("http", "::1", 9), "/a/b", b"[::1]:9"),
        ("https://bücher.test", Origin("https", "xn--bcher-kva.test", 443), "", b"xn--bcher-kva.test"),
    ],
)
def test_parse(url, origin, path, authority):
    """Scheme, host, port and path, and the Host header made of them."""
    assert Origin.parse(url) == (origin, path)
    assert origin.authority == authority


@pytest.mark.parametrize(
    "url",
    [
        "api.test",
        "ftp://api.test",
        "https://",
        "https:///v1",
        "https://user:pass@api.test",
        "https://user@api.test",
        "https://api.test/v1?key=secret",
        "https://api.test/v1#x",
        "https://api.test/a b",
        "https://api.test/\r\nX: y",
        "https://api.test:0",
        "https://api.test:99999",
        "https://api.test:x",
        "https://api.test\\@evil.test",
        "https://[fe80::1%25eth0]/",
        "https://api%2etest/",
        "https://api.test/é",
    ],
)
def test_what_is_not_a_base_url_is_refused(url):
    """Ambiguous or leaking URLs are refused, and the message does not repeat them."""
    with pytest.raises(ValueError) as caught:
        Origin.parse(url)
    assert "api.test" not in str(caught.value)
    assert "secret" not in str(caught.value)
