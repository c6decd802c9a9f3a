"""What a file is, by its first bytes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.providers.sniff import KNOWN, sniff


@pytest.mark.parametrize(
    ("data", "said", "kind"),
    [
        (b"\x89PNG\r\n\x1a\n....", "text/html", "image/png"),
        (b"\xff\xd8\xff\xe0....", "image/png", "image/jpeg"),
        (b"GIF89a....", "", "image/gif"),
        (b"RIFF\x10\x00\x00\x00WEBPVP8 ", "", "image/webp"),
        (b"RIFF\x10\x00\x00\x00WAVEfmt ", "", None),
        (b"%PDF-1.7\n", "", "application/pdf"),
        (b"hello\n", "text/markdown; charset=utf-8", "text/markdown"),
        (b"<svg xmlns='x'/>", "image/svg+xml", "text/plain"),
        (b"a\x00b", "text/plain", None),
        (b"\xff\xfe\x00", "text/plain", None),
        (b"", "text/plain", None),
    ],
)
def test_kinds(data: bytes, said: str, kind: str | None) -> None:
    """The server's word counts only among kinds of text."""
    assert sniff(data, said) == kind


@given(st.binary(max_size=64), st.text(max_size=32))
def test_anything(data: bytes, said: str) -> None:
    """Never an error, and never a type that nobody knows."""
    assert sniff(data, said) in {None, *KNOWN}
