"""Kept answers for tests, and what is given of them."""

from __future__ import annotations

from typing import Any

from llm_gateway.cache.entry import Entry
from llm_gateway.cache.memory import Memory


def entry(body: bytes = b"{}", *, at: float = 0.0, until: float = 100.0, asked: str = "m", **more: Any) -> Entry:
    """An answer of a/real."""
    return Entry(body, at, until, "a", "real", asked, **more)


def newest(memory: Memory) -> list[tuple[bytes, Entry]]:
    """What was used last first: nobody but tests wants to see that order."""
    return list(reversed(memory._entries.items()))
