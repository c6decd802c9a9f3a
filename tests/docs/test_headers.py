"""Every header that the gateway reads or writes is described."""

from __future__ import annotations

import re

from documents import NOT_SERVED, SOURCE, page

PAGES = ("docs/API.md", "docs/ADMIN-API.md", "docs/PROVIDERS.md", "docs/LIMITS.md")
ONE_WORD = {
    *("accept", "allow", "authorization", "baggage", "connection", "cookie", "date", "deprecation", "etag", "expect"),
    *("forwarded", "host", "link", "location", "origin", "server", "sunset", "traceparent", "tracestate", "upgrade", "vary"),
    *("via", "warning"),
}
"""Headers of one word, which in the source looks like any other word."""
NO_HEADERS = {
    "llm-gateway",
    "no-store",
    "same-origin",
    "strict-origin-when-cross-origin",
    "x-gzip",
    "x-team",
    "proxy-authorization",
}
"""Words with hyphens that are values, and the example of a header in a rule; the last one is sent to the operator's own proxy."""
APART = {"providers", "dialects", "credentials", "cli", *NOT_SERVED}
"""Folders that write what providers' and stores' own documentation demands."""
_NAME = re.compile(r"[A-Za-z]+(?:-[A-Za-z0-9]+)+|[A-Za-z]+")
_LINE = re.compile(r"(?:^|\\n)([A-Za-z]+(?:-[A-Za-z]+)*): ?")
_TEXTS = re.compile(r"""\bb"((?:[^"\\\n]|\\.)*)"|"([Xx]-[A-Za-z-]+)"|header[a-z_]*(?:\.get)?\(b?"([A-Za-z-]+)\"""")


def headers() -> set[str]:
    """In lower case: of bytes, of plain texts that begin with X-, and of what is looked up in headers."""
    found = set()
    for file in SOURCE.rglob("*.py"):
        if APART & set(file.relative_to(SOURCE).parts):
            continue
        for texts in _TEXTS.findall(file.read_text()):
            text = "".join(texts)
            found.update(name.lower() for name in _LINE.findall(text.replace("\\r", "")))
            if _NAME.fullmatch(text):
                found.add(text.lower())
    return {name for name in found if "-" in name or name in ONE_WORD} - NO_HEADERS


def test_every_header_is_described() -> None:
    """The pages about HTTP name each of them in full."""
    found = headers()
    assert {"x-gateway-stored", "sunset", "traceparent", "x-csrf-token", "x-ssl-client-dn", "x-ratelimit-reset"} <= found
    said = {name.lower() for name in re.findall(r"`([A-Za-z][A-Za-z-]+)", "".join(map(page, PAGES)))}
    assert sorted(found - said) == []
