"""Kept answers for tests, and what is given of them."""

from __future__ import annotations

from typing import Any

from llm_gateway.cache.entry import Entry


def entry(body: bytes = b"{}", *, at: float = 0.0, until: float = 100.0, asked: str = "m", **more: Any) -> Entry:
    """An answer of a/real."""
    return Entry(body, at, until, "a", "real", asked, **more)
