"""What a file is, by its first bytes: what a server says about it, or its name, is not believed."""

from __future__ import annotations

IMAGES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
TEXTS = frozenset({"text/plain", "text/markdown", "text/html", "text/csv"})
KNOWN = IMAGES | TEXTS | {"application/pdf"}

_MAGIC = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"%PDF-", "application/pdf"),
)
_CONTROL = frozenset(range(32)) - frozenset(b"\t\n\r\f\x1b")


def sniff(data: bytes, said: str = "") -> str | None:
    """The media type of `data`; None for none that is known. `said`: the Content-Type, which only tells kinds of text apart."""
    for start, media_type in _MAGIC:
        if data.startswith(start):
            return media_type
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    if not data or not _is_text(data):
        return None
    kind = said.partition(";")[0].strip().lower()
    return kind if kind in TEXTS else "text/plain"


def _is_text(data: bytes) -> bool:
    if not _CONTROL.isdisjoint(data):
        return False
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
